"""The master's end of a run: waits for every worker's final snapshot, not for those that are gone, and names these."""

from types import SimpleNamespace

import gevent
import pytest
from msgspec import msgpack

from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.worker_registry import ASK_AGAIN_S, CUT_S, NO_FINAL, FinalReportWait, WorkerRegistry
from tests.swarm.runners import MasterRunner, snapshot


@pytest.fixture
def runner():
    return MasterRunner()


class WorkerLiveness:
    """Nobody is silent unless told."""

    patience_s = 30.0

    def __init__(self):
        self.silences = {}

    def silent_s(self, client_id):
        return self.silences.get(client_id, 0.0)


@pytest.fixture
def liveness():
    return WorkerLiveness()


@pytest.fixture
def refusals(runner, liveness):
    """Return a registry, and the list of its refusals."""
    refused = RefusedMessages(lambda _: None)
    return WorkerRegistry(runner, liveness, refused), refused


@pytest.fixture
def registry(refusals):
    return refusals[0]


def begin(registry, merge):
    registry.begin(merge, lambda: 7.0)


def names(registry):
    return [worker.worker for worker in registry.lost]


def test_all_final_snapshots_are_merged(runner, registry):
    """Two workers, two reports, nobody lost."""
    runner.add("a", answers=True)
    runner.add("b", answers=True)
    merge = SnapshotStore("e")
    begin(registry, merge)
    registry.drain("e", 5.0)
    assert merge.totals().count("messages_sent") == 10
    assert (registry.expected, registry.final, registry.lost) == (2, 2, [])


def test_a_worker_that_went_missing_is_not_waited_for(runner, registry):
    """Its last report stays counted, and it is named."""
    runner.add("a", answers=True)
    runner.add("b")
    merge = SnapshotStore("e")
    begin(registry, merge)
    registry.on_report("b", {"fleetlm": snapshot("b", 1, sent=3)})
    runner.clients["b"].state = "missing"
    assert registry.note_lost("b", "its process ended")
    registry.drain("e", 5.0)
    assert merge.totals().count("messages_sent") == 8
    assert registry.lost == [LostWorker("b", "its process ended", 7.0)]


def test_a_silent_worker_is_waited_for_only_so_long(runner, registry, monkeypatch):
    """An upper bound, and the loss is reported."""
    for name in ("LEAVING_S", "FORCE_S", "TRAVEL_S"):
        monkeypatch.setattr(f"fleetlm_users.swarm.cluster.worker_registry.{name}", 0.0)
    runner.add("a")
    begin(registry, SnapshotStore("e"))
    registry.drain("e", 0.01)
    assert registry.lost == [LostWorker("a", NO_FINAL, 7.0)]


def test_a_worker_that_had_no_part_says_so_and_is_not_lost(runner, registry):
    """For example one that connected and never got a user."""
    runner.add("a")
    begin(registry, SnapshotStore("e"))
    registry.on_final_report(SimpleNamespace(node_id="a", data={"epoch": "e", "snapshot": None}))
    registry.drain("e", 5.0)
    assert registry.lost == []


def test_a_look_brings_the_numbers_of_this_moment(runner, registry):
    """They come from every worker present; one that does not take part yet says so."""
    runner.add("a", answers=True)
    runner.add("b", answers=True)
    runner.add("gone", state="missing")
    merge = SnapshotStore("e")
    begin(registry, merge)
    registry.look("e")
    assert merge.totals().count("messages_sent") == 10
    registry.on_snapshot(SimpleNamespace(node_id="a", data={"epoch": "e", "snapshot": None}))
    assert merge.totals().count("messages_sent") == 10


def test_a_silent_worker_does_not_hold_a_look_up_for_ever(runner, registry, monkeypatch):
    """The others' numbers count."""
    monkeypatch.setattr("fleetlm_users.swarm.cluster.worker_registry.LOOK_S", 0.05)
    runner.add("a", answers=True)
    runner.add("silent")
    merge = SnapshotStore("e")
    begin(registry, merge)
    registry.look("e")
    assert merge.totals().count("messages_sent") == 5


def test_an_answer_of_another_run_is_not_taken(runner, registry):
    """A late farewell of the run before."""
    runner.add("a", answers=True)
    merge = SnapshotStore("e")
    begin(registry, merge)
    registry.on_final_report(
        SimpleNamespace(node_id="a", data={"epoch": "old", "snapshot": snapshot("a", 1, epoch="old")})
    )
    assert registry.final == 0
    assert merge.totals().count("messages_sent") == 0


def test_a_worker_that_joins_late_takes_part(runner, registry):
    """It is expected to report like the others."""
    begin(registry, SnapshotStore("e"))
    runner.add("late", answers=True)
    registry.on_connect("late")
    registry.drain("e", 5.0)
    assert (registry.expected, registry.final) == (1, 1)


def test_a_worker_that_comes_back_is_not_lost(runner, registry):
    """It was taken for gone, and is heard again."""
    runner.add("a", answers=True)
    begin(registry, SnapshotStore("e"))
    assert registry.note_lost("a", "it was silent for 30 s")
    assert names(registry) == ["a"]
    assert registry.note_found("a")
    registry.drain("e", 5.0)
    assert registry.lost == []


def test_a_worker_that_has_reported_to_its_end_cannot_be_lost(runner, registry):
    """One that was ended with Ctrl-C on its own machine, or that this run never had."""
    runner.add("a", answers=True)
    begin(registry, SnapshotStore("e"))
    registry.drain("e", 5.0)
    assert not registry.note_lost("a", "its process ended")
    assert not registry.note_lost("stranger", "its process ended")
    assert not registry.note_found("a")


def test_a_worker_that_comes_while_the_run_ends_is_not_waited_for(runner, registry):
    """It has no part in it."""
    runner.add("a", answers=True)
    begin(registry, SnapshotStore("e"))
    registry.drain("e", 5.0)
    runner.add("later")
    registry.on_connect("later")
    registry.drain("e", 5.0)
    assert (registry.expected, registry.lost) == (1, [])


def broken(worker_id, seq, final=False):
    return changed(snapshot(worker_id, seq, final), levels=None)


def changed(encoded, **parts):
    return msgpack.encode(msgpack.decode(encoded) | parts)


def test_a_report_that_cannot_be_read_is_refused_by_name_and_the_next_one_counts(runner, refusals):
    """Reports are cumulative; the doubt remains."""
    registry, refused = refusals
    merge = SnapshotStore("e")
    runner.add("a", answers=True)
    begin(registry, merge)
    registry.on_report("a", {"fleetlm": broken("a", 1)})
    assert merge.totals().count("messages_sent") == 0
    registry.on_report("a", {"fleetlm": snapshot("a", 2)})
    assert merge.totals().count("messages_sent") == 5
    (doubt,) = refused.doubts(["a"])
    assert doubt.endswith("the first: (stats) in its report levels is None; expected a list")


def test_a_final_report_that_cannot_be_read_is_waited_for_no_longer_and_named(runner, refusals):
    """Its earlier reports stay counted."""
    registry, refused = refusals
    merge = SnapshotStore("e")
    runner.add("a")
    begin(registry, merge)
    registry.on_report("a", {"fleetlm": snapshot("a", 1)})
    registry.on_final_report(SimpleNamespace(node_id="a", data={"epoch": "e", "snapshot": broken("a", 9, final=True)}))
    registry.drain("e", 60.0)
    (lost,) = registry.lost
    assert lost.why == "its final report could not be read: levels is None; expected a list"
    assert merge.totals().count("messages_sent") == 5
    assert refused.doubts(["a"])


def test_a_second_far_away_does_not_hold_up_the_master(runner, refusals):
    """A timeline has a row for every second up to the last."""
    registry, refused = refusals
    merge = SnapshotStore("e")
    runner.add("a", answers=True)
    begin(registry, merge)
    far = [[5_000_000, [0] * 10, 0, 0.0, {}], [5_000_001, [0] * 10, 0, 0.0, {}]]
    registry.on_report("a", {"fleetlm": changed(snapshot("a", 1), rows=far)})
    assert len(merge.series()) == 0
    assert refused.doubts(["a"])


def test_a_look_at_what_cannot_be_read_is_over_at_once(runner, refusals):
    """The worker has answered."""
    registry, _ = refusals
    begin(registry, SnapshotStore("e"))
    registry.on_snapshot(SimpleNamespace(node_id="a", data={"epoch": "e", "snapshot": broken("a", 1)}))
    assert registry._looked == {"a"}


def test_a_second_signal_cuts_the_workers_drain_short_and_still_waits_for_their_numbers(runner, registry):
    """Pressing Ctrl-C twice loses the rest of the drain, but no sample."""
    runner.add("a")
    merge = SnapshotStore("e")
    begin(registry, merge)
    draining = gevent.spawn(registry.drain, "e", 60.0)
    gevent.idle()
    assert runner.drains == [("a", False)]
    runner.answering.add("a")
    registry.cut_drain_short()
    draining.get(timeout=60)
    assert runner.drains == [("a", False), ("a", True)]
    assert merge.totals().count("messages_sent") == 5
    assert registry.lost == []


def test_a_worker_that_hangs_does_not_outlast_a_drain_cut_short(runner, registry, monkeypatch):
    """Its users would be ended by force within that time."""
    monkeypatch.setattr("fleetlm_users.swarm.cluster.worker_registry.CUT_SHORT_WAIT_S", 0.0)
    runner.add("a")
    begin(registry, SnapshotStore("e"))
    registry.cut_drain_short()
    registry.drain("e", 60.0)
    assert runner.drains[0] == ("a", True)
    assert names(registry) == ["a"]


def test_the_next_run_drains_in_full(runner, registry):
    """The next run of the web UI drains in full."""
    runner.add("a", answers=True)
    begin(registry, SnapshotStore("e"))
    registry.cut_drain_short()
    registry.drain("e", 5.0)
    runner.drains.clear()
    begin(registry, SnapshotStore("f"))
    registry.drain("f", 5.0)
    assert runner.drains == [("a", False)]


BOUND_S = 20.0
OVERALL_S = 100.0
CUT_SHORT_WAIT_S = 7.0


class Workers:
    """Workers, some of them silent; every request to one is recorded."""

    def __init__(self, *missing):
        self.missing = set(missing)
        self.silences = {}
        self.asked = []
        self.wait = FinalReportWait(
            lambda: self.missing,
            lambda name: self.silences.get(name, 0.0),
            self.asked.append,
            bound_s=BOUND_S,
            overall_s=OVERALL_S,
        )

    def awaited(self, now_s):
        return self.wait.is_awaited(now_s)


def test_nobody_is_waited_for_when_nobody_is_missing():
    """A master without workers ends at once."""
    assert not Workers().awaited(0.0)


def test_each_is_asked_at_once_and_again_from_time_to_time():
    """An answer may be lost with its connection."""
    workers = Workers("a", "b")
    assert workers.awaited(100.0)
    assert sorted(workers.asked) == ["a", "b"]
    assert workers.awaited(100.0 + ASK_AGAIN_S / 2)
    assert len(workers.asked) == 2
    workers.missing = {"a"}
    assert workers.awaited(100.0 + ASK_AGAIN_S)
    assert workers.asked[2:] == ["a"]


def test_one_that_lives_and_does_not_answer_is_waited_for_only_so_long():
    """An upper bound."""
    workers = Workers("a")
    assert workers.awaited(100.0)
    assert workers.awaited(100.0 + BOUND_S - 0.1)
    assert not workers.awaited(100.0 + BOUND_S)


def test_one_that_is_cut_off_is_waited_for_until_it_is_given_up():
    """It cannot have heard the question; who gives it up takes it off the missing ones."""
    workers = Workers("a")
    workers.silences["a"] = CUT_S
    assert workers.awaited(100.0)
    assert workers.awaited(100.0 + 2 * BOUND_S)
    workers.missing = set()
    assert not workers.awaited(101.0 + 2 * BOUND_S)


@pytest.mark.parametrize("away_s", [4.0, 40.0])
def test_one_that_is_back_is_asked_at_once_and_has_all_its_time(away_s):
    """Its time counts from its return, not from the first request."""
    workers = Workers("a")
    workers.silences["a"] = CUT_S
    assert workers.awaited(100.0)
    asked = len(workers.asked)
    workers.silences["a"] = 0.0
    assert workers.awaited(100.0 + away_s)
    assert len(workers.asked) == asked + 1
    assert workers.awaited(100.0 + away_s + BOUND_S - 0.1)
    assert not workers.awaited(100.0 + away_s + BOUND_S)


def test_one_that_is_lost_and_back_for_ever_cannot_prolong_the_end():
    """Each return gives it all its time again, up to a bound over all."""
    workers = Workers("a")
    now_s = 100.0
    while workers.awaited(now_s):
        assert now_s < 100.0 + OVERALL_S
        workers.silences["a"] = CUT_S - workers.silences.get("a", 0.0)  # cut off and back, in turn
        now_s += BOUND_S / 2
    assert now_s == 100.0 + OVERALL_S


@pytest.mark.parametrize("silent_s", [0.0, CUT_S], ids=["heard", "cut-off"])
def test_when_the_drain_is_cut_short_all_are_asked_again_at_once_and_waited_for_only_a_little(silent_s):
    """They cut their drain short and still send their last numbers."""
    workers = Workers("a")
    workers.silences["a"] = silent_s
    assert workers.awaited(100.0)
    workers.wait.shorten(101.0, CUT_SHORT_WAIT_S)
    assert workers.awaited(101.0)
    assert workers.asked == ["a", "a"]
    assert workers.awaited(101.0 + CUT_SHORT_WAIT_S - 0.1)
    assert not workers.awaited(101.0 + CUT_SHORT_WAIT_S)


def test_cutting_the_drain_short_never_lengthens_the_wait():
    """The bound over all stays."""
    workers = Workers("a")
    assert workers.awaited(100.0)
    workers.wait.shorten(100.0 + OVERALL_S - 1.0, CUT_SHORT_WAIT_S)
    assert not workers.awaited(100.0 + OVERALL_S)
