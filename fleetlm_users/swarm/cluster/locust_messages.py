"""The shapes of Locust's own messages between master and worker, by type.

Locust acts on whatever it decodes: a value of the wrong type ends the greenlet that receives from all peers. So each
message is checked first. Entries not named here are not checked: a plugin may add some.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from locust.runners import (
    STATE_CLEANUP,
    STATE_INIT,
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    STATE_STOPPING,
)

from fleetlm_users.shape import (
    Check,
    anything,
    each,
    either,
    flag,
    nothing_or,
    number,
    one_of,
    record,
    table,
    text,
    whole,
)
from fleetlm_users.swarm.options.wire import MAX_KINDS, MAX_USERS

MAX_ROWS: Final = 1_000_000
"""The most rows of Locust's table in one report: some locustfiles give every request a name of its own."""

MAX_TEXT_CHARS: Final = 1_000_000
NAME: Final = text(255, least=1)
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
LOCUST_FROM_WORKER: Final[Mapping[str, Check]] = MappingProxyType(
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
        ),
    }
)

LOCUST_FROM_MASTER: Final[Mapping[str, Check]] = MappingProxyType(
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
    }
)
