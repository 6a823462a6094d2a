"""Queries on the merged numbers: by scenario, phase and label, with the accounting that must balance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import ALL, MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.totals import Accounting, Gauge, Ratio, Span


def write_both_phases(ledger):
    for phase, n in ((WARM_UP, 1), (MAIN, 10)):
        ledger.count("messages_sent", "burst", phase, n)
        ledger.count("messages_sent", "churn", phase, 2 * n)
        ledger.count("messages_rejected", "burst", phase, n, label="full")
        ledger.count("messages_lost", "churn", phase, 2 * n, label="timeout")
        for value_us in range(n):
            ledger.trend("append_latency_ms", "burst", phase).add(value_us)
            ledger.trend("append_latency_ms", "churn", phase).add(1000 + value_us)
    ledger.trend("event_loop_lag_ms", "", MAIN).add(7)


@pytest.mark.parametrize(
    ("scenario", "phase", "sent"),
    [
        (None, MAIN, 30),
        (None, WARM_UP, 3),
        (None, ALL, 33),
        ("burst", MAIN, 10),
        ("churn", ALL, 22),
        ("nobody", ALL, 0),
    ],
)
def test_counts_by_scenario_and_phase(totals_of, scenario, phase, sent):
    """None means all scenarios, ALL both phases."""
    totals = totals_of(write_both_phases)
    assert totals.count("messages_sent", scenario, phase) == sent
    trend = totals.trend("append_latency_ms", scenario, phase)
    expected = {"burst": 1, "churn": 1, None: 2}.get(scenario, 0) * {MAIN: 10, WARM_UP: 1, ALL: 11}[phase]
    assert (trend.count if trend else 0) == expected


def test_workers_are_summed(totals_of):
    """Two workers that wrote the same make twice as much."""
    totals = totals_of(write_both_phases, write_both_phases)
    assert totals.count("messages_sent") == 60
    assert totals.trend("append_latency_ms").count == 40
    assert repr(totals) == "Totals(2 workers, scenarios burst, churn)"
    assert repr(totals_of()) == "Totals(0 workers, scenarios none)"


def test_labels_break_a_count_down(totals_of):
    """The most frequent first; a sum of counters has the labels of its parts."""
    totals = totals_of(write_both_phases)
    assert totals.labels("message_failures") == {"timeout": 20, "full": 10}
    assert totals.count("message_failures") == 30
    assert totals.count("message_failures", label="full") == 10
    assert totals.count("message_failures", label="other") == 0


def test_rates_are_made_of_counts(totals_of):
    """A rate without anything to divide by has no value, not 0 and not 1."""

    def write(ledger):
        ledger.count("messages_appended", "burst", MAIN, 9)
        ledger.count("agent_replies_due", "burst", MAIN, 9)
        ledger.count("messages_lost", "burst", MAIN, 1)

    totals = totals_of(write)
    assert totals.rate("message_success_rate") == Ratio(9, 10)
    assert totals.rate("message_success_rate").value == 0.9
    assert totals.rate("message_success_rate", "churn").value is None
    assert totals.rate("agent_reply_rate") == Ratio(0, 9)


def test_gauges_are_summed_over_workers_and_per_worker_ones_are_the_worst(totals_of):
    """Sockets add up; CPU percents do not."""

    def write(cpu):
        def into(ledger):
            ledger.gauge("active_connections", "burst", 3)
            ledger.gauge("active_connections", "churn", 1)
            ledger.gauge("active_connections", "burst", -1)
            ledger.level("worker_cpu_percent", cpu)

        return into

    totals = totals_of(write(20.0), write(80.0))
    assert totals.gauge("active_ws_connections") == Gauge(6, 8)
    assert totals.gauge("active_connections", "burst") == Gauge(4, 6)
    assert totals.gauge("worker_cpu_percent") == Gauge(80.0, 80.0)
    assert totals.gauge("worker_rss_bytes") == Gauge(0, 0)


@pytest.mark.parametrize(
    ("metric", "scenario", "samples"),
    [
        ("append_latency_ms", None, 20),
        ("agent_latency_ms", None, 0),
        ("message_success_rate", None, 30),
        ("backpressure_events", None, 30),
        ("backpressure_events", "long_lived", 0),
        ("disconnects", None, 0),
        ("messages_sent", "burst", 10),
        ("active_connections", None, 0),
    ],
)
def test_how_much_evidence_there_is(totals_of, metric, scenario, samples):
    """A count of 0 has as much evidence as its evidence metric has counts."""
    assert totals_of(write_both_phases).samples(metric, scenario) == samples


def test_a_gauge_has_samples_where_somebody_moved_it(totals_of):
    """A gauge that was never read proves nothing; a per-worker one has no scenarios."""

    def write(ledger):
        ledger.gauge("active_connections", "burst", 1)
        ledger.level("worker_cpu_percent", 1.0)

    totals = totals_of(write)
    assert [totals.samples("active_connections", scenario) for scenario in (None, "burst", "churn")] == [1, 1, 0]
    assert [totals.samples("worker_cpu_percent", scenario) for scenario in (None, "burst")] == [1, 0]


def test_scenarios_are_those_that_recorded_anything(totals_of):
    """Records of the process belong to no scenario, but to the sum."""
    totals = totals_of(write_both_phases)
    assert totals.scenarios == ("burst", "churn")
    assert totals.trend("event_loop_lag_ms").count == 1
    assert totals.trend("event_loop_lag_ms", "burst") is None


fates = st.lists(st.sampled_from(["messages_appended", "messages_rejected", "messages_lost", "messages_in_flight"]))


@given(fates, st.integers(0, 5))
def test_the_accounting_adds_up_exactly_when_every_message_has_a_fate(fates, forgotten):
    """Messages that nobody accounted for are unknown, and shown."""
    ledger = Ledger(DEFAULT, "run", "w")
    for fate in fates:
        ledger.count("messages_sent", "burst", MAIN)
        ledger.count(fate, "burst", MAIN)
    ledger.count("messages_sent", "burst", MAIN, forgotten)
    merge = SnapshotStore("run")
    merge.absorb("w", ledger.snapshot(1, final=True, elapsed_s=1.0))
    accounting = merge.totals().accounting("burst")
    assert accounting.unknown == forgotten
    assert accounting.adds_up == (forgotten == 0)
    assert (
        accounting.sent
        == accounting.appended + accounting.rejected + accounting.lost + accounting.in_flight + accounting.unknown
    )


def test_a_live_view_calls_in_flight_what_has_no_fate_yet(totals_of):
    """Sessions count their open messages only when they end."""

    def write(ledger):
        ledger.count("messages_sent", "burst", MAIN, 10)
        ledger.count("messages_appended", "burst", MAIN, 7)

    totals = totals_of(write)
    assert totals.accounting(live=True) == Accounting(10, 7, 0, 0, 0, 3, 0)
    assert totals.accounting() == Accounting(10, 7, 0, 0, 0, 0, 3, 3)


def test_a_question_about_nothing_known_is_refused(totals_of):
    """A typing error is not a zero."""
    totals = totals_of(write_both_phases)
    for ask in (totals.trend, totals.count, totals.rate, totals.gauge, totals.samples):
        with pytest.raises(UsageError):
            ask("message_sent")


DURATIONS = st.lists(st.integers(0, 4_000_000_000), max_size=60)


def trend_of(*parts):
    made = Trend()
    for values_us in parts:
        made.fold(values_us)
    return made


@given(DURATIONS, DURATIONS)
def test_a_trend_since_an_earlier_state_is_the_trend_of_what_came_since(before_us, added_us):
    """Every figure but minimum and maximum exactly, those within their bucket."""
    since, true = trend_of(before_us, added_us).since(trend_of(before_us)), trend_of(added_us)
    assert (since.count, since.sum_us, since.clamped) == (true.count, true.sum_us, true.clamped)
    assert since.distribution() == true.distribution()
    if added_us:
        assert since.min == pytest.approx(true.min, rel=0.001)
        assert since.max == pytest.approx(true.max, rel=0.001)
        for percent in (0, 50, 95, 99, 100):
            assert since.percentile(percent) == pytest.approx(true.percentile(percent), rel=0.001)


def test_a_difference_can_be_merged_and_sent_on():
    """It is a trend like any other."""
    since = trend_of([10, 20], [30, 40_000]).since(trend_of([10, 20]))
    again = Trend.decode(since.encode())
    again.merge(trend_of([50]))
    assert (again.count, again.min, again.max) == (3, 30, 40_000)


class Story:
    """A run whose totals can be taken at any moment."""

    def __init__(self):
        self.merge, self.ledger, self.seq = SnapshotStore("run"), Ledger(DEFAULT, "run", "worker"), 0

    def message(self, latency_us, *, answered=True, n=1):
        for _ in range(n):
            self.ledger.count("messages_sent", "burst", MAIN)
            self.ledger.count("messages_appended", "burst", MAIN)
            self.ledger.count("agent_replies_due", "burst", MAIN)
            self.ledger.count("agent_replies_matched", "burst", MAIN, int(answered))
            self.ledger.trend("append_latency_ms", "burst", MAIN).add(latency_us)

    def totals(self):
        self.seq += 1
        self.merge.absorb("worker", self.ledger.snapshot(self.seq, final=False, elapsed_s=10.0 * self.seq))
        return self.merge.totals()


@pytest.fixture
def story():
    return Story()


def test_thresholds_are_judged_on_what_happened_in_between(story):
    """A slow beginning and a slow end do not touch it."""
    story.message(900_000, answered=False, n=50)
    before = story.totals()
    story.message(5_000, n=40)
    after = story.totals()
    story.message(900_000, answered=False, n=50)
    story.totals()
    span = Span(before, after)
    judged = judge(parse_thresholds(["append_latency_ms: p(95)<10, max<10", "agent_reply_rate: rate==1"]), span, 10.0)
    assert [judgement.ok for judgement in judged] == [True, True, True]
    assert [judgement.samples for judgement in judged] == [40, 40, 40]
    assert span.elapsed_s == 10.0
    assert span.count("messages_sent") == 40
    assert span.count("messages_sent", "burst") == 40


def test_labels_are_subtracted_one_by_one(story):
    """A count may also have gone down, as when a presumed rejection is taken back."""
    story.ledger.count("messages_rejected", "burst", MAIN, 3, "a")
    before = story.totals()
    story.ledger.count("messages_rejected", "burst", MAIN, 2, "b")
    story.ledger.count("messages_rejected", "burst", MAIN, -1, "a")
    span = Span(before, story.totals())
    assert span.labels("messages_rejected") == {"b": 2, "a": -1}
    assert span.count("message_failures") == 1


def test_gauges_are_those_of_the_end(story):
    """The highest of the span is not known."""
    story.ledger.gauge("active_connections", "burst", 9)
    before = story.totals()
    story.ledger.gauge("active_connections", "burst", -4)
    span = Span(before, story.totals())
    assert span.gauge("active_connections") == (5, 5)
    assert span.samples("active_connections") == 1


def test_nothing_in_between_is_nothing(story):
    """No samples, which no threshold takes for kept."""
    story.message(1_000)
    before = story.totals()
    span = Span(before, story.totals())
    assert span.samples("append_latency_ms") == span.samples("messages_rejected") == 0
    assert not judge(parse_thresholds(["append_latency_ms: p(95)<10"]), span, 10.0)[0].ok
    assert span.scenarios == ("burst",)


def test_what_had_not_begun_before_is_all_of_it(story):
    """A metric first recorded in the span."""
    before = story.totals()
    story.message(1_000, n=3)
    assert Span(before, story.totals()).trend("append_latency_ms").count == 3
    assert Span(before, before).trend("agent_latency_ms") is None
