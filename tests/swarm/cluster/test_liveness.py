"""A worker is lost when its process ended or when it is silent for too long, and never while it may live."""

import math
import os

import pytest
from locust.rpc import Message
from msgspec.structs import asdict

from fleetlm_users.swarm.cluster.liveness import SETTLED_S, TICK_S, MasterLiveness, SilenceCounter, WorkerLiveness
from fleetlm_users.swarm.cluster.messages import (
    DrainRequest,
    Introduction,
    ResetRequest,
    WorkerAdmitted,
    WorkerRejected,
)
from fleetlm_users.swarm.cluster.process_identity import ProcessIdentity, own_identity
from fleetlm_users.swarm.cluster.unreadable_messages import UnreadableMessage
from tests.swarm.runners import MasterRunner

PATIENCE_S = 10.0


class Watched:
    """A liveness whose ticks come from the test."""

    def __init__(self):
        self.runner = MasterRunner()
        self.lost = []
        self.found = []
        self.liveness = WorkerLiveness(self.runner, lambda name, why: self.lost.append((name, why)), self.found.append)
        self.liveness.begin(PATIENCE_S)

    def beat(self, client_id):
        self.runner.hears(client_id, "heartbeat", {"state": "running"})

    def wait(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.liveness.check()


@pytest.fixture
def watched():
    return Watched()


def test_a_silent_worker_is_lost_after_its_time_and_not_before(watched):
    """Locust would give it up after three seconds; here the link reports that all is well."""
    node = watched.runner.add("w1")
    watched.beat("w1")
    assert node.heartbeat == math.inf
    watched.wait(PATIENCE_S - TICK_S)
    assert (watched.lost, node.state) == ([], "running")
    watched.wait(TICK_S)
    assert watched.lost == [("w1", "it was silent for 10 s")]
    assert (node.state, node.user_classes_count) == ("missing", {})
    watched.wait(PATIENCE_S)
    assert len(watched.lost) == 1


def test_whatever_it_says_is_a_sign_of_life(watched):
    """A worker that is busy with a large report sends no heartbeat."""
    watched.runner.add("w1")
    watched.beat("w1")
    watched.wait(PATIENCE_S - TICK_S)
    watched.runner.hears("w1", "stats", {})
    watched.wait(PATIENCE_S - TICK_S)
    assert watched.lost == []
    assert watched.liveness.silent_s("w1") == PATIENCE_S - TICK_S


def test_a_worker_that_is_back_is_found_and_locust_deals_nobody_out_anew(watched):
    """It is in the state that it says before Locust sees that it was missing."""
    node = watched.runner.add("w1")
    watched.beat("w1")
    watched.wait(PATIENCE_S)
    states = []
    watched.runner.listeners["heartbeat"] = lambda **_: states.append(node.state)
    watched.beat("w1")
    assert states == ["running"]
    assert watched.found == ["w1"]
    watched.wait(PATIENCE_S)
    assert len(watched.lost) == 2


def test_an_ended_process_on_this_machine_is_lost_as_soon_as_its_last_words_are_heard(watched, monkeypatch):
    """Nothing else is certain so soon."""
    node = watched.runner.add("w1")
    own = own_identity()
    watched.runner.hears("w1", Introduction.kind, {"version": {}, "process": asdict(own)})
    watched.beat("w1")
    watched.wait(SETTLED_S)
    assert watched.lost == []
    monkeypatch.setattr(ProcessIdentity, "is_gone", property(lambda origin: origin.pid == os.getpid()))
    watched.wait(SETTLED_S - TICK_S)
    assert watched.lost == []
    watched.wait(TICK_S)
    assert watched.lost == [("w1", "its process ended")]
    assert node.state == "missing"


def test_with_rebalancing_locust_decides_but_does_not_begin_from_nothing(watched):
    """A user asked for it; the restart after a minute would stop all users of the others."""
    watched.runner.rebalances = True
    node = watched.runner.add("w1")
    watched.beat("w1")
    assert node.heartbeat == 3
    node.state = "missing"
    watched.runner.hears("w1", "stats", {})
    assert node.heartbeat == math.inf


MASTER_PATIENCE_S = 5.0


class WorkerRunner:
    """Takes messages as Locust's does, as far as these tests need it."""

    def __init__(self):
        self.handled = []
        self.listeners = self.custom_messages = {}
        self.last_heartbeat_timestamp = 12.0

    def register_message(self, name, listener):
        self.listeners[name] = listener

    def handle_message(self, msg):
        self.handled.append(msg)
        if msg.type in self.listeners:
            self.listeners[msg.type](environment=None, msg=msg)


@pytest.fixture
def runner():
    return WorkerRunner()


@pytest.fixture
def master_liveness(runner):
    master_liveness = MasterLiveness(runner, lambda why: None)
    master_liveness.begin(MASTER_PATIENCE_S)
    return master_liveness


def check_for(master_liveness, seconds):
    return [master_liveness.check() for _ in range(round(seconds / TICK_S))][-1]


def test_a_silent_master_is_gone_after_its_time(runner, master_liveness):
    """Any message is a sign of life."""
    assert check_for(master_liveness, MASTER_PATIENCE_S - TICK_S) == ""
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert check_for(master_liveness, MASTER_PATIENCE_S - TICK_S) == ""
    assert check_for(master_liveness, TICK_S) == "it was silent for 5 s"


def test_a_master_whose_process_ended_is_gone_once_its_last_words_are_heard(runner, master_liveness, monkeypatch):
    """It said which one it is when it let the worker in. However silent it was before, its "quit" may wait to be read:
    the worker itself may have stood still.
    """
    runner.handle_message(Message(WorkerAdmitted.kind, {"process": asdict(own_identity())}, "w1"))
    assert check_for(master_liveness, SETTLED_S) == ""
    monkeypatch.setattr(ProcessIdentity, "is_gone", True)
    assert check_for(master_liveness, SETTLED_S - TICK_S) == ""
    assert check_for(master_liveness, TICK_S) == "its process ended"


def test_locusts_own_watch_by_the_wall_clock_sleeps(runner, master_liveness):
    """It has no stamp to compare with."""
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert runner.last_heartbeat_timestamp is None


def test_spawn_messages_count_in_the_order_in_which_they_come(runner, master_liveness):
    """Locust ignores one that is older, by the master's clock, than the one before."""
    for stamp in (1_700_000_000.0, 1_600_000_000.0):
        job = {"host": None, "stop_timeout": 0.0, "parsed_options": {}, "user_classes_count": {"A": 1}}
        runner.handle_message(Message("spawn", {"timestamp": stamp, **job}, "w1"))
    assert [msg.data["timestamp"] for msg in runner.handled] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("spawn", None),
        ("spawn", {}),
        ("spawn", {"timestamp": 1.0, "host": 5, "stop_timeout": 0, "parsed_options": {}, "user_classes_count": {}}),
        ("spawning_complete", {}),
        ("update_user_class", None),
        (WorkerAdmitted.kind, None),
        (WorkerAdmitted.kind, {"process": "x"}),
        (DrainRequest.kind, {}),
        (ResetRequest.kind, {"epoch": "e", "resets": "x"}),
        (WorkerRejected.kind, {"problem": None}),
        ("zzz", None),
        (None, None),
    ],
)
def test_a_malformed_message_is_refused_and_the_worker_hears_on(runner, master_liveness, caplog, kind, data):
    """It would end Locust's greenlet that hears the master. It is reported once."""
    for _ in range(3):
        runner.handle_message(Message(kind, data, "w1"))
    assert runner.handled == []
    assert [record.message.startswith("A message ") for record in caplog.records] == [True]
    assert "from the master was refused" in caplog.text
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert len(runner.handled) == 1


def test_bytes_that_are_no_message_are_refused(runner, master_liveness, caplog):
    """They came as one that says so."""
    runner.handle_message(UnreadableMessage("it is not a Locust message"))
    assert runner.handled == []
    assert "A message (unreadable) from the master was refused: it is not a Locust message" in caplog.text


def test_nothing_gets_out_of_the_handling_of_a_message(runner, master_liveness, caplog):
    """It holds whatever Locust or a listener raises."""
    runner.listeners["boom"] = lambda **_: 1 / 0
    runner.handle_message(Message("boom", None, "w1"))
    assert "it could not be handled: ZeroDivisionError" in caplog.text


def test_silence_grows_by_ticks_and_ends_when_something_is_heard():
    """Each peer counts separately; one never heard from is not silent."""
    silence = SilenceCounter()
    silence.heard("a")
    silence.tick()
    silence.heard("b")
    silence.tick()
    assert (silence.of("a"), silence.of("b"), silence.of("c")) == (2 * TICK_S, TICK_S, 0.0)
    assert silence.heard("a") == 2 * TICK_S
    assert silence.of("a") == 0.0
