"""The benchmarks that come with this package, as data: the CLI lists them, and the behaviours take their options here.

Locustfiles install them (users/install.py); the author of another benchmark declares its options in its classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from fleetlm_users.workload.options.benchmark_specs import (
    ACKNOWLEDGED_DEPTH,
    ACTIVE_WRITE_INTERVAL,
    AGENT_LISTENERS,
    ARRIVAL_RATE,
    BACKLOG_DURATION,
    BACKLOG_SESSIONS,
    BACKLOG_SIZE,
    CORRECTNESS_DEPTH,
    INBOX_SESSIONS,
    ITERATIONS,
    KEEP_ALIVE_MS,
    LISTENERS,
    MAX_VUS,
    MESSAGES,
    MESSAGES_PER_SESSION,
    PAYLOAD_SIZE,
    PIPELINE_DEPTH,
    RAMP_DOWN_DURATION,
    RAMP_DURATION,
    REPLAY_DURATION,
    RUNTIME_MS,
    SEND_INTERVAL,
    SESSION_COUNT,
    SKEW,
    STEADY_DURATION,
    WRITERS,
)
from fleetlm_users.workload.options.capacity import CAPACITY_OPTIONS
from fleetlm_users.workload.options.durability import CRASH_OPTIONS
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.options.storm import STORM_OPTIONS

BEHAVIOUR_OPTIONS: Final[Mapping[str, tuple[OptionSpec, ...]]] = {
    "long_lived": (),
    "burst": (),
    "churn": (),
    "inbox_watcher": (INBOX_SESSIONS,),
    "capacity": CAPACITY_OPTIONS,
    "concurrent": (KEEP_ALIVE_MS,),
    "correctness": (MESSAGES, CORRECTNESS_DEPTH, replace(ITERATIONS, default="10", example="10")),
    "durability": (SESSION_COUNT, replace(SEND_INTERVAL, default="200", example="200"), SKEW, *CRASH_OPTIONS),
    "fan_out": (WRITERS, LISTENERS, AGENT_LISTENERS, SEND_INTERVAL, SKEW),
    "hot_path": (replace(SEND_INTERVAL, default="5000", example="5000"), RUNTIME_MS, SKEW),
    "lifecycle": (ITERATIONS, MESSAGES_PER_SESSION),
    "pipeline": (MAX_VUS, RAMP_DURATION, STEADY_DURATION, RAMP_DOWN_DURATION, ACKNOWLEDGED_DEPTH),
    "rest_mix": (PAYLOAD_SIZE,),
    "cold_start": (BACKLOG_SESSIONS, BACKLOG_SIZE, BACKLOG_DURATION, REPLAY_DURATION, ACTIVE_WRITE_INTERVAL),
    "storm": (replace(SEND_INTERVAL, default="2000", example="2000"), SKEW, *STORM_OPTIONS),
    "throughput": (SEND_INTERVAL, RUNTIME_MS, PIPELINE_DEPTH, ARRIVAL_RATE, SKEW),
}
"""The options of each packaged behaviour, by its scenario."""

_APPENDS_KEEP_UP: Final[Mapping[str, str]] = {
    "append_backlog_growth": "value<0.01",
    "append_backlog_end_s": "value<2",
}
_ANSWERS_KEEP_UP: Final[Mapping[str, str]] = {
    "agent_backlog_growth": "value<0.01",
    "agent_backlog_end_s": "value<2",
}
_WELL_FORMED: Final[Mapping[str, str]] = {"malformed_frames": "count==0"}
_SOUND: Final[Mapping[str, str]] = {"messages_altered": "count==0", **_WELL_FORMED}
_ONCE: Final[Mapping[str, str]] = {
    "messages_duplicated": "count==0",
    "messages_out_of_order": "count==0",
    "messages_not_pushed": "count==0",
    **_SOUND,
}
_DELIVERS: Final[Mapping[str, str]] = {"acknowledgement_rate": "rate>0.90", **_ONCE}
"""Metrics that a message rate does not show: all messages may be appended and answered, yet unacknowledged, doubled,
out of order or altered.

Skipped numbers have no bound of their own: each is a message that is lost, unanswered or not pushed, and leaving a
session of the late protocol while pushes are under way skips some (docs/metrics.md).
"""

OF_ALL_SCENARIOS: Final = frozenset((*_APPENDS_KEEP_UP, *_ANSWERS_KEEP_UP, *_DELIVERS))
"""Default thresholds on all scenarios together, because one server answers them."""

_MESSAGES: Final[Mapping[str, str]] = {"message_success_rate": "rate>0.90", **_DELIVERS, **_APPENDS_KEEP_UP}
_CHATS: Final[Mapping[str, str]] = {**_MESSAGES, "agent_reply_rate": "rate>0.90", **_ANSWERS_KEEP_UP}

_READ_BACK: Final[Mapping[str, str]] = {
    "replay_checked": "count>0",
    "replay_missing": "count==0",
    "replay_changed": "count==0",
}

BEHAVIOUR_THRESHOLDS: Final[Mapping[str, Mapping[str, str]]] = {
    "long_lived": _CHATS,
    "burst": _CHATS,
    "churn": {**_CHATS, "cleanup_success_rate": "rate>0.90"},
    "inbox_watcher": {**_CHATS, "inbox_shown_rate": "rate>0.90"},
    "capacity": {**_CHATS, "message_success_rate": "rate>0.99"},
    "concurrent": {"connection_failures": "count<10", **_WELL_FORMED, **_APPENDS_KEEP_UP, **_ANSWERS_KEEP_UP},
    "correctness": {
        "message_correctness_rate": "rate==1.0",
        "messages_lost": "count==0",
        "replay_missing": "count==0",
        **_SOUND,
    },
    "durability": {"sessions_not_resumed": "count==0", **_SOUND},
    "fan_out": {**_CHATS, "fan_outs_whole": "count>0", "deliveries_missed": "count==0"},
    "hot_path": _MESSAGES,
    "lifecycle": {"lifecycle_success_rate": "rate>0.95", "cleanup_success_rate": "rate>0.90", **_ONCE},
    "pipeline": {
        "message_success_rate": "rate>0.99",
        "messages_acknowledged": "count>0",
        "messages_unacknowledged": "count==0",
        **_ONCE,
    },
    "cold_start": {
        "message_success_rate": "rate>0.99",
        "replays": "count>0",
        "replays_failed": "count==0",
        "backlogs_short": "count==0",
        **_READ_BACK,
        **_WELL_FORMED,
    },
    "rest_mix": {"message_success_rate": "rate>0.99", "rest_reads_failed": "count==0", **_READ_BACK},
    "storm": {
        "message_success_rate": "rate>0.90",
        "append_backlog_end_s": "value<2",
        "sessions_cut": "count>0",
        "sessions_not_resumed": "count==0",
        "missed_not_brought": "count==0",
        **_SOUND,
    },
    "throughput": _CHATS,
}
"""The default thresholds of each packaged behaviour, by its scenario, for any run with users of it: metric and
conditions.

A healthy server keeps them on any machine and at any load, so they bound no latencies; presets do. Each is judged for
its scenario, those of OF_ALL_SCENARIOS once for the whole run, unless the preset or a given threshold bounds that
metric. The numbers are those of the presets; docs/metrics.md says where those of backlogs come from.
"""


class PackagedBenchmark(msgspec.Struct, frozen=True):
    """A benchmark of locustfiles/. Its presets stand in presets.yaml; the first one is its default.

    `about` is one sentence, `behaviours` are its scenarios in the order of reports.
    """

    name: str
    about: str
    behaviours: tuple[str, ...]

    @property
    def locustfile(self) -> str:
        """The name of its file in locustfiles/."""
        return f"{self.name}.py"

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        """The options of its behaviours, each once."""
        return tuple(dict.fromkeys(spec for name in self.behaviours for spec in BEHAVIOUR_OPTIONS[name]))

    @property
    def thresholds(self) -> list[str]:
        """The default thresholds of its behaviours, each for its scenario."""
        texts = (
            f"{metric}: {conditions}" if metric in OF_ALL_SCENARIOS else f"{metric}{{scenario:{name}}}: {conditions}"
            for name in self.behaviours
            for metric, conditions in BEHAVIOUR_THRESHOLDS[name].items()
        )
        return list(dict.fromkeys(texts))


BENCHMARKS: Final = (
    PackagedBenchmark(
        "capacity",
        "The most sessions, or messages per second, within the thresholds: steps up until one is missed, then halves "
        "the gap",
        ("capacity",),
    ),
    PackagedBenchmark(
        "cold_start_replay",
        "Whole backlogs read during writes: how fast, over REST and by join, and whether each replay is complete",
        ("cold_start",),
    ),
    PackagedBenchmark(
        "concurrent_sessions",
        "Many open sessions: how fast they are created and joined, and whether they stay",
        ("concurrent",),
    ),
    PackagedBenchmark(
        "hot_path_throughput",
        "Acknowledgements: how many per second, and how soon, with a fixed number of sends in flight per user",
        ("pipeline",),
    ),
    PackagedBenchmark(
        "durability",
        "The cost of a crash: steady writes while the server is stopped and restarted, then an audit of what it "
        "acknowledged",
        ("durability",),
    ),
    PackagedBenchmark(
        "fan_out",
        "Crowds: several devices per session; how soon the first, half and all of them have a message, and which "
        "missed it",
        ("fan_out",),
    ),
    PackagedBenchmark(
        "message_correctness",
        "Every message exactly once, in order, answered, and the same when read again; names each one that is not",
        ("correctness",),
    ),
    PackagedBenchmark(
        "message_throughput",
        "Messages: on each user's timetable, at a rate of all users together, or with a fixed number in flight",
        ("throughput",),
    ),
    PackagedBenchmark(
        "mixed",
        "Mixed workload: people who stay, who write a lot, who come and go; optionally some who watch their inbox",
        ("long_lived", "burst", "churn", "inbox_watcher"),
    ),
    PackagedBenchmark(
        "reconnect_storm",
        "All connections cut at one moment: how soon sessions are back, and whether replay delivers what they missed",
        ("storm",),
    ),
    PackagedBenchmark(
        "rest_read_write_mix",
        "REST appends and reads side by side: the latency of each, and whether accepted messages read back as sent",
        ("rest_mix",),
    ),
    PackagedBenchmark(
        "session_lifecycle",
        "Whole sessions: create, connect, join, ask and await, leave, delete; ends when all users are done",
        ("lifecycle",),
    ),
    PackagedBenchmark(
        "ws_hot_path",
        "The oldest benchmark: one session per user, a message every 5 s; measures only joins and appends",
        ("hot_path",),
    ),
)


def benchmark_options() -> Iterator[tuple[str, OptionSpec]]:
    """Yield the options of all benchmarks, each with the name of its benchmark."""
    for benchmark in BENCHMARKS:
        for spec in benchmark.options:
            yield benchmark.name, spec
