"""Messages as Locust and we make them pass; whatever was made of them otherwise is refused in words."""

import random

import msgpack
import pytest
from locust.rpc import Message
from locust.stats import RequestStats, setup_distributed_stats_event_listeners

from fleetlm_users.swarm.cluster.messages import FROM_MASTER, FROM_WORKER, HEADCOUNT, REPORT, STAMP, problem_with
from fleetlm_users.swarm.cluster.process_identity import own_identity
from tests.mutations import mutated
from tests.swarm.cluster.test_code_version import MINE


class Events:
    """Collects the listeners with which Locust fills a report."""

    def __init__(self):
        self.report_to_master = self.worker_report = self
        self.listeners = []

    def add_listener(self, listener):
        self.listeners.append(listener)


def report():
    """A report as Locust's own code makes it, with ours in it."""
    stats, events, data = RequestStats(), Events(), {}
    stats.log_request("WS", "append", 12.5, 10)
    stats.log_request("WS", "join", None, 0)
    stats.log_error("WS", "append", ValueError("x\x1b"))
    setup_distributed_stats_event_listeners(events, stats)
    events.listeners[0]("w1", data)
    data["user_classes_count"] = {"BurstUser": 5}
    data["user_count"] = 5
    data[REPORT] = b"decoded where it is merged"
    data[HEADCOUNT] = {"epoch": "e", "headcount": [5, 5, 0]}
    data[STAMP] = 1_700_000_000.5
    return data


def spawn():
    job = {"timestamp": 1.5, "host": None, "stop_timeout": None, "user_classes_count": {"BurstUser": 5}}
    return job | {"parsed_options": {"tags": None, "vus": "5"}}


SOUND_FROM_WORKER = {
    "client_ready": "2.47.0",
    "heartbeat": {"state": "running", "current_cpu_usage": 3.5, "current_memory_usage": 10**8},
    "stats": report(),
    "locustfile": {"version": "2.47.0"},
    "spawning_complete": {"user_classes_count": {"BurstUser": 5}, "user_count": 5},
    "exception": {"msg": "x\x1b[2J", "traceback": "  File\n"},
    "logs": {"worker_id": "w1", "logs": ["one\n", "two"]},
    "fleetlm_passport": {"passport": MINE.to_wire(), "origin": own_identity() and own_identity().to_wire()},
    "fleetlm_final": {"epoch": "e", "snapshot": None},
    "fleetlm_finished": {"epoch": "e", "headcount": [5, 0, 5]},
    "fleetlm_refused": {"epoch": "e", "problem": "too few\nopen files"},
}
SOUND_FROM_MASTER = {
    "ack": {"index": 3},
    "spawn": spawn(),
    "heartbeat": None,
    "stop": None,
    "quit": None,
    "spawning_complete": {"user_count": 5},
    "fleetlm_drain": {"epoch": "e"},
    "fleetlm_reset": {"epoch": "e", "resets": 1},
    "fleetlm_turned_away": {"problem": "other code"},
    "fleetlm_welcome": {"origin": own_identity() and own_identity().to_wire()},
}
BOTH = [(FROM_WORKER, *item) for item in SOUND_FROM_WORKER.items()]
BOTH += [(FROM_MASTER, *item) for item in SOUND_FROM_MASTER.items()]


@pytest.mark.parametrize(("shapes", "kind", "data"), BOTH, ids=lambda value: value if isinstance(value, str) else "")
def test_sound_messages_pass(shapes, kind, data):
    """Also after msgpack, which makes lists of tuples."""
    wire = msgpack.unpackb(msgpack.packb(data), strict_map_key=False)
    assert problem_with(Message(kind, wire, "w1"), shapes, ()) == ""


def test_what_somebody_else_listens_for_is_theirs():
    """A locustfile may register messages of its own."""
    assert problem_with(Message("mine", object(), "w1"), FROM_WORKER, {"mine"}) == ""
    assert problem_with(Message("mine", None, "w1"), FROM_WORKER, {}) == "no such message is known"


def test_a_damaged_message_raises_nothing():
    """It passes, or is refused in a line."""
    rng = random.Random(1)
    for seed in range(1_000):
        shapes, kind, data = rng.choice(BOTH)
        told = problem_with(Message(kind, mutated(data, seed), "w1"), shapes, ())
        assert len(told) < 300
        assert told.isprintable()
