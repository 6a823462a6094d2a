"""Workers' rows merge by second, in whatever order and however often they come; nothing is invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.timeline.merged_timeline import OPEN_S, MergedTimeline
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS
from fleetlm_users.measure.timeline.worker_timeline import ROWS_AT_ONCE, WorkerTimeline


def counts(sent, appended=0):
    """Return a scenario's counts so far."""
    return {"burst": [sent, appended, *[0] * (len(COUNTER_COLUMNS) - 2)]}


def rows_of(*ticks):
    """Rows of one worker: (elapsed_s, sent so far, connections, {value_us: times})."""
    timeline = WorkerTimeline()
    for elapsed_s, sent, connections, tally in ticks:
        row = timeline.tick(elapsed_s, counts(sent), connections, 30.0)
        if tally:
            row.spread("burst", "append", tally)
    return timeline.rows()


def merged(workers, newest=None):
    timeline = MergedTimeline()
    for number, rows in enumerate(workers):
        timeline.absorb(f"worker-{number}", rows, final=True)
    return timeline.rows(newest)


def test_workers_are_summed_by_second():
    """Counts and connections add up, distributions merge before any percentile is taken."""
    fast = rows_of((1.0, 5, 2, {1_000: 99}))
    slow = rows_of((1.0, 7, 3, {100_000: 1}))
    (row,) = merged([fast, slow])
    assert (row["second"], row["sent"], row["connections"], row["append_count"]) == (0, 12, 5, 100)
    assert row["append_p50_ms"] == pytest.approx(1.0, rel=0.032)
    assert row["append_p99_ms"] == pytest.approx(1.0, rel=0.032)
    assert row["append_max_ms"] == pytest.approx(100.0, rel=0.032)
    assert row["agent_p95_ms"] is None


def test_a_second_without_a_report_keeps_the_sockets_and_counts_nothing():
    """A stalled worker's sockets are still open; its messages did not happen."""
    rows = merged([rows_of((1.0, 5, 4, {}), (4.5, 5, 4, {}), (5.5, 9, 4, {}))])
    assert [row["second"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["sent"] for row in rows] == [5, 0, 0, 0, 4]
    assert [row["connections"] for row in rows] == [4, 4, 4, 4, 4]


def test_only_the_newest_rows_when_asked():
    """The progress line looks at a few seconds, whatever the run's length."""
    rows = merged([rows_of(*((second + 1.0, second, 1, {}) for second in range(100)))], newest=5)
    assert [row["second"] for row in rows] == [95, 96, 97, 98, 99]
    assert rows[0]["connections"] == 1


def test_nothing_merges_to_nothing():
    """No workers, no rows."""
    assert merged([]) == []
    assert merged([[]]) == []


class Reporter:
    """A worker with a timeline of its own, which reports as a ledger does."""

    def __init__(self):
        self.timeline = WorkerTimeline()
        self.sent = 0
        self.now_s = 0.0

    def report(self, after_s, sent, connections, final=False):
        self.now_s += after_s
        self.sent += sent
        row = self.timeline.tick(self.now_s, counts(self.sent), connections, 30.0)
        if sent:
            row.spread("burst", "append", {1_000 * (connections + 1): sent})
        return [row.copy() for row in self.timeline.rows(None if final else ROWS_AT_ONCE)]


steps = st.tuples(st.floats(0.1, 40), st.integers(0, 9), st.integers(0, 5), st.booleans(), st.booleans())


@given(st.lists(st.lists(steps, min_size=1, max_size=12), max_size=3))
def test_reports_and_answers_that_are_lost_or_repeated_change_nothing(workers):
    """What was summed on the way, by workers that forget what the master has, is what all rows at once would give.

    Also where one worker is only heard when another's seconds are packed long since.
    """
    on_the_way, at_the_end = MergedTimeline(), MergedTimeline()
    for number, reports in enumerate(workers):
        reporter, keeps_all, worker = Reporter(), Reporter(), str(number)
        for after_s, sent, connections, arrives, is_answered in reports:
            keeps_all.report(after_s, sent, connections)
            rows = reporter.report(after_s, sent, connections)
            if arrives:
                on_the_way.absorb(worker, rows, final=False)
                on_the_way.absorb(worker, rows, final=False)
                if is_answered:
                    reporter.timeline.forget(on_the_way.taken_to(worker))
        on_the_way.absorb(worker, reporter.report(1.0, 1, 1, final=True), final=True)
        at_the_end.absorb(worker, keeps_all.report(1.0, 1, 1, final=True), final=True)
    assert on_the_way.rows() == at_the_end.rows()
    assert on_the_way.rows(5) == at_the_end.rows()[-5:]


def test_a_row_that_comes_when_its_second_is_packed_is_added_to_it():
    """Count, sockets, distribution: as if it had come in time; and it is said that something changed."""
    ticks = [(second + 1.0, second + 1, 2, {1_000: 9}) for second in range(20 * OPEN_S)]
    rows, slow = rows_of(*ticks), rows_of(*((at_s, sent, 3, {100_000: 1}) for at_s, sent, *_ in ticks))
    in_time, late = MergedTimeline(), MergedTimeline()
    for second in range(0, len(rows), 10):
        for timeline, worker, told in ((in_time, "a", rows), (in_time, "b", slow), (late, "a", rows)):
            timeline.absorb(worker, told[second : second + 11], final=second + 11 >= len(rows))
    assert late.late_rows == 0
    late.absorb("b", slow, final=True)
    assert late.rows() == in_time.rows()
    assert late.late_rows > 18 * OPEN_S
    assert in_time.rows()[0]["append_max_ms"] == pytest.approx(100.0, rel=0.032)


def test_a_second_that_goes_on_is_shown_and_counted_once():
    """The youngest row of a report still grows; the next report has it whole."""
    timeline, reporter = MergedTimeline(), Reporter()
    timeline.absorb("a", reporter.report(0.4, 2, 1), final=False)
    assert [row["sent"] for row in timeline.rows()] == [2]
    timeline.absorb("a", reporter.report(0.4, 3, 1), final=False)
    assert [row["sent"] for row in timeline.rows()] == [5]
    timeline.absorb("a", reporter.report(0.4, 4, 1), final=False)
    timeline.absorb("a", reporter.report(1.0, 1, 1), final=False)
    assert [row["sent"] for row in timeline.rows()] == [9, 1]


def test_a_worker_without_rows_changes_nothing():
    """Its first snapshot may be older than its first second."""
    timeline = MergedTimeline()
    timeline.absorb("a", [], final=False)
    assert timeline.rows() == []


def test_the_seconds_of_one_scenario():
    """Its own counts, whatever the others did; sockets belong to no scenario."""
    timeline = MergedTimeline()
    for worker, scenario, sent in (("a", "burst", 5), ("b", "churn", 7), ("c", "churn", 1)):
        rows = WorkerTimeline()
        rows.tick(1.0, {scenario: counts(sent)["burst"]}, 2, 30.0)
        timeline.absorb(worker, rows.rows(), final=worker != "c")
    found = {name: [row["sent"] for row in timeline.each_row(scenario=name)] for name in (None, "burst", "churn", "x")}
    assert found == {None: [13], "burst": [5], "churn": [8], "x": [0]}
    assert next(timeline.each_row(scenario="x"))["connections"] == 6
