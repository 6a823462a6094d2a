"""A worker takes part once it has shown the same code; any other is turned away by name, before Locust hears of it."""

from dataclasses import replace

import pytest
from gevent.event import Event
from locust.rpc import Message

from fleetlm_users.swarm.cluster import admission as door_module
from fleetlm_users.swarm.cluster.admission import MAX_WAITING, WorkerAdmission
from fleetlm_users.swarm.cluster.messages import (
    FinalReport,
    Introduction,
    RunRefused,
    SnapshotReply,
    WorkDone,
    WorkerAdmitted,
    WorkerRejected,
)
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from tests.swarm.cluster.test_code_version import MINE
from tests.swarm.runners import MasterRunner

WAIT_S = 60.0


@pytest.fixture
def runner():
    return MasterRunner()


@pytest.fixture
def said():
    return []


@pytest.fixture
def admission(runner, said):
    return WorkerAdmission(runner, MINE, said.append, RefusedMessages(said.append))


def show(runner, version, client_id="w1"):
    runner.hears(client_id, "client_ready", "2.47.0")
    runner.hears(client_id, Introduction.kind, {"version": version.to_wire(), "process": None})


def test_a_worker_waits_until_it_has_sent_its_code_version(runner, admission, said):
    """It is answered, so that it can come as far as that; then Locust hears of it, once."""
    runner.hears("w1", "client_ready", "2.47.0")
    runner.hears("w1", "client_ready", "2.47.0")  # Locust's workers repeat it
    runner.hears("w1", "quit")
    assert runner.handled == []
    assert runner.sent == [("ack", "w1")] * 2
    runner.hears("w1", Introduction.kind, {"version": MINE.to_wire(), "process": None})
    assert runner.handled == [("w1", Introduction.kind), ("w1", "client_ready")]
    assert runner.sent[2:] == [(WorkerAdmitted.kind, "w1")]
    runner.hears("w1", "client_ready", "2.47.0")  # again after a run
    assert runner.handled[2:] == [("w1", "client_ready")]
    assert said == []


def test_a_worker_on_other_code_is_turned_away_by_name(runner, admission, said):
    """Both sides get the same words; its later messages are ignored."""
    show(runner, replace(MINE, package="1.1.0", locustfile="other"))
    assert runner.sent[-1] == (WorkerRejected.kind, "w1")
    (text,) = said
    assert runner.told == {"problem": text}
    assert text.startswith("Worker w1 cannot take part, it runs other code than its master: the version of this")
    assert "; the locustfile is different. Install the same version" in text
    for kind in ("spawning", "client_stopped", "quit"):
        runner.hears("w1", kind, {})
    assert runner.handled == [("w1", Introduction.kind)]


def test_a_worker_that_says_nothing_is_asked_to_leave(runner, said, monkeypatch):
    """A plain Locust."""
    monkeypatch.setattr(door_module, "INTRODUCTION_S", 0.01)
    told = Event()
    WorkerAdmission(runner, MINE, lambda text: (said.append(text), told.set()), RefusedMessages(said.append))
    runner.hears("w1", "client_ready", "2.47.0")
    assert told.wait(WAIT_S)
    assert runner.sent == [("ack", "w1"), ("quit", "w1")]
    assert "it does not say what code it runs" in said[0]
    assert runner.handled == []


def test_a_stranger_may_ask_for_the_locustfile(runner, admission):
    """`-f -`: it becomes a worker only with it."""
    runner.hears("w1", "locustfile", {"version": "2.47.0"})
    assert runner.handled == [("w1", "locustfile")]


def test_what_a_stranger_says_is_not_heard(runner, admission, said):
    """It is not reported either: anybody may open the port."""
    for kind in ("quit", "spawning", "client_stopped"):
        runner.hears("stranger", kind)
    runner.hears("stranger", WorkDone.kind, WorkDone(users=None).to_wire())
    runner.hears("stranger", Introduction.kind, {"version": MINE.to_wire(), "process": None})
    assert (runner.handled, runner.sent, said) == ([], [], [])


BAD = {
    "no introduction": (Introduction.kind, None),
    "an introduction of nothing": (Introduction.kind, {"version": None, "process": None}),
    "an origin of text": (Introduction.kind, {"version": {}, "process": "x"}),
    "an origin of one part": (Introduction.kind, {"version": {}, "process": {"machine": 1}}),
    "a file as process": (
        Introduction.kind,
        {"version": {}, "process": {"machine": "m", "pid": "../../etc", "started": "1"}},
    ),
    "ready without a version": ("client_ready", None),
    "ready with a number": ("client_ready", 5),
    "a locustfile of nothing": ("locustfile", None),
    "a locustfile without a version": ("locustfile", {}),
    "a heartbeat of nothing": ("heartbeat", None),
    "a heartbeat in an unknown state": ("heartbeat", {"state": "flying", "current_cpu_usage": 1}),
    "a heartbeat with CPU that is not a number": ("heartbeat", {"state": "ready", "current_cpu_usage": float("nan")}),
    "empty stats": ("stats", {}),
    "stats of nothing": ("stats", None),
    "spawned nothing": ("spawning_complete", {}),
    "an exception without text": ("exception", {}),
    "logs of nobody": ("logs", {}),
    "finished with text": (WorkDone.kind, {"users": {"epoch": "e", "headcount": "x"}}),
    "finished with a billion users": (WorkDone.kind, {"users": {"epoch": "e", "headcount": [10**9, 0, 10**9]}}),
    "a final report of text": (FinalReport.kind, {"epoch": "e", "snapshot": "x"}),
    "a look of nothing": (SnapshotReply.kind, None),
    "refused with control characters": (RunRefused.kind, {"epoch": "e", "problem": "\x1b[2J"}),
    "unknown": ("zzz", None),
    "a type that is no text": ({"a": 1}, None),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_malformed_message_is_refused_by_name(runner, admission, said, name, is_known):
    """Nobody acts on it, and a worker whose message was refused makes the run doubtful."""
    if is_known:
        show(runner, MINE)
    handled = list(runner.handled)
    for _ in range(100):
        runner.hears("w1", *BAD[name])
    assert runner.handled == handled
    (line,) = said
    assert line.startswith("A message ")
    assert " from w1 was refused: " in line
    assert len(line) < 400
    doubts = admission.refused_of_workers()
    assert len(doubts) == is_known
    assert all(doubt.startswith("worker w1 sent 100 messages that could not be read") for doubt in doubts)


def test_a_message_under_another_name_is_refused(runner, admission, said):
    """Locust accounting by the name in the message."""
    show(runner, MINE)
    show(runner, MINE, "w2")
    for name in ("w2", None, 5, {}):
        runner.handle_message("w1", Message("quit", None, name))
    assert ("w1", "quit") not in runner.handled
    assert "another name" in said[0]


def test_nothing_gets_out_of_the_handling_of_a_message(runner, admission, said):
    """The greenlet that hears all workers would end with it."""
    show(runner, MINE)
    runner.listeners["boom"] = lambda **_: 1 / 0
    runner.hears("w1", "boom")
    assert "it could not be handled: ZeroDivisionError" in said[0]
    runner.hears("w1", "quit")
    assert runner.handled[-1] == ("w1", "quit")


def test_a_flood_fills_neither_log_nor_memory(runner, admission, said):
    """It may consist of unreadable messages, of peers that never introduce themselves, or of unknown types."""
    for number in range(5_000):
        runner.hears(f"evil{number}", "client_ready", "2.47.0")
        runner.hears(f"evil{number}", Introduction.kind, None)
        runner.hears("evil", f"type{number}")
    assert len(said) < 50
    assert len(runner.sent) <= MAX_WAITING
    assert admission.refused_of_workers() == []


def test_workers_on_other_code_are_turned_away_in_a_bounded_number_of_lines(runner, admission, said):
    """One that comes again and again, or very many."""
    for number in range(500):
        show(runner, replace(MINE, package="1.1.0"), f"w{number}")
    assert len(said) < 60
    assert len([name for name, _ in runner.sent if name == WorkerRejected.kind]) == 500


@pytest.mark.parametrize(("family", "comes_in"), [("", True), ("one", True), ("two", False)])
def test_a_worker_that_another_master_forked_is_turned_away(runner, said, family, comes_in):
    """Its own master is gone, or it would be with that one; separately started workers may come."""
    WorkerAdmission(runner, MINE, said.append, RefusedMessages(said.append), "one")
    runner.hears("w1", "client_ready", "2.47.0")
    runner.hears("w1", Introduction.kind, {"version": MINE.to_wire(), "process": None, "family": family})
    assert (("w1", "client_ready") in runner.handled) is comes_in
    assert runner.sent[-1] == (WorkerAdmitted.kind if comes_in else WorkerRejected.kind, "w1")
    told = "Worker w1 cannot take part, it was started by the --processes of another run, whose master is gone"
    assert said == ([] if comes_in else [told])
