"""What happened in one second of a run: on one process as it is reported, and on all of them together.

Counts and coarse distributions add up, so a longer stretch is as true as its seconds: percentiles are taken from the
merged distributions, never from other percentiles.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Self

import msgspec
from msgspec import Meta

from fleetlm_users.measure.histogram_buckets import MAX_US, coarse_index

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
}
"""Column of timeseries.csv -> counter of the catalogue, all scenarios and phases together."""

Column = Literal["append", "agent", "join", "lateness", "loop_lag"]
"""The prefixes of the percentile columns."""

TREND_COLUMNS: Final[Mapping[Column, str]] = {
    "append": "append_latency_ms",
    "agent": "agent_latency_ms",
    "join": "ws_join_ms",
    "lateness": "generator_lateness_ms",
    "loop_lag": "event_loop_lag_ms",
}
"""Prefix of the percentile columns -> trend of the catalogue."""

FAILURE_COLUMNS: Final = ("rejected", "lost", "connection_failures", "disconnects", "session_failures")
"""The counter columns that stand for something that failed."""

WIDTH: Final = len(COUNTER_COLUMNS)
MAX_IN_A_SECOND: Final = 10**12
"""So that the sums over all workers fit into 64 bits."""

CountInASecond = Annotated[int, Meta(ge=0, le=MAX_IN_A_SECOND)]
Bucket = Annotated[int, Meta(ge=0, le=coarse_index(MAX_US))]
Distribution = dict[Bucket, CountInASecond]
"""How many durations lie in each coarse bucket (histogram_buckets.coarse_index)."""


class Second(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One second of one process, or a part of it while it still goes on.

    `counts` are in the order of COUNTER_COLUMNS, `connections` and `cpu_percent` the highest values in the second.
    """

    second: Annotated[int, Meta(ge=0, le=2**53)]
    counts: Annotated[list[CountInASecond], Meta(min_length=WIDTH, max_length=WIDTH)]
    connections: Annotated[int, Meta(ge=-MAX_IN_A_SECOND, le=MAX_IN_A_SECOND)]
    cpu_percent: Annotated[float, Meta(ge=-1e6, le=1e6)]
    spreads: dict[Column, Distribution]

    @classmethod
    def empty(cls, second: int) -> Self:
        """Return a second in which nothing has happened yet."""
        return cls(second, [0] * WIDTH, 0, 0.0, {})

    def spread(self, column: Column, tally: Mapping[int, int]) -> None:
        """Add durations in µs, given as value -> how often, to the distribution of a column."""
        buckets = self.spreads.setdefault(column, {})
        for value_us, times in tally.items():
            index = coarse_index(value_us)
            buckets[index] = buckets.get(index, 0) + times

    def add(self, counts: Sequence[int], connections: int, cpu_percent: float) -> None:
        """Add a part of the second: its counts, and the highest number of connections and CPU in it."""
        self.counts = _sums(self.counts, counts)
        self.connections = max(self.connections, connections)
        self.cpu_percent = max(self.cpu_percent, cpu_percent)

    def copy(self) -> "Second":
        """Return a copy that shares nothing with this one."""
        return Second(self.second, list(self.counts), self.connections, self.cpu_percent, _copies(self.spreads))


class Stretch(Second):
    """The same on all processes together, over `width_s` seconds from `second` on.

    `cpus` is each worker's highest CPU in percent, `cpu_percent` the highest of them. `connections` is the sum over the
    workers of a second; of several seconds, the highest.
    """

    width_s: int = 1
    cpus: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def end_s(self) -> int:
        """The second at which it is over."""
        return self.second + self.width_s

    def include(self, more: Second, worker: str | None = None) -> None:
        """Add the same second of one more process, under its name where each one's CPU matters."""
        self.counts = _sums(self.counts, more.counts)
        self.connections += more.connections
        self.cpu_percent = max(self.cpu_percent, more.cpu_percent)
        if worker is not None:
            self.cpus[worker] = more.cpu_percent
        _merge_spreads(self.spreads, more.spreads)

    def extend(self, later: "Stretch") -> None:
        """Add the stretch that follows this one."""
        self.width_s = later.end_s - self.second
        self.counts = _sums(self.counts, later.counts)
        self.connections = max(self.connections, later.connections)
        self.cpu_percent = max(self.cpu_percent, later.cpu_percent)
        for worker, cpu_percent in later.cpus.items():
            self.cpus[worker] = max(self.cpus.get(worker, 0.0), cpu_percent)
        _merge_spreads(self.spreads, later.spreads)

    def copy(self) -> "Stretch":
        """Return a copy that shares nothing with this one."""
        spreads = _copies(self.spreads)
        return Stretch(
            self.second,
            list(self.counts),
            self.connections,
            self.cpu_percent,
            spreads,
            self.width_s,
            dict(self.cpus),
        )


def _sums(counts: Sequence[int], more: Sequence[int]) -> list[int]:
    return [one + other for one, other in zip(counts, more, strict=True)]


def _copies(spreads: Mapping[Column, Distribution]) -> dict[Column, Distribution]:
    return {column: dict(buckets) for column, buckets in spreads.items()}


def _merge_spreads(spreads: dict[Column, Distribution], more: Mapping[Column, Distribution]) -> None:
    for column, buckets in more.items():
        sums = spreads.setdefault(column, {})
        for index, times in buckets.items():
            sums[index] = sums.get(index, 0) + times
