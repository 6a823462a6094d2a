"""The gain of single optimisations of the client, each alone and compared with the usual way, in µs.

    python benchmarks/parts/levers.py [--rounds 5]

Each is timed in turn with its peer; shown is the median over the rounds. In a run the same acts cost two to three times
as much, as nothing is warm then.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import gevent
import orjson
from gevent.event import Event
from locust.event import EventHook
from locust.stats import RequestStats
from websocket import ABNF

from fleetlm_users.client.net.waits import Deadline, Wait
from fleetlm_users.client.websocket.frames import FIN_TEXT, Frames, masked
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.locust_internals import log_response_times
from fleetlm_users.swarm.stats.tally import LocustColumns, Tally

TIMES = 5_000

SEND = ["1", "2", "session:01M850X776Y2CHDATXF6NZ907Y", "send", {"content": {"kind": "text", "metadata": {}}}]
BROADCAST = [
    "1",
    None,
    SEND[2],
    "message",
    {"seq": 1, "sender_id": "u1", "content": {"text": "x" * 64}, "id": "a" * 26},
]
TEXT = orjson.dumps(BROADCAST)
UNMASKED = bytes((FIN_TEXT, 126)) + len(TEXT).to_bytes(2, "big") + TEXT


class Lever(NamedTuple):
    """One optimisation: the cost of the usual way and of ours."""

    name: str
    unit: str
    usual: Callable[[], float]
    ours: Callable[[], float]


def timed(act: Callable[[], object], per: int = 1) -> Callable[[], float]:
    """Measures the CPU of one act, in µs."""

    def measure() -> float:
        started_s = time.process_time()
        for _ in range(TIMES):
            act()
        return (time.process_time() - started_s) / TIMES / per * 1e6

    return measure


def with_json() -> None:
    """One message out and its two broadcasts in, by the standard library."""
    json.dumps(SEND).encode()
    json.loads(TEXT)
    json.loads(TEXT)


def with_orjson() -> None:
    """The same by orjson."""
    orjson.dumps(SEND)
    orjson.loads(TEXT)
    orjson.loads(TEXT)


def by_library() -> Callable[[], object]:
    """A frame taken out by websocket-client, which asks for header, length and payload one by one."""
    position = 0

    def pull(count: int) -> bytes:
        nonlocal position
        piece = UNMASKED[position : position + count]
        position = (position + len(piece)) % len(UNMASKED)
        return piece

    return Frames(pull, lambda _: None, lambda: None, len(UNMASKED)).recv_data_frame


def by_slice() -> bytes:
    """A frame taken out of the bytes of a read, as transport.py does."""
    length = UNMASKED[2] << 8 | UNMASKED[3]
    return UNMASKED[4 : 4 + length]


def waited(make: Callable[[], Any], notify: str) -> Callable[[], object]:
    """A wait of a greenlet for a word from the event loop, with a limit of time."""
    loop = gevent.get_hub().loop

    def act() -> None:
        wait = make()
        loop.run_callback(getattr(wait, notify))
        wait.wait(5.0)

    return act


def bounded(make: Callable[[], Any]) -> Callable[[], object]:
    """A block with a limit of time."""

    def act() -> None:
        with make():
            pass

    return act


def facts() -> tuple[Callable[[], object], Callable[[], object]]:
    """One appended message: reported to two listeners of an event hook, or written into its tally."""
    ledger = Ledger(DEFAULT, "", "one")
    message = SimpleNamespace(due_s=1.0, sent_s=1.0, appended_s=1.0)
    tally = Tally(ledger, "mixed", "main", LocustColumns(lambda _: None, lambda _: None))
    make_hook: Any = EventHook  # it has no annotations
    hook = make_hook()

    def record(message: Any, done_s: float, phase: str, scenario: str, **_: Any) -> None:
        for metric, since_s in (("append_latency_ms", message.due_s), ("append_service_ms", message.sent_s)):
            ledger.trend(metric, scenario, phase).add(round((done_s - since_s) * 1e6))
        ledger.count("messages_appended", scenario, phase, 1, "")

    hook.add_listener(record)
    hook.add_listener(lambda **_: None)
    about = {"scenario": "mixed", "phase": "main", "session_id": "s", "message": message, "done_s": 1.02}
    return lambda: hook.fire(**about), lambda: tally.appended(message, 1.02, True)


def tables() -> tuple[Callable[[], object], Callable[[], object]]:
    """A hundred entries into Locust's table: one by one, or in bulk."""
    stats: Any = RequestStats()  # whose annotations say int where Locust itself puts floats
    times_ms = [20.0 + index / 10 for index in range(100)]

    def one_by_one() -> None:
        for time_ms in times_ms:
            stats.log_request("WS", "append", time_ms, 0)

    return one_by_one, lambda: log_response_times(stats, "WS", "append", times_ms, time.time())


def levers() -> list[Lever]:
    """All of them."""
    by_hook, by_tally = facts()
    one_by_one, in_bulk = tables()
    return [
        Lever("facts: event hook | tally", "µs per fact", timed(by_hook), timed(by_tally)),
        Lever("Locust's table: one by one | in bulk", "µs per time", timed(one_by_one, 100), timed(in_bulk, 100)),
        Lever("JSON: json | orjson", "µs per append", timed(with_json), timed(with_orjson)),
        Lever(
            "frame out: websocket-client | wsaccel and one header",
            "µs per frame",
            timed(lambda: ABNF.create_frame(TEXT, ABNF.OPCODE_TEXT).format()),
            timed(lambda: masked(FIN_TEXT, TEXT)),
        ),
        Lever("frame in: websocket-client | a slice of the read", "µs per frame", timed(by_library()), timed(by_slice)),
        Lever("a wait: Event | Wait", "µs per wait", timed(waited(Event, "set")), timed(waited(Wait, "notify"))),
        Lever(
            "a deadline: Timeout | Deadline",
            "µs per call",
            timed(bounded(lambda: gevent.Timeout(5.0))),
            timed(bounded(lambda: Deadline(5.0))),
        ),
    ]


def main() -> None:
    """Prints a line per lever."""
    parser = argparse.ArgumentParser(description="What single levers of the client's speed give, each alone.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'lever: usual | ours':56}{'usual':>10}{'ours':>10}  unit")
    for lever in levers():
        pairs = [(lever.usual(), lever.ours()) for _ in range(rounds)]
        usual, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"{lever.name:56}{usual:10.2f}{ours:10.2f}  {lever.unit}", flush=True)


if __name__ == "__main__":
    main()
