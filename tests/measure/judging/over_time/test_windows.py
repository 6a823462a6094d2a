"""Thresholds on windows hold in every full window of a run, as counted one by one."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import required_samples
from fleetlm_users.measure.judging.over_time.window_feed import WindowFeed
from fleetlm_users.measure.judging.over_time.windows import carried_of
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.windowed import Carried

OPERATORS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


class Played:
    """A run of some workers, whose seconds are recorded as they are reported."""

    def __init__(self, text, workers=1):
        self.thresholds = parse_thresholds(text.split(";"))
        self.feed = WindowFeed(self.thresholds, DEFAULT)
        carried = carried_of(self.thresholds, DEFAULT)
        self.store = SnapshotStore("e")
        self.ledgers = [Ledger(DEFAULT, "e", f"w{at}", carried=carried) for at in range(workers)]
        self.sent = [0] * workers

    def second(self, number, *, worker=0, phase=MAIN, scenario="burst", trends=None, counts=None, report=True):
        """One second of one worker: durations in ms by trend, counts by counter."""
        ledger = self.ledgers[worker]
        for metric, values in (trends or {}).items():
            for value_ms in values:
                ledger.trend(metric, scenario, phase).add(round(value_ms * 1000))
        for metric, times in (counts or {}).items():
            ledger.count(metric, scenario, phase, times)
        ledger.tick(number + 1.0)
        if report:
            self.report(number + 1.0, worker)

    def report(self, elapsed_s, worker=0, final=False):
        self.sent[worker] += 1
        snapshot = self.ledgers[worker].snapshot(self.sent[worker], final, elapsed_s)
        self.store.absorb(f"w{worker}", snapshot)

    def look(self, begins_s, now_s):
        self.feed.look(self.store.timeline, begins_s, now_s)

    def judged(self, begins_s, ends_s, has_evidence=True):
        for worker in range(len(self.ledgers)):
            self.report(ends_s, worker, final=True)
        self.feed.finish(self.store.timeline, begins_s, ends_s, lambda: None)
        return [self.feed.judge.judge(one, lambda: has_evidence) for one in self.thresholds]


def values_of(seconds, length_s, aggregation):
    """Return the value of each full window; None if it had too few samples."""
    for first in range(len(seconds) - length_s + 1):
        window = sorted(value for second in seconds[first : first + length_s] for value in second)
        percent = (
            {"min": 0, "med": 50, "max": 100}.get(aggregation) if "(" not in aggregation else float(aggregation[2:-1])
        )
        needed = required_samples(percent) if percent is not None and aggregation not in ("min", "max") else 1
        if len(window) < needed:
            yield first, None
        elif percent is None:
            yield first, sum(window) / len(window)
        else:
            yield first, window[max(1, math.ceil(round(percent * len(window) / 100, 6))) - 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 900), max_size=12), min_size=2, max_size=25),
    st.integers(2, 8),
    st.sampled_from(["avg", "med", "min", "max", "p(90)", "p(75)"]),
    st.sampled_from(sorted(OPERATORS)),
    st.integers(1, 900),
    st.integers(0, 25),
)
def test_windows_are_what_they_are_by_hand(  # noqa: PLR0917  # one argument per strategy
    seconds, length_s, aggregation, operator, bound, looked
):
    """Worst value, number of windows and of missed ones; looking meanwhile changes nothing."""
    run = Played(f"append_latency_ms[{length_s}s]: {aggregation}{operator}{bound + 0.5}")
    for number, values in enumerate(seconds):
        run.second(number, trends={"append_latency_ms": values})
        if number < looked:
            run.look(0.0, number + 1.0)
    (judgement,) = run.judged(0.0, len(seconds))
    by_hand = list(values_of(seconds, length_s, aggregation))
    measured = [value for _, value in by_hand if value is not None]
    if not measured:
        assert judgement.measured is None
        assert not judgement.ok
        return
    worst = max(measured) if operator.startswith("<") else min(measured)
    assert judgement.measured == pytest.approx(worst, rel=0.0011)
    # integers against bounds half between them are further apart than the buckets, up to 500 ms
    if max(measured) < 500:
        missed = [value for value in measured if not OPERATORS[operator](value, bound + 0.5)]
        assert judgement.ok == (not missed)
        note = f"missed in {len(missed)} of {len(measured)} windows" if missed else f"of {len(measured)} windows"
        assert note in judgement.note


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=20),
    st.integers(2, 5),
)
def test_counters_and_rates_by_hand(seconds, length_s):
    """Sums over the window; a rate only where there is something to divide by."""
    texts = (
        f"messages_sent[{length_s}s]: count>5; messages_sent[{length_s}s]: rate<4; "
        f"message_success_rate[{length_s}s]: rate>0.5; message_failures[{length_s}s]: count<7"
    )
    run = Played(texts)
    for number, (appended, lost) in enumerate(seconds):
        counts = {"messages_sent": appended + lost, "messages_appended": appended, "messages_lost": lost}
        run.second(number, counts={name: n for name, n in counts.items() if n})
    count, rate, share, failures = run.judged(0.0, len(seconds))
    windows = [seconds[first : first + length_s] for first in range(len(seconds) - length_s + 1)]
    if not windows:
        assert count.problem == f"no full window of {length_s} s"
        return
    sums = [(sum(a for a, _ in window), sum(b for _, b in window)) for window in windows]
    assert count.measured == min(a + b for a, b in sums)
    assert rate.measured == max(a + b for a, b in sums) / length_s
    assert failures.measured == max(b for _, b in sums)
    shares = [a / (a + b) for a, b in sums if a + b]
    assert share.measured == (pytest.approx(min(shares)) if shares else None)


def test_a_bad_minute_is_named():
    """Its place in the run is given; the whole run's percentile does not show it."""
    run = Played("append_latency_ms[60s]: p(95)<500")
    for number in range(400):
        run.second(number, trends={"append_latency_ms": [812.0 if 250 <= number < 280 else 5.0] * 10})
    (judgement,) = run.judged(10.0, 400.0)
    assert not judgement.ok
    assert judgement.measured == pytest.approx(812, rel=0.001)
    first, end = judgement.worst_window_s
    assert end - first == 60
    assert first <= 279
    assert end >= 251
    assert "the worst 60 s, from 00:0" in judgement.note


def test_the_warm_up_is_no_part_and_the_drain_counts_in_the_last_second():
    """Everything due in the main phase is in some window, and nothing else is."""
    run = Played("append_latency_ms[5s]: max<100")
    for number in range(5):
        run.second(number, phase=WARM_UP, trends={"append_latency_ms": [900.0]})
    for number in range(5, 15):
        run.second(number, trends={"append_latency_ms": [9.0]})
    run.second(17, trends={"append_latency_ms": [700.0]})
    (judgement,) = run.judged(5.0, 15.0)
    assert judgement.measured == pytest.approx(700, rel=0.001)
    assert judgement.worst_window_s == (10, 15)
    assert "of 6 windows" in judgement.note


@pytest.mark.parametrize(("ends_s", "windows"), [(15.0, 1), (14.97, 1), (14.9, 0), (16.2, 2)])
def test_only_full_windows_count(ends_s, windows):
    """A run that ends a timer's breath early has its last second; a shorter one has no window, and fails."""
    run = Played("append_latency_ms[10s]: avg<100")
    for number in range(17):
        run.second(number, trends={"append_latency_ms": [9.0]})
    (judgement,) = run.judged(5.0, ends_s)
    if windows:
        assert f"of {windows} windows" in judgement.note
    else:
        assert (judgement.ok, judgement.undecided, judgement.problem) == (False, False, "no full window of 10 s")


def test_windows_with_too_few_samples_are_skipped_and_said():
    """If none has enough, the threshold is undecided; without any sample it fails."""
    some = Played("append_latency_ms[4s]: p(95)<100")
    few = Played("append_latency_ms[4s]: p(95)<100")
    for number in range(20):
        some.second(number, trends={"append_latency_ms": [9.0] * (10 if number < 8 else 0)})
        few.second(number, trends={"append_latency_ms": [9.0] * (number % 4 == 0)})
    (kept,), (undecided,) = some.judged(0.0, 20.0), few.judged(0.0, 20.0)
    assert kept.ok
    assert "had too few samples" in kept.note
    assert undecided.undecided
    assert "none of 17 windows had the 20 samples that it needs; the most were 1" in undecided.problem
    (nothing,) = Played("append_latency_ms[4s]: p(95)<100").judged(0.0, 20.0)
    assert not nothing.ok


def test_what_is_called_kept_was_kept():
    """A value within a bucket of the bound counts against the threshold, whichever side that is."""
    for value in (999.4, 999.9, 1000.0):
        above, below = Played("append_latency_ms[2s]: max<1000"), Played("append_latency_ms[2s]: min>=1000")
        for run in (above, below):
            for number in range(3):
                run.second(number, trends={"append_latency_ms": [value]})
        assert above.judged(0.0, 3.0)[0].ok <= (value < 1000)
        assert below.judged(0.0, 3.0)[0].ok <= (value >= 1000)


def test_workers_are_summed_and_scenarios_apart():
    """One that reports late changes windows that were judged before."""
    text = "messages_sent[3s]: count<50; messages_sent{scenario:churn}[3s]: count<5"
    run = Played(text, workers=2)
    for number in range(20):
        run.second(number, counts={"messages_sent": 3})
        run.second(number, worker=1, scenario="churn", counts={"messages_sent": 9 if number == 4 else 1}, report=False)
        run.look(0.0, number + 1.0)
    run.report(20.0, worker=1)
    whole, churn = run.judged(0.0, 20.0)
    assert whole.measured == 9 + 11
    assert churn.measured == 11
    assert not churn.ok


def test_a_count_of_nothing_needs_evidence():
    """The same holds for the whole run."""
    for has_evidence in (True, False):
        run = Played("backpressure_events[3s]: count<5")
        for number in range(6):
            run.second(number)
        (judgement,) = run.judged(0.0, 6.0, has_evidence)
        assert judgement.ok == has_evidence


def test_what_the_generators_lateness_explains_is_remembered():
    """If the service time keeps every window that was missed."""
    for service, explains in ((5.0, True), (900.0, False)):
        run = Played("append_latency_ms[3s]: max<100")
        for number in range(6):
            run.second(number, trends={"append_latency_ms": [900.0], "append_service_ms": [service]})
        (judgement,) = run.judged(0.0, 6.0)
        assert not judgement.ok
        assert (judgement.from_sent is not None) == explains


def test_seconds_carry_only_what_is_asked_for():
    """Without windows nothing more is sent or kept."""
    assert carried_of(parse_thresholds(["append_latency_ms: p(95)<5", "messages_lost: count==0"]), DEFAULT) == Carried()
    run = Played("append_latency_ms: p(95)<5")
    run.second(0, trends={"append_latency_ms": [1.0]}, counts={"messages_sent": 1})
    assert all(not part.windowed.trends and not part.windowed.counts
               for stretch in run.store.timeline.intervals(0, 9) for part in stretch.parts.values())  # fmt: skip


def test_a_packed_second_is_the_same():
    """Tried on windows of a run longer than the seconds kept open."""
    run = Played("append_latency_ms[10s]: max<100; messages_sent[10s]: count<1000")
    for number in range(200):
        values = [500.0] if number == 20 else [5.0]
        run.second(number, trends={"append_latency_ms": values}, counts={"messages_sent": number})
    trend, counter = run.judged(0.0, 200.0)
    assert trend.measured == pytest.approx(500, rel=0.001)
    assert counter.measured == sum(range(190, 200))
