"""One second of a run, by scenario: of one process as it is reported, and of all processes together.

Counts and coarse distributions add up, so a longer stretch is as exact as its seconds: percentiles are taken from the
merged distributions, never from other percentiles. The total of all scenarios is derived.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal, Self

import msgspec
from msgspec import Meta

from fleetlm_users.measure.histogram_buckets import COARSE_SHIFT, MAX_US, coarse_index
from fleetlm_users.measure.timeline.windowed import Windowed

OF_PUSHES: Final = (
    *("pushes_sent", "pushes_replied", "pushes_refused", "pushes_timed_out", "pushes_lost", "pushes_in_flight"),
    *("pushes_without_reply", "events_received", "events_missed"),
    *("events_due", "events_due_seen", "events_due_missed", "events_due_open"),
    *("join_failures", "channels_lost"),
)
"""The counters of users of any Phoenix application; their columns have the same names."""

OF_VISITS: Final = ("visits_begun", "visits_ended", "visits_dropped")
"""The counters of sessions that arrive at a rate; their columns have the same names."""

COUNTER_COLUMNS: Final[Mapping[str, str]] = {
    "sent": "messages_sent",
    "appended": "messages_appended",
    "rejected": "messages_rejected",
    "lost": "messages_lost",
    "received": "messages_received",
    "agent_replies": "agent_replies",
    "backpressure": "backpressure_events",
    "connection_failures": "connection_failures",
    "disconnects": "disconnects",
    "session_failures": "session_failures",
    "in_flight": "messages_in_flight",
    "replies_due": "agent_replies_due",
    "replies_matched": "agent_replies_matched",
    "unanswered": "messages_unanswered",
    "unconfirmed": "messages_unconfirmed",
    "chunks": "agent_chunks",
    "stream_stalls": "agent_stream_stalls",
    "streams_incomplete": "agent_streams_incomplete",
    **{metric: metric for metric in (*OF_PUSHES, *OF_VISITS)},
}
"""Column of timeseries.csv -> counter of the catalogue, all phases together."""

Column = Literal[
    "append", "agent", "join", "lateness", "loop_lag", "first_chunk", "chunk_gap", "stream", "push", "event"
]
"""The prefixes of the percentile columns."""

TREND_COLUMNS: Final[Mapping[Column, str]] = {
    "append": "append_latency_ms",
    "agent": "agent_latency_ms",
    "join": "ws_join_ms",
    "lateness": "generator_lateness_ms",
    "loop_lag": "event_loop_lag_ms",
    "first_chunk": "agent_first_chunk_ms",
    "chunk_gap": "agent_chunk_gap_ms",
    "stream": "agent_stream_ms",
    "push": "push_latency_ms",
    "event": "event_latency_ms",
}
"""Prefix of the percentile columns -> trend of the catalogue."""

FAILURE_COLUMNS: Final = (
    *("rejected", "lost", "unconfirmed", "connection_failures", "disconnects", "session_failures"),
    *("pushes_refused", "pushes_timed_out", "pushes_lost", "events_missed", "join_failures", "channels_lost"),
)
"""The counter columns of failures."""

BACKLOG_COLUMNS: Final[Mapping[str, str]] = {
    "append_backlog": "sent",
    "agent_backlog": "replies_due",
    "push_backlog": "pushes_sent",
    "event_backlog": "events_due",
}
"""Backlog at a second's end -> the column that counts arrivals.

Messages sent whose fate is open, appended ones whose answer is awaited; pushes whose reply is awaited, and events that
are due.
"""

PLACES: Final[Mapping[str, int]] = {column: place for place, column in enumerate(COUNTER_COLUMNS)}
_ENDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "append_backlog": ("appended", "rejected", "lost", "unconfirmed", "in_flight"),
    "agent_backlog": ("replies_matched", "unanswered"),
    "push_backlog": ("pushes_replied", "pushes_refused", "pushes_timed_out", "pushes_lost", "pushes_in_flight"),
    "event_backlog": ("events_due_seen", "events_due_missed", "events_due_open"),
}
_WAITS: Final = tuple(
    (PLACES[arrived], tuple(PLACES[ended] for ended in _ENDED_BY[backlog]))
    for backlog, arrived in BACKLOG_COLUMNS.items()
)

WIDTH: Final = len(COUNTER_COLUMNS)
MAX_SCENARIOS: Final = 100
MAX_IN_A_SECOND: Final = 10**12
"""The largest count in a second, so that the sums over all workers fit into 64 bits."""

CountInASecond = Annotated[int, Meta(ge=-MAX_IN_A_SECOND, le=MAX_IN_A_SECOND)]
"""Below 0 if a presumed refusal of an earlier second is taken back."""
Backlogs = tuple[CountInASecond, CountInASecond, CountInASecond, CountInASecond]
"""In the order of BACKLOG_COLUMNS."""
NOTHING_WAITS: Final[Backlogs] = (0, 0, 0, 0)
Bucket = Annotated[int, Meta(ge=0, le=coarse_index(MAX_US))]
Distribution = dict[Bucket, Annotated[int, Meta(ge=0, le=MAX_IN_A_SECOND)]]
"""The number of durations in each coarse bucket (histogram_buckets.coarse_index)."""
ScenarioName = Annotated[str, Meta(max_length=200)]


class Part(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One scenario's part of a second; `counts` are in the order of COUNTER_COLUMNS.

    `backlogs` are those at the end of the second. `windowed` holds the values for thresholds on windows; it is empty
    without them.
    """

    counts: Annotated[list[CountInASecond], Meta(min_length=WIDTH, max_length=WIDTH)]
    backlogs: Backlogs
    spreads: dict[Column, Distribution]
    windowed: Windowed = msgspec.field(default_factory=Windowed)

    @classmethod
    def empty(cls) -> Self:
        """Return a part in which nothing has happened yet."""
        return cls([0] * WIDTH, NOTHING_WAITS, {})

    def count(self, column: str) -> int:
        """Return the count of one column of COUNTER_COLUMNS."""
        return self.counts[PLACES[column]]

    def copy(self) -> "Part":
        """Return a copy that shares nothing with this one."""
        spreads = {column: dict(buckets) for column, buckets in self.spreads.items()}
        return Part(list(self.counts), self.backlogs, spreads, self.windowed.copy())

    def include(self, more: "Part") -> None:
        """Add the same scenario in the same second on another process, or another scenario."""
        self.wait(more.backlogs)
        self._add(more)

    def wait(self, backlogs: Backlogs) -> None:
        """Add another process's backlogs."""
        append, agent, push, event = map(operator.add, self.backlogs, backlogs)
        self.backlogs = (append, agent, push, event)

    def extend(self, later: "Part") -> None:
        """Add the part that follows this one."""
        self.backlogs = later.backlogs
        self._add(later)

    def _add(self, more: "Part") -> None:
        self.counts = sums(self.counts, more.counts)
        self.windowed.include(more.windowed)
        for column, buckets in more.spreads.items():
            merged = self.spreads.setdefault(column, {})
            for index, times in buckets.items():
                merged[index] = merged.get(index, 0) + times


class Second(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One second of one process, or a part of it while it still goes on.

    `connections` and `cpu_percent` are the highest values in the second; `parts` are by scenario, "" for what belongs
    to the process alone.
    """

    second: Annotated[int, Meta(ge=0, le=2**53)]
    connections: Annotated[int, Meta(ge=-MAX_IN_A_SECOND, le=MAX_IN_A_SECOND)]
    cpu_percent: Annotated[float, Meta(ge=-1e6, le=1e6)]
    parts: Annotated[dict[ScenarioName, Part], Meta(max_length=MAX_SCENARIOS)]

    @classmethod
    def empty(cls, second: int) -> Self:
        """Return a second in which nothing has happened yet."""
        return cls(second, 0, 0.0, {})

    def whole(self) -> Part:
        """Return all scenarios together; it is read-only."""
        if len(self.parts) == 1:
            return next(iter(self.parts.values()))
        whole = Part.empty()
        for part in self.parts.values():
            whole.include(part)
        return whole

    def of(self, scenario: str | None) -> Part:
        """Return the part of a scenario, None for all of them; it is read-only."""
        return self.whole() if scenario is None else self.parts.get(scenario) or Part.empty()

    def part(self, scenario: str) -> Part:
        """Return the part of a scenario to be added to, made on first use."""
        part = self.parts.get(scenario)
        if part is None:
            part = self.parts[scenario] = Part.empty()
        return part

    def spread(self, scenario: str, column: Column, tally: Mapping[int, int]) -> None:
        """Add durations in µs, given as value -> how often, to the distribution of a column."""
        buckets = self.part(scenario).spreads.setdefault(column, {})
        for value_us, times in tally.items():
            octave = value_us.bit_length() - COARSE_SHIFT  # coarse_index, inlined: several values of each message
            index = value_us if octave <= 0 else (octave << COARSE_SHIFT - 1) + (value_us >> octave)
            buckets[index] = buckets.get(index, 0) + times

    def see(self, connections: int, cpu_percent: float) -> None:
        """Take the highest number of connections and CPU in a part of the second."""
        self.connections = max(self.connections, connections)
        self.cpu_percent = max(self.cpu_percent, cpu_percent)

    def copy(self) -> "Second":
        """Return a copy that shares nothing with this one."""
        return Second(self.second, self.connections, self.cpu_percent, _copies(self.parts))


class Stretch(Second):
    """The sum over all processes, over `width_s` seconds from `second` on.

    `cpus` is each worker's highest CPU in percent, `cpu_percent` the highest of them. `connections` is the sum over the
    workers of a second; of several seconds, the highest. Backlogs are those at the end.
    """

    width_s: int = 1
    cpus: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def end_s(self) -> int:
        """The second at which it ends."""
        return self.second + self.width_s

    def include(self, more: Second, worker: str | None = None) -> None:
        """Add the same second of one more process, under its name if each one's CPU matters."""
        self.connections += more.connections
        self.cpu_percent = max(self.cpu_percent, more.cpu_percent)
        if worker is not None:
            self.cpus[worker] = more.cpu_percent
        for scenario, part in more.parts.items():
            self.part(scenario).include(part)

    def extend(self, later: "Stretch") -> None:
        """Add the stretch that follows this one."""
        self.width_s = later.end_s - self.second
        self.see(later.connections, later.cpu_percent)
        for worker, cpu_percent in later.cpus.items():
            self.cpus[worker] = max(self.cpus.get(worker, 0.0), cpu_percent)
        for scenario in self.parts.keys() | later.parts.keys():
            self.part(scenario).extend(later.of(scenario))

    def copy(self) -> "Stretch":
        """Return a copy that shares nothing with this one."""
        parts = _copies(self.parts)
        return Stretch(self.second, self.connections, self.cpu_percent, parts, self.width_s, dict(self.cpus))


def backlogs_of(totals: Sequence[int]) -> Backlogs:
    """Return the backlogs that follow from cumulative counts in the order of COUNTER_COLUMNS."""
    append, agent, push, event = (totals[place] - sum(totals[ended] for ended in rest) for place, rest in _WAITS)
    return append, agent, push, event


def sums(counts: Iterable[int], more: Iterable[int]) -> list[int]:
    """Return the sums of two lists of counts of the same length."""
    return [one + other for one, other in zip(counts, more, strict=True)]


def _copies(parts: Mapping[str, Part]) -> dict[str, Part]:
    return {scenario: part.copy() for scenario, part in parts.items()}
