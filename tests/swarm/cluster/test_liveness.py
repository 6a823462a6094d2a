"""A worker is lost when its process ended or when it is silent for too long, and never while it may live."""

import math
import os

import pytest

from fleetlm_users.swarm.cluster.liveness import SETTLED_S, Presence
from fleetlm_users.swarm.cluster.messages import PASSPORT
from fleetlm_users.swarm.cluster.process_identity import Origin, own_origin
from fleetlm_users.swarm.cluster.silence import TICK_S
from tests.swarm.runners import MasterRunner

PATIENCE_S = 10.0


class Watched:
    """A presence whose ticks the test makes."""

    def __init__(self):
        self.runner = MasterRunner()
        self.lost = []
        self.found = []
        self.presence = Presence(self.runner, lambda name, why: self.lost.append((name, why)), self.found.append)
        self.presence.begin(PATIENCE_S)

    def beat(self, client_id):
        self.runner.hears(client_id, "heartbeat", {"state": "running"})

    def wait(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.presence.look_round()


@pytest.fixture
def watched():
    return Watched()


def test_a_silent_worker_is_lost_after_its_time_and_not_before(watched):
    """Locust would give it up after three seconds; here it is told that all is well."""
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
    assert watched.presence.silent_s("w1") == PATIENCE_S - TICK_S


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
    own = own_origin()
    watched.runner.hears("w1", PASSPORT, {"origin": own.to_wire()})
    watched.beat("w1")
    watched.wait(SETTLED_S)
    assert watched.lost == []
    monkeypatch.setattr(Origin, "is_gone", property(lambda origin: origin.pid == os.getpid()))
    watched.beat("w1")
    watched.wait(SETTLED_S - TICK_S)
    assert watched.lost == []
    watched.wait(TICK_S)
    assert watched.lost == [("w1", "its process ended")]
    assert node.state == "missing"


def test_with_rebalancing_locust_decides_but_does_not_begin_from_nothing(watched):
    """A person asked for it; the restart after a minute would stop all users of the others."""
    watched.runner.rebalances = True
    node = watched.runner.add("w1")
    watched.beat("w1")
    assert node.heartbeat == 3
    node.state = "missing"
    watched.runner.hears("w1", "stats", {})
    assert node.heartbeat == math.inf
