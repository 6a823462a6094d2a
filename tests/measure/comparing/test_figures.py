import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.comparing.figures import NOTHING, Figure, Histogram, KnownPoints, aggregation_of, look_up
from fleetlm_users.measure.comparing.statistics import OPEN
from tests.cli.summaries import counter, gauge, rate, summary, threshold, trend, with_trend

P95 = Figure("append_latency_ms", None, "p(95)")
EVEN = [index / 10 for index in range(1000)]  # 0 to 99.9 ms


def test_a_percentile_has_the_interval_of_its_ranks():
    """p95 of 1,000 even samples is 95 ms, known to about ±1.8 ms at 99 %."""
    found = look_up(with_trend(EVEN), P95, 0.99)
    assert found.value == pytest.approx(94.9)
    assert found.samples == 1000
    assert found.interval.low == pytest.approx(93.1, abs=0.3)
    assert found.interval.high == pytest.approx(96.6, abs=0.3)


def test_without_a_distribution_the_known_figures_give_the_interval():
    """It is rougher, and still holds the figure and lies between its neighbours."""
    found = look_up(with_trend(EVEN, distributed=False), P95, 0.99)
    assert 89.9 < found.interval.low < found.value < found.interval.high < 98.9


def test_few_samples_have_no_percentile_and_no_interval():
    """Ten samples: no p95; a hundred: p99 without an upper end."""
    assert look_up(with_trend(range(1, 11)), P95, 0.99).value is None
    assert look_up(with_trend(range(1, 11)), P95, 0.99).samples == 10
    p99 = look_up(with_trend(range(1, 101)), Figure("append_latency_ms", None, "p(99)"), 0.99)
    assert (p99.value, p99.interval.high) == (99, None)


def test_an_odd_percentile_is_taken_from_the_threshold_that_measured_it():
    """97.5 is in no table of figures; without such a threshold it is not known."""
    known = with_trend(EVEN)
    figure = Figure("append_latency_ms", None, "p(97.5)")
    assert look_up(known, figure, 0.99).value is None
    known["thresholds"].append(threshold("append_latency_ms: p(97.5)<200", 97.4, ok=True))
    found = look_up(known, figure, 0.99)
    assert found.interval.low < found.value == 97.4 < found.interval.high


def test_a_mean_has_an_interval_from_the_distribution_only():
    """Minimum and maximum have none at all."""
    average = Figure("append_latency_ms", None, "avg")
    assert look_up(with_trend(EVEN), average, 0.99).interval == pytest.approx((47.6, 52.3), abs=0.1)
    assert look_up(with_trend(EVEN, distributed=False), average, 0.99).interval == OPEN
    assert look_up(with_trend(EVEN), Figure("append_latency_ms", None, "max"), 0.99).interval == OPEN


def test_counters_are_events_per_second():
    """A counter of 60 in a minute is 1/s; the count itself is shown."""
    found = look_up(summary({"messages_lost": counter(60)}), Figure("messages_lost", None, "count"), 0.95)
    assert (found.value, found.shown) == (1.0, 60)
    assert found.interval == pytest.approx((0.763, 1.287), abs=0.01)


def test_rates_and_gauges():
    """A rate has Wilson's interval, a gauge none."""
    known = summary({"message_success_rate": rate(99, 100), "active_connections": gauge(0, 18)})
    success = look_up(known, Figure("message_success_rate", None, "rate"), 0.95)
    assert success.value == 0.99
    assert success.interval == pytest.approx((0.9455, 0.9982), abs=1e-3)
    assert look_up(known, Figure("active_connections", None, "max"), 0.95).value == 18
    assert look_up(known, Figure("active_connections", None, "value"), 0.95).value == 0


def test_a_scenario_has_its_own_figures():
    """If the summary lacks that scenario, there are none."""
    known = with_trend(EVEN)
    known["metrics"]["append_latency_ms"]["main"]["scenarios"]["burst"] = trend([5.0] * 30)[0]["main"]["all"]
    assert look_up(known, Figure("append_latency_ms", "burst", "p(95)"), 0.99).value == 5.0
    assert look_up(known, Figure("append_latency_ms", "churn", "p(95)"), 0.99) == NOTHING


def test_what_was_not_measured_is_nothing():
    """An unknown metric, and one with samples in the warm-up only."""
    known = with_trend(EVEN)
    known["metrics"]["append_latency_ms"]["warm_up"] = known["metrics"]["append_latency_ms"].pop("main")
    assert look_up(known, P95, 0.99) == NOTHING
    assert look_up(known, Figure("nothing_ms", None, "p(95)"), 0.99) == NOTHING


@pytest.mark.parametrize(
    ("condition", "aggregation"),
    [("p(95)<500", "p(95)"), ("rate>=0.9", "rate"), ("count==0", "count"), ("avg != 3", "avg")],
)
def test_the_aggregation_of_a_condition(condition, aggregation):
    """It is the text before the operator."""
    assert aggregation_of(condition) == aggregation


BUCKETS = [[0.0, 1.0, 10], [1.0, 2.0, 80], [4.0, 8.0, 10]]


@pytest.mark.parametrize(
    ("rank", "value"), [(1, 0.05), (10, 0.95), (11, 1.00625), (50, 1.49375), (90, 1.99375), (100, 7.8), (1000, 8.0)]
)
def test_a_rank_lies_evenly_in_its_bucket(rank, value):
    """The samples of a bucket are spread evenly over it; beyond the last it is the upper edge."""
    assert Histogram(BUCKETS).value_at(rank) == pytest.approx(value)


def test_spread_is_the_standard_deviation_of_the_middles():
    """Ten at 0.5, eighty at 1.5, ten at 6."""
    assert Histogram(BUCKETS).spread() == pytest.approx(1.4222, abs=1e-3)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.data())
def test_values_rise_with_the_rank(counts, data):
    """Never a lower value at a higher rank, and always within the buckets."""
    histogram = Histogram([[index, index + 1, count] for index, count in enumerate(counts)])
    first = data.draw(st.integers(1, sum(counts)))
    second = data.draw(st.integers(first, sum(counts)))
    assert 0 <= histogram.value_at(first) <= histogram.value_at(second) <= len(counts)


def figures(count, **known):
    return {"count": count, "med": None, "p90": None, "p95": None, "p99": None, "p99.9": None, **known}


def test_known_points_meet_the_known_figures():
    """At the ranks of known percentiles their own values come back, and between them values in between."""
    points = KnownPoints.of(figures(999, min=1.0, med=5.0, p90=9.0, p95=10.0, p99=20.0, max=80.0))
    assert points.value_at(500) == pytest.approx(5.0)
    assert points.value_at(950) == pytest.approx(10.0)
    assert 10.0 < points.value_at(970) < 20.0
    assert points.value_at(999) == pytest.approx(80.0)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_few_samples_still_have_a_value_at_every_rank(count):
    """It holds with only minimum and maximum known."""
    points = KnownPoints.of(figures(count, min=0.0, max=3.0))
    assert all(0.0 <= points.value_at(rank) <= 3.0 for rank in range(1, count + 1))


def with_growth(per_s, is_growing):
    """Return a run of 60 s and 100 messages a second, whose backlog of answers rose by that much."""
    run = summary({"agent_backlog_growth": gauge(0.0, 0.0)})
    figures = {"per_s": per_s, "low_per_s": per_s - 1, "high_per_s": per_s + 1, "resolution_per_s": 3.0}
    entry = {"queue": "agent", "scenario": "", "begins_s": 2, "seconds": 60, "arrived": 6000, "waiting": 5}
    run["backlogs"] = [entry | {"behind_s": 0.1, "is_growing": is_growing} | figures]
    return run


def test_growth_has_the_interval_of_its_slope():
    """As a share of the arrivals; where none is claimed, as much as it takes to be claimed could hide."""
    figure = Figure("agent_backlog_growth", None, "value")
    found = look_up(with_growth(20.0, True), figure, 0.99)
    assert (found.value, *found.interval, found.samples) == pytest.approx((0.2, 0.19, 0.21, 6000))
    found = look_up(with_growth(0.5, False), figure, 0.99)
    assert (found.value, *found.interval) == pytest.approx((0.0, 0.0, 0.03))
    assert look_up(with_growth(0.5, None), figure, 0.99) == NOTHING
    assert look_up(with_growth(20.0, True), Figure("append_backlog_growth", None, "value"), 0.99) == NOTHING
