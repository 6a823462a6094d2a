import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.comparing.figures import Figure
from fleetlm_users.measure.comparing.rows import Tolerances, rows_of, usual_direction
from fleetlm_users.measure.comparing.thresholds import pair_thresholds
from tests.cli.summaries import counter, gauge, rate, summary, trend, with_trend

P95 = Figure("append_latency_ms", None, "p(95)")
EVEN = [50 + index / 100 for index in range(2000)]  # 50 to 70 ms


def row(before, after, figure=P95, *, noise=(), tolerances=None, by_scenario=False):
    pairs = pair_thresholds(before["thresholds"], after["thresholds"], lambda _figure: None)
    judged = {pair.figure: pair.direction for pair in pairs}
    found = rows_of(before, after, list(noise), judged, tolerances or Tolerances(), by_scenario=by_scenario)
    return next(item for item in found if item.figure == figure)


def scaled(factor, samples=EVEN):
    return with_trend([value * factor for value in samples])


@pytest.mark.parametrize(
    ("factor", "change"),
    [(1.0, "same"), (1.03, "small"), (1.2, "worse"), (3.0, "worse"), (0.97, "small"), (0.5, "better")],
)
def test_a_latency_is_worse_beyond_interval_and_tolerance(factor, change):
    """2,000 samples over 20 ms: 3 % is real and within the tolerance, 20 % is not."""
    found = row(scaled(1.0), scaled(factor))
    assert found.change == change
    assert found.judged
    assert found.relative == pytest.approx(factor - 1, abs=0.001)


def test_a_wider_tolerance_lets_more_pass():
    """20 % worse is not a regression if 30 % are allowed."""
    assert row(scaled(1.0), scaled(1.2), tolerances=Tolerances(tolerance=0.3)).change == "small"


def test_few_samples_claim_nothing():
    """The same factor of two: shown with 2,000 samples, not with 25, and unknown with 10."""
    assert row(scaled(1.0), scaled(2.0)).change == "worse"
    few = [1.0, 2.0, 3.0, 5.0, 9.0] * 5
    assert row(scaled(1.0, few), scaled(2.0, few)).change in ("same", "unclear")
    assert row(scaled(1.0, few[:10]), scaled(2.0, few[:10])).change == "unclear"


def test_a_further_run_of_a_widens_what_counts_as_noise():
    """B is 20 % above A, and so was A the second time."""
    assert row(scaled(1.0), scaled(1.2), noise=[scaled(1.22)]).change == "same"
    assert row(scaled(1.0), scaled(2.0), noise=[scaled(1.22)]).change == "worse"


def test_what_only_one_run_has_is_missing():
    """Whichever it is."""
    assert row(summary(), scaled(1.0)).change == "missing"
    assert row(scaled(1.0), summary()).change == "missing"


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((1000, 1000), (1000, 1000), "same"),
        ((10_000, 10_000), (9_960, 10_000), "small"),  # 0.4 points, of which one is allowed
        ((10_000, 10_000), (9_500, 10_000), "worse"),
        ((50, 50), (49, 50), "same"),
        ((9_000, 10_000), (9_900, 10_000), "better"),
    ],
)
def test_rates_are_compared_in_points(before, after, change):
    """The tolerance of a rate is in percentage points: 5 % of 99.9 % would let anything pass."""
    name = "message_success_rate"
    found = row(summary({name: rate(*before)}), summary({name: rate(*after)}), Figure(name, None, "rate"))
    assert found.change == change


@pytest.mark.parametrize(
    ("name", "before", "after", "change"),
    [
        ("messages_lost", 0, 3, "same"),
        ("messages_lost", 0, 30, "worse"),
        ("messages_lost", 30, 0, "better"),
        ("messages_sent", 1000, 2000, "changed"),
        ("messages_sent", 1000, 1000, "same"),
    ],
)
def test_counts_of_trouble_are_worse_when_higher(name, before, after, change):
    """Counters of work done are neither better nor worse."""
    found = row(summary({name: counter(before)}), summary({name: counter(after)}), Figure(name, None, "count"))
    assert found.change == change


def test_a_gauge_is_shown_only():
    """One reading has no interval."""
    before, after = summary({"active_connections": gauge(0, 18)}), summary({"active_connections": gauge(0, 20)})
    assert row(before, after, Figure("active_connections", None, "max")).change == "changed"


def test_scenarios_are_shown_when_asked_for():
    """They are only shown if there are several."""
    found = scaled(1.0)
    found["metrics"]["append_latency_ms"]["main"]["scenarios"] = {
        name: trend(EVEN)[0]["main"]["all"] for name in ("burst", "churn")
    }
    assert row(found, found, Figure("append_latency_ms", "burst", "p(95)"), by_scenario=True).change == "same"


def test_a_change_cannot_fall_below_nothing():
    """The interval of a change of a latency ends at −100 %."""
    found = row(scaled(1.0, [1.0, 2.0, 40.0] * 10), scaled(0.1, [1.0, 2.0, 40.0] * 10))
    assert found.gap_in.low is None or found.gap_in.low >= -found.before.value


@pytest.mark.parametrize(
    ("metric", "kind", "direction"),
    [("x_ms", "trend", "lower"), ("x_rate", "rate", "higher"), ("messages_lost", "counter", "lower"),
     ("messages_sent", "counter", None), ("active_connections", "gauge", None)],
)  # fmt: skip
def test_which_way_is_better_without_a_threshold(metric, kind, direction):
    """It follows from the kind, and for counters from what they count."""
    assert usual_direction(metric, kind) == direction


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=200), st.lists(st.floats(0.1, 100), min_size=1, max_size=200))
def test_any_two_runs_compare_and_swap(left, right):
    """Whatever was measured, there is an answer, and B against A mirrors A against B."""
    mirrored = {"worse": "better", "better": "worse"}
    one, other = with_trend(left), with_trend(right)
    forth, back = row(one, other), row(other, one)
    if forth.change in mirrored and back.change != "small":
        assert back.change == mirrored[forth.change]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=300))
def test_a_run_is_the_same_as_itself(samples):
    """No figure of a run differs from itself."""
    found = rows_of(with_trend(samples), with_trend(samples), [], {}, Tolerances(), by_scenario=False)
    assert {item.change for item in found} <= {"same", "unclear"}


@pytest.mark.parametrize(("after", "change"), [(0.0, "same"), (0.02, "same"), (0.2, "worse")])
def test_growth_of_a_backlog_is_worse_beyond_what_could_hide(after, change):
    """3 % could hide in A: 2 % in B are no difference, 20 % are."""

    def run(share):
        figures = {"per_s": 100 * share, "low_per_s": 100 * share - 1, "high_per_s": 100 * share + 1}
        entry = {"queue": "agent", "scenario": "", "begins_s": 0, "seconds": 60, "arrived": 6000, "waiting": 5}
        told = entry | figures | {"resolution_per_s": 3.0, "behind_s": 0.1, "is_growing": share > 0}
        return summary({"agent_backlog_growth": gauge(share, share)}) | {"backlogs": [told]}

    found = row(run(0.0), run(after), Figure("agent_backlog_growth", None, "value"))
    assert (found.change, found.direction, found.kind) == (change, "lower", "rate")
