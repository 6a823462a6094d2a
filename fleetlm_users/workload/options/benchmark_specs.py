"""The options of single benchmarks; those of the capacity search are in capacity.py."""

from typing import Final

from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.duration import MAX_S
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.specs import option

GROUP: Final = "benchmark"

MOST_MS: Final = round(MAX_S * MS_PER_S)
MOST_IN_FLIGHT: Final = 10_000
"""The most messages that one user may have in flight or remember: about 10 MB."""

MOST_DEVICES: Final = 10_000
"""The most sockets of one session: all of them live in one process and share its core."""

MIB: Final = 1 << 20

MILLION: Final = 1_000_000

KEEP_ALIVE_MS: Final = option(
    "keep_alive_ms", default=60000, most=MOST_MS, group=GROUP, title="Hold each session (ms)",
    help="how long each session is held, in milliseconds; 0: until the run ends",
)  # fmt: skip

SEND_INTERVAL: Final = option(
    "send_interval", default=1000, kind="positive", least=0.01, most=MOST_MS, group=GROUP, title="Send interval (ms)",
    help="milliseconds from one message of a user to the next",
)  # fmt: skip

RUNTIME_MS: Final = option(
    "runtime_ms", default=0, most=MOST_MS, example="60000", group=GROUP, title="Send for (ms)",
    help="how long each user sends, in milliseconds; 0: until the run ends",
)  # fmt: skip

PIPELINE_DEPTH: Final = option(
    "pipeline_depth", kind="count", most=MOST_IN_FLIGHT, example="5", group=GROUP,
    help="closed loop: every user keeps this many messages in flight; empty: off",
)  # fmt: skip

ARRIVAL_RATE: Final = option(
    "arrival_rate", kind="positive", least=0.0001, most=MILLION, example="200", group=GROUP,
    help="open model: messages per second of all users together, whatever the replies; empty: off",
)  # fmt: skip

ITERATIONS: Final = option(
    "iterations", default=50, kind="count", most=MILLION, group=GROUP,
    help="complete journeys of each user; the run ends when all users have done theirs",
)  # fmt: skip

MESSAGES_PER_SESSION: Final = option(
    "messages_per_session", default=3, kind="count", most=MILLION, group=GROUP,
    help="messages of each session, one after the other",
)  # fmt: skip

MESSAGES: Final = option(
    "messages", default=10, kind="count", most=MOST_IN_FLIGHT, group=GROUP,
    help="messages of each round; with their answers at most 100 fit into a replay",
)  # fmt: skip

CORRECTNESS_DEPTH: Final = option(
    "pipeline_depth", kind="count", most=MOST_IN_FLIGHT, example="5", group=GROUP,
    help="at most this many messages in flight; empty: all of a round at once",
)  # fmt: skip

MAX_VUS: Final = option(
    "max_vus", kind="count", most=VUS_PER_BLOCK, example="20", group=GROUP, in_form=False, in_preset=False,
    stands_for="vus", help="users once all are there; -u means the same and wins",
)  # fmt: skip

RAMP_DURATION: Final = option(
    "ramp_duration", kind="duration", example="30s", group=GROUP, in_form=False, in_preset=False,
    stands_for="ramp_up", help="time from the start until all users are running; --ramp-up means the same and wins",
)  # fmt: skip

STEADY_DURATION: Final = option(
    "steady_duration", default="1m40s", kind="duration", group=GROUP,
    help="how long all users send, after the ramp-up",
)  # fmt: skip

RAMP_DOWN_DURATION: Final = option(
    "ramp_down_duration", default="10s", kind="duration", group=GROUP,
    help="time in which the users leave one after the other",
)  # fmt: skip

ACKNOWLEDGED_DEPTH: Final = option(
    "pipeline_depth", default=5, kind="count", most=MOST_IN_FLIGHT, group=GROUP,
    help="messages of each user whose acknowledgement is awaited at any time",
)  # fmt: skip

PAYLOAD_SIZE: Final = option(
    "payload_size", kind="count", most=MIB, example="1024", group=GROUP, in_form=False, in_preset=False,
    stands_for="message_bytes", help="size of each message's text in bytes; --message-bytes means the same and wins",
)  # fmt: skip

BACKLOG_SESSIONS: Final = option(
    "backlog_sessions", kind="count", most=VUS_PER_BLOCK, example="5", group=GROUP, in_form=False, in_preset=False,
    stands_for="vus", help="number of sessions, one user each; -u means the same and wins",
)  # fmt: skip

SESSION_COUNT: Final = option(
    "session_count", kind="count", most=VUS_PER_BLOCK, example="10", group=GROUP, in_form=False, in_preset=False,
    stands_for="vus", help="number of sessions, one user each; -u means the same and wins",
)  # fmt: skip

BACKLOG_SIZE: Final = option(
    "backlog_size", default=1000, kind="count", most=MILLION, group=GROUP, help="messages of each session's backlog",
)  # fmt: skip

BACKLOG_DURATION: Final = option(
    "backlog_duration", default="30s", kind="duration", group=GROUP, help="the longest time to write the backlog",
)  # fmt: skip

REPLAY_DURATION: Final = option(
    "replay_duration", default="1m", kind="duration", group=GROUP, help="how long the backlogs are read",
)  # fmt: skip

ACTIVE_WRITE_INTERVAL: Final = option(
    "active_write_interval", default=100, kind="positive", least=0.01, most=MOST_MS, group=GROUP,
    title="Active write interval (ms)",
    help="milliseconds from one message of a session to the next while it is read",
)  # fmt: skip

WRITERS: Final = option(
    "writers", default=1, kind="count", most=MOST_DEVICES, group=GROUP,
    help="devices of each session that write, in turn",
)  # fmt: skip

LISTENERS: Final = option(
    "listeners", default=10, kind="count", most=MOST_DEVICES, group=GROUP,
    help="devices of each session's user that only listen",
)  # fmt: skip

AGENT_LISTENERS: Final = option(
    "agent_listeners", default=0, most=MOST_DEVICES, example="1", group=GROUP,
    help="late protocol: listeners of each session that join as its agent",
)  # fmt: skip

INBOX_SESSIONS: Final = option(
    "inbox_sessions", default=1, kind="count", most=MOST_DEVICES, example="20", group=GROUP,
    help="sessions that each inbox watcher writes in, all shown by its one inbox",
)  # fmt: skip

SKEW: Final = option(
    "skew", kind="skew", group=GROUP,
    help="spread the same messages per second unevenly over the sessions, zipf:EXPONENT; empty: evenly",
)  # fmt: skip
