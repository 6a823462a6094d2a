"""A worker leaves a master that is gone, and no wall clock has a say in it."""

import pytest
from locust.rpc import Message

from fleetlm_users.swarm.cluster.lifeline import Lifeline
from fleetlm_users.swarm.cluster.messages import DRAIN, RESET, TURNED_AWAY, WELCOME
from fleetlm_users.swarm.cluster.process_identity import Origin, own_origin
from fleetlm_users.swarm.cluster.silence import TICK_S
from fleetlm_users.swarm.cluster.unreadable import Unreadable

PATIENCE_S = 5.0


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
def lifeline(runner):
    lifeline = Lifeline(runner, lambda why: None)
    lifeline.begin(PATIENCE_S)
    return lifeline


def look_round(lifeline, seconds):
    return [lifeline.look_round() for _ in range(round(seconds / TICK_S))][-1]


def test_a_silent_master_is_gone_after_its_time(runner, lifeline):
    """Whatever it says is a sign of life."""
    assert look_round(lifeline, PATIENCE_S - TICK_S) == ""
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert look_round(lifeline, PATIENCE_S - TICK_S) == ""
    assert look_round(lifeline, TICK_S) == "it was silent for 5 s"


def test_a_master_whose_process_ended_is_gone_at_once(runner, lifeline, monkeypatch):
    """It said which one it is when it let the worker in."""
    runner.handle_message(Message(WELCOME, {"origin": own_origin().to_wire()}, "w1"))
    assert look_round(lifeline, TICK_S) == ""
    monkeypatch.setattr(Origin, "is_gone", True)
    assert look_round(lifeline, TICK_S) == "its process ended"


def test_locusts_own_watch_by_the_wall_clock_sleeps(runner, lifeline):
    """It has no stamp to compare with."""
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert runner.last_heartbeat_timestamp is None


def test_spawn_messages_count_in_the_order_in_which_they_come(runner, lifeline):
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
        (WELCOME, None),
        (WELCOME, {"origin": "x"}),
        (DRAIN, {}),
        (RESET, {"epoch": "e", "resets": "x"}),
        (TURNED_AWAY, {"problem": None}),
        ("zzz", None),
        (None, None),
    ],
)
def test_a_malformed_message_is_refused_and_the_worker_hears_on(runner, lifeline, caplog, kind, data):
    """Locust's greenlet that hears the master would end with it. It is told once."""
    for _ in range(3):
        runner.handle_message(Message(kind, data, "w1"))
    assert runner.handled == []
    assert [record.message.startswith("A message ") for record in caplog.records] == [True]
    assert "from the master was refused" in caplog.text
    runner.handle_message(Message("heartbeat", None, "w1"))
    assert len(runner.handled) == 1


def test_bytes_that_are_no_message_are_refused(runner, lifeline, caplog):
    """They came as one that says so."""
    runner.handle_message(Unreadable("it is no message of Locust's"))
    assert runner.handled == []
    assert "A message (unreadable) from the master was refused: it is no message of Locust's" in caplog.text


def test_nothing_gets_out_of_the_handling_of_a_message(runner, lifeline, caplog):
    """Whatever Locust or a listener raises."""
    runner.listeners["boom"] = lambda **_: 1 / 0
    runner.handle_message(Message("boom", None, "w1"))
    assert "it could not be handled: ZeroDivisionError" in caplog.text
