"""The messages between master and worker, Locust's and ours: their names, and what each must look like.

Locust acts on whatever it decodes (runners.py: handle_message), and so would our listeners: a value of the wrong type
ends the greenlet that hears all peers. So each message is held against its shape before anybody acts on it. Entries
that are not named here are not looked at: a plugin may add some.
"""

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any, Final

from locust.rpc import Message
from locust.runners import (
    STATE_CLEANUP,
    STATE_INIT,
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    STATE_STOPPING,
)

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.snapshot import MAX_SNAPSHOT_BYTES
from fleetlm_users.shape import (
    Check,
    anything,
    binary,
    each,
    either,
    flag,
    lines,
    nothing_or,
    number,
    one_of,
    record,
    row,
    shown,
    table,
    text,
    whole,
)
from fleetlm_users.swarm.cluster.process_identity import ORIGIN

DRAIN: Final = "fleetlm_drain"
FINAL: Final = "fleetlm_final"
FINISHED: Final = "fleetlm_finished"
LOOK: Final = "fleetlm_look"
LOOKED: Final = "fleetlm_looked"
PASSPORT: Final = "fleetlm_passport"
REFUSED: Final = "fleetlm_refused"
RESET: Final = "fleetlm_reset"
TAKEN: Final = "fleetlm_taken"
TURNED_AWAY: Final = "fleetlm_turned_away"
WELCOME: Final = "fleetlm_welcome"

# what reports and spawn messages of Locust carry for us
HEADCOUNT: Final = "fleetlm_headcount"
REPORT: Final = "fleetlm"
RUN: Final = "fleetlm_run"
STAMP: Final = "fleetlm_wall_clock"

MAX_USERS: Final = 10_000_000
MAX_KINDS: Final = 10_000
"""Of what Locust lists by name: user classes, options, lines of the log."""

MAX_ROWS: Final = 1_000_000
"""Of Locust's table in one report: some locustfiles give every request a name of its own."""

MAX_TEXT_CHARS: Final = 1_000_000
NAME: Final = text(255, least=1)
EPOCH: Final = text(64)
PROBLEM: Final = lines(20_000)
LONG_TEXT: Final = text(MAX_TEXT_CHARS, printable=False)
TIMES: Final = nothing_or(number(-1e15, 1e15))
CLASSES: Final = table(text(500), whole(high=MAX_USERS), MAX_KINDS)
SPREAD: Final = table(number(-1e15, 1e15), whole(), 1_000_000)
LABEL: Final = either("text", nothing_or(number()), LONG_TEXT, flag)

STATS_ENTRY: Final = record(
    {
        "name": LABEL,
        "method": LABEL,
        "last_request_timestamp": TIMES,
        "start_time": number(),
        "num_requests": whole(),
        "num_none_requests": whole(),
        "num_failures": whole(),
        "total_response_time": number(),
        "max_response_time": number(),
        "min_response_time": TIMES,
        "total_content_length": number(),
        "response_times": SPREAD,
        "num_reqs_per_sec": SPREAD,
        "num_fail_per_sec": SPREAD,
    }
)
STATS_ERROR: Final = record(
    {"method": LABEL, "name": LABEL, "error": LABEL, "occurrences": whole()},
    {"first_seen": TIMES, "last_seen": TIMES},
)
HEADCOUNTS: Final = nothing_or(
    record({"epoch": EPOCH, "headcount": row(whole(high=MAX_USERS), whole(high=MAX_USERS), whole(high=MAX_USERS))})
)
SNAPSHOT: Final = nothing_or(binary(MAX_SNAPSHOT_BYTES))
"""Decoded and checked when it is merged (measure/snapshot_check.py)."""

FROM_WORKER: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "client_ready": either("a version", text(100, least=1), one_of(-1)),
        "client_stopped": anything,
        "exception": record({"msg": LONG_TEXT, "traceback": LONG_TEXT}),
        "heartbeat": record(
            {
                "state": one_of(
                    STATE_INIT,
                    STATE_SPAWNING,
                    STATE_RUNNING,
                    STATE_CLEANUP,
                    STATE_STOPPING,
                    STATE_STOPPED,
                    STATE_MISSING,
                ),
                "current_cpu_usage": number(0, 1e6),
            },
            {"current_memory_usage": number(0, 1e18)},
        ),
        "locustfile": record({"version": text(100)}),
        "logs": record({"worker_id": NAME, "logs": each(LONG_TEXT, MAX_KINDS)}),
        "quit": anything,
        "spawning": anything,
        "spawning_complete": record({"user_classes_count": CLASSES}),
        "stats": record(
            {
                "stats": each(STATS_ENTRY, MAX_ROWS),
                "stats_total": STATS_ENTRY,
                "errors": table(LABEL, STATS_ERROR, MAX_ROWS),
                "user_classes_count": CLASSES,
            },
            {REPORT: SNAPSHOT, HEADCOUNT: HEADCOUNTS, STAMP: TIMES},
        ),
        FINAL: record({"epoch": EPOCH, "snapshot": SNAPSHOT}),
        FINISHED: HEADCOUNTS,
        LOOKED: record({"epoch": EPOCH, "snapshot": SNAPSHOT}),
        PASSPORT: record(
            {
                # one of another version may have further entries, or lack some: it is told what differs
                "passport": table(text(100), either("text or names", text(500), each(text(500), MAX_KINDS)), 100),
                "origin": nothing_or(ORIGIN),
            },
            {"family": text(64)},
        ),
        REFUSED: record({"epoch": EPOCH, "problem": PROBLEM}),
    }
)

FROM_MASTER: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "ack": nothing_or(record({}, {"index": whole(high=MAX_USERS)})),
        "heartbeat": anything,
        "locustfile": anything,
        "quit": anything,
        "reconnect": anything,
        "spawn": record(
            {
                "timestamp": number(),
                "host": nothing_or(text(2_000)),
                "stop_timeout": nothing_or(number(0, 1e9)),
                "parsed_options": table(text(500), anything, MAX_KINDS),
                "user_classes_count": CLASSES,
            }
        ),
        "spawning_complete": record({"user_count": whole(high=MAX_USERS)}),
        "stop": anything,
        "update_user_class": record({"user_class_name": text(500)}),
        DRAIN: record({"epoch": EPOCH}, {"hurry": flag}),
        LOOK: record({"epoch": EPOCH}),
        RESET: record({"epoch": EPOCH, "resets": whole(high=MAX_USERS)}),
        TAKEN: record({"epoch": EPOCH, "resets": whole(high=MAX_USERS), "before": whole()}),
        TURNED_AWAY: record({"problem": PROBLEM}),
        WELCOME: record({"origin": nothing_or(ORIGIN)}),
    }
)


def problem_with(msg: Message, shapes: Mapping[str, Check], others: Container[str]) -> str:
    """Why nobody may act on that message, empty for a good one; `others` are types that somebody else listens for."""
    kind: Any = msg.type
    if not isinstance(kind, str):
        return f"its type {ShapeError(f'is {shown(kind)}; expected text').problem}"
    check = shapes.get(kind)
    if check is None:
        return "" if kind in others else "no such message is known"
    try:
        check(msg.data)
    except ShapeError as problem:
        return str(problem)
    return ""
