"""A worker takes part once it has shown the same code; any other is turned away by name, before Locust hears of it."""

from dataclasses import replace

import pytest
from gevent.event import Event

from fleetlm_users.swarm import door as door_module
from fleetlm_users.swarm.door import Door
from fleetlm_users.swarm.messages import PASSPORT, TURNED_AWAY, WELCOME
from fleetlm_users.swarm.refused_messages import RefusedMessages
from tests.swarm.runners import MasterRunner
from tests.workload.test_passport import MINE

WAIT_S = 10.0


@pytest.fixture
def runner():
    return MasterRunner()


@pytest.fixture
def said():
    return []


@pytest.fixture
def door(runner, said):
    return Door(runner, MINE, said.append, RefusedMessages(said.append))


def show(runner, passport, client_id="w1"):
    runner.hears(client_id, "client_ready", "2.47.0")
    runner.hears(client_id, PASSPORT, {"passport": passport.to_wire(), "origin": None})


def test_a_worker_waits_until_it_has_shown_its_passport(runner, door, said):
    """It is answered, so that it can come as far as that; then Locust hears of it, once."""
    runner.hears("w1", "client_ready", "2.47.0")
    runner.hears("w1", "client_ready", "2.47.0")  # Locust's workers repeat it
    runner.hears("w1", "stats", {})
    assert runner.handled == []
    assert runner.sent == [("ack", "w1")] * 2
    runner.hears("w1", PASSPORT, {"passport": MINE.to_wire(), "origin": None})
    assert runner.handled == [("w1", PASSPORT), ("w1", "client_ready")]
    assert runner.sent[2:] == [(WELCOME, "w1")]
    runner.hears("w1", "client_ready", "2.47.0")  # again after a run
    assert runner.handled[2:] == [("w1", "client_ready")]
    assert said == []


def test_a_worker_on_other_code_is_turned_away_by_name(runner, door, said):
    """Both sides get the same words; what it says later is not heard."""
    show(runner, replace(MINE, package="1.1.0", locustfile="other"))
    assert runner.sent[-1] == (TURNED_AWAY, "w1")
    (text,) = said
    assert runner.told == {"problem": text}
    assert text.startswith("Worker w1 cannot take part, it runs other code than its master: the version of this")
    assert "; the locustfile is another. Install the same version" in text
    for kind in ("stats", "heartbeat", "quit"):
        runner.hears("w1", kind, {})
    assert runner.handled == [("w1", PASSPORT)]


def test_a_worker_that_says_nothing_is_asked_to_leave(runner, said, monkeypatch):
    """A plain Locust."""
    monkeypatch.setattr(door_module, "INTRODUCTION_S", 0.01)
    told = Event()
    Door(runner, MINE, lambda text: (said.append(text), told.set()), RefusedMessages(said.append))
    runner.hears("w1", "client_ready", "2.47.0")
    assert told.wait(WAIT_S)
    assert runner.sent == [("ack", "w1"), ("quit", "w1")]
    assert "it does not say what code it runs" in said[0]
    assert runner.handled == []


def test_a_stranger_may_ask_for_the_locustfile(runner, door):
    """`-f -`: it becomes a worker only with it."""
    runner.hears("w1", "locustfile", {"version": "2.47.0"})
    assert runner.handled == [("w1", "locustfile")]
