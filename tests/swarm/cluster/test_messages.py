"""Messages as Locust and we make them pass; anything else is refused with a description."""

import random

import msgpack
import pytest
from locust.rpc import Message
from locust.stats import RequestStats, setup_distributed_stats_event_listeners
from msgspec.structs import asdict

from fleetlm_users.errors import ShapeError
from fleetlm_users.swarm.cluster.messages import (
    FROM_MASTER,
    FROM_WORKER,
    DrainRequest,
    FinalReport,
    Introduction,
    LoadOrdered,
    ReportExtras,
    ResetRequest,
    RowsReceived,
    RunDescription,
    RunRefused,
    SnapshotReply,
    SnapshotRequest,
    StepOrdered,
    WorkDone,
    WorkerAdmitted,
    WorkerRejected,
    problem_with,
)
from fleetlm_users.swarm.cluster.process_identity import own_identity
from fleetlm_users.swarm.run import Headcount, HeadcountReport
from fleetlm_users.workload.orders.load_clock import LoadOrder, SpeedChange
from fleetlm_users.workload.stages.begun import StageChange
from tests.mutations import mutated
from tests.swarm.cluster.test_code_version import MINE
from tests.swarm.samples import options

OWN = asdict(own_identity()) if own_identity() else None


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
    data["fleetlm"] = b"decoded where it is merged"
    data["fleetlm_headcount"] = {"epoch": "e", "headcount": [5, 5, 0]}
    data["fleetlm_wall_clock"] = 1_700_000_000.5
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
    "fleetlm_introduction": {"version": MINE.to_wire(), "process": OWN},
    "fleetlm_final_report": {"epoch": "e", "snapshot": None},
    "fleetlm_work_done": {"users": {"epoch": "e", "headcount": [5, 0, 5]}},
    "fleetlm_run_refused": {"epoch": "e", "problem": "too few\nopen files"},
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
    "fleetlm_step": {"epoch": "e", "held_from_s": 20.0, "held_to_s": 32.5, "share": 0.25},
    "fleetlm_worker_rejected": {"problem": "other code"},
    "fleetlm_worker_admitted": {"process": OWN},
}
BOTH = [(FROM_WORKER, *item) for item in SOUND_FROM_WORKER.items()]
BOTH += [(FROM_MASTER, *item) for item in SOUND_FROM_MASTER.items()]


@pytest.mark.parametrize(("shapes", "kind", "data"), BOTH, ids=lambda value: value if isinstance(value, str) else "")
def test_sound_messages_pass(shapes, kind, data):
    """It holds after msgpack, too, which turns tuples into lists."""
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


ORDER = LoadOrder((SpeedChange(3.5, 2.0), SpeedChange(9.0, 0.0)), (StageChange(0.0, "peak"),))
USERS = HeadcountReport("e", Headcount(5, 2, 3))
OURS = [
    Introduction(version={"package": "1", "options": ["--a"]}, process=own_identity(), family="f"),
    FinalReport(epoch="e", snapshot=b"\x80"),
    FinalReport(epoch="e", snapshot=None),
    SnapshotReply(epoch="e", snapshot=b"\x80"),
    WorkDone(users=USERS),
    RunRefused(epoch="e", problem="too few\nopen files"),
    DrainRequest(epoch="e", cut_short=True),
    SnapshotRequest(epoch="e"),
    ResetRequest(epoch="e", resets=2),
    RowsReceived(epoch="e", resets=2, before=60),
    StepOrdered(epoch="e", held_from_s=20.0, held_to_s=32.5, share=0.25),
    LoadOrdered(
        epoch="e", order=LoadOrder((SpeedChange(3.5, 2.0), SpeedChange(9.0, 0.0)), (StageChange(0.0, "peak"),))
    ),
    WorkerRejected(problem="other code"),
    WorkerAdmitted(process=own_identity()),
]


@pytest.mark.parametrize("message", OURS, ids=lambda message: message.kind)
def test_each_of_our_messages_comes_back_as_it_was_sent(message):
    """Through Locust's msgpack, and past its own shape."""
    wire = msgpack.unpackb(msgpack.packb(message.to_wire()), strict_map_key=False)
    kinds = FROM_WORKER if message.kind in FROM_WORKER else FROM_MASTER
    assert problem_with(Message(message.kind, wire, "w1"), kinds, ()) == ""
    assert type(message).from_wire(wire) == message


def test_a_message_of_a_newer_version_may_have_further_entries():
    """They are not looked at."""
    wire = DrainRequest(epoch="e").to_wire() | {"later": 1}
    assert problem_with(Message(DrainRequest.kind, wire, "m"), FROM_MASTER, ()) == ""
    assert DrainRequest.from_wire(wire) == DrainRequest(epoch="e")


def test_a_report_carries_our_part_beside_locusts():
    """A report of a plain Locust has none of it."""
    data = {"stats": []}
    extras = ReportExtras(snapshot=b"\x80", users=USERS, wall_clock_s=1.5)
    extras.add_to(data)
    wire = msgpack.unpackb(msgpack.packb(data))
    assert wire["stats"] == []
    assert ReportExtras.of(wire) == extras
    assert ReportExtras.of({"stats": []}) == ReportExtras()


def test_a_run_is_described_with_its_options():
    """They come in the types that the worker needs; a wrong one is refused with its place."""
    described = RunDescription(
        epoch="e",
        options=options(),
        dispatched_to=[1, 0],
        elapsed_s=2.5,
        resets=0,
        order=ORDER,
    )
    wire = msgpack.unpackb(msgpack.packb(described.to_wire()))
    assert RunDescription.from_wire(wire) == described
    with pytest.raises(ShapeError, match=r"dispatched_to\[1\] is 'x'; expected a whole number"):
        RunDescription.from_wire(wire | {"dispatched_to": [0, "x"]})
