"""A second holds what each scenario did; what all did together is derived, and backlogs are those at its end."""

from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.second import (
    COUNTER_COLUMNS,
    NOTHING_WAITS,
    WIDTH,
    Part,
    Second,
    Stretch,
    backlogs_of,
)
from fleetlm_users.measure.timeline.worker_timeline import WorkerTimeline


def counts(**values):
    return [values.get(column, 0) for column in COUNTER_COLUMNS]


def second_of(number, **backlogs):
    return Second(number, 1, 5.0, {name: Part([1] * WIDTH, (*waiting, 0, 0), {}) for name, waiting in backlogs.items()})


def test_a_backlog_is_what_counts_leave_open():
    """Every fate closes a message, every outcome an awaited answer."""
    assert backlogs_of(counts(sent=20, appended=9, rejected=3, lost=2, in_flight=1)) == (5, 0, 0, 0)
    assert backlogs_of(counts(sent=9, appended=9, replies_due=9, replies_matched=4, unanswered=2)) == (0, 3, 0, 0)


def test_all_scenarios_together_are_derived():
    """Counts, backlogs and distributions add up; a scenario that did nothing is empty."""
    second = second_of(3, burst=(5, 1), churn=(2, 0))
    second.spread("burst", "append", {1000: 2})
    second.spread("churn", "append", {1000: 1})
    whole = second.whole()
    assert (whole.count("sent"), whole.backlogs, list(whole.spreads["append"].values())) == (2, (7, 1, 0, 0), [3])
    assert second.of(None) == whole
    assert (second.of("burst").backlogs, second.of("other")) == ((5, 1, 0, 0), Part.empty())


def test_a_longer_stretch_ends_with_the_backlog_of_its_last_second():
    """Backlogs are levels: over processes they add up, over time the last one counts."""
    stretch = Stretch.empty(0)
    stretch.include(second_of(0, burst=(5, 1)), "a")
    stretch.include(second_of(0, burst=(2, 3)), "b")
    later = Stretch.empty(1)
    later.include(second_of(1, churn=(1, 1)), "a")
    stretch.extend(later)
    assert (stretch.of("burst").backlogs, stretch.of("churn").backlogs, stretch.width_s) == (
        NOTHING_WAITS,
        (1, 1, 0, 0),
        2,
    )
    assert stretch.whole().count("sent") == 3


def test_backlogs_are_those_at_the_end_of_each_second():
    """It includes seconds in which nothing happened, and the end, when everything has arrived."""
    timeline = WorkerTimeline()
    timeline.tick(1.0, {"burst": counts(sent=9, appended=4)}, 0, 0.0)
    timeline.tick(2.0, {"burst": counts(sent=9, appended=4)}, 0, 0.0)
    timeline.tick(3.0, {"burst": counts(sent=9, appended=9)}, 0, 0.0)
    timeline.tick(4.0, {"burst": counts(sent=9, appended=9)}, 0, 0.0)
    rows = timeline.rows()
    assert [row.of("burst").backlogs[0] for row in rows] == [5, 5, 0, 0]
    assert [len(row.parts) for row in rows] == [1, 1, 1, 0]


def test_a_presumed_refusal_that_is_taken_back_reaches_the_master(ledger):
    """The second in which it is taken back counts one refusal less than none; the sum is right."""
    ledger.count("messages_sent", "burst", MAIN, 2)
    ledger.count("messages_rejected", "burst", MAIN, label="backpressure: full")
    ledger.tick(1.0)
    ledger.count("messages_rejected", "burst", MAIN, -1, "backpressure: full")
    ledger.count("messages_appended", "burst", MAIN)
    store = SnapshotStore(ledger.epoch)
    assert store.absorb("w", ledger.snapshot(1, final=True, elapsed_s=2.0))
    rows = store.series()
    assert [row["rejected"] for row in rows] == [1, -1]
    assert [row["append_backlog"] for row in rows] == [1, 1]


def test_what_waits_on_a_stalled_worker_goes_on_waiting():
    """Until it is heard again; other workers' seconds are shown meanwhile."""
    timeline = MergedTimeline()
    timeline.absorb("a", [second_of(n, burst=(1, 0)) for n in range(6)], final=True)
    timeline.absorb("b", [second_of(0, burst=(10, 4)), second_of(4, burst=(2, 0))], final=True)
    assert [row["append_backlog"] for row in timeline.rows()] == [11, 11, 11, 11, 3, 1]
    assert [row["agent_backlog"] for row in timeline.rows()] == [4, 4, 4, 4, 0, 0]


def test_what_waited_on_a_lost_worker_is_gone_with_it():
    """It neither stays in the sum forever nor grows."""
    timeline = MergedTimeline()
    timeline.absorb("lost", [second_of(n, burst=(9, 9)) for n in range(3)], final=False)
    timeline.absorb("a", [second_of(n, burst=(1, 0)) for n in range(90)], final=True)
    assert [row["append_backlog"] for row in timeline.rows()][:5] == [10, 10, 10, 1, 1]
    assert timeline.rows()[-1]["append_backlog"] == 1
