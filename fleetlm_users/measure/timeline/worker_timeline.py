"""What happened in each second of a run on one process: counts, connections, coarse latency distributions.

Rows are absolute per second, so sending them again is harmless and heals what was lost. They are kept until the master
has said that it has them, and then forgotten: a process that runs for days keeps half a minute of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from fleetlm_users.measure.histogram_buckets import coarse_index

# column of timeseries.csv <- counter of the catalogue, all scenarios and phases together
COUNTER_COLUMNS: Final = {
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
# prefix of the percentile columns <- trend of the catalogue
TREND_COLUMNS: Final = {
    "append": "append_latency_ms",
    "agent": "agent_latency_ms",
    "join": "ws_join_ms",
    "lateness": "generator_lateness_ms",
    "loop_lag": "event_loop_lag_ms",
}
FAILURE_COLUMNS: Final = ("rejected", "lost", "connection_failures", "disconnects", "session_failures")
ROWS_AT_ONCE: Final = 300  # in one report; who was not heard for longer sends the rest with the next ones
ROWS_TO_THANK_FOR: Final = 30  # in a report, before the master says which it has: a message each half minute is cheap

# [second, counts in order of COUNTER_COLUMNS, connections, CPU %, {prefix: [step to the next bucket, n, ...]}];
# steps instead of buckets: nearly every number is then one byte of msgpack, and an hour of rows about 2 MB
WireRow = list[Any]


@dataclass(slots=True)
class Row:
    """One second: counts in the order of COUNTER_COLUMNS, and coarse distributions by prefix of TREND_COLUMNS."""

    second: int
    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTER_COLUMNS))
    connections: int = 0
    cpu_percent: float = 0.0
    spreads: dict[str, Counter[int]] = field(default_factory=dict)
    _wire: WireRow | None = None  # rows are sent many times and change only while they are young

    def spread(self, column: str, tally: Mapping[int, int]) -> None:
        """Add durations in µs, given as value -> how often, to the second's distribution."""
        buckets = self.spreads.setdefault(column, Counter())
        for value_us, times in tally.items():
            buckets[coarse_index(value_us)] += times
        self._wire = None

    def add(self, counts: Sequence[int], connections: int, cpu_percent: float) -> None:
        """Add a stretch of time to the second: what was counted, the highest connections and CPU in it."""
        self.counts = [have + more for have, more in zip(self.counts, counts, strict=True)]
        self.connections = max(self.connections, connections)
        self.cpu_percent = max(self.cpu_percent, cpu_percent)
        self._wire = None

    def to_wire(self) -> WireRow:
        """The row in lists and dicts that msgpack and JSON can carry; the same object until the row changes."""
        if self._wire is None:
            spreads = {column: to_steps(buckets) for column, buckets in self.spreads.items()}
            self._wire = [self.second, self.counts, self.connections, self.cpu_percent, spreads]
        return self._wire


class WorkerTimeline:
    """The rows of one process from `since_s` of the run on, made by a tick about once a second.

    A row is kept until `forget` says that somebody else has it.
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self._rows: dict[int, Row] = {}
        self._since_s = since_s
        self._seen: list[int] = [0] * len(COUNTER_COLUMNS)

    def tick(self, elapsed_s: float, totals: Sequence[int], connections: int, cpu_percent: float) -> Row:
        """Close the stretch since the last tick and return the row it belongs to: the second in which it began.

        `totals` are the counters as they stand, in the order of COUNTER_COLUMNS; `connections` is the highest number
        in the stretch.
        """
        second = int(self._since_s)
        row = self._rows.get(second)
        if row is None:
            row = self._rows[second] = Row(second)
        row.add([now - seen for now, seen in zip(totals, self._seen, strict=True)], connections, cpu_percent)
        self._seen = list(totals)
        self._since_s = max(self._since_s, elapsed_s)
        return row

    def rows(self, at_most: int | None = None) -> list[Row]:
        """The rows that were not forgotten by second, or the oldest of them."""
        return list(islice(self._rows.values(), at_most))  # seconds only grow, so this is their order

    def forget(self, before: int) -> None:
        """Let go of the rows before that second, but never of the youngest, which still grows."""
        while len(self._rows) > 1 and (oldest := next(iter(self._rows))) < before:
            del self._rows[oldest]


def to_steps(buckets: Mapping[int, int]) -> list[int]:
    """A distribution as [step to the next bucket, n, ...]."""
    flat: list[int] = []
    previous = 0
    for index in sorted(buckets):
        flat += (index - previous, buckets[index])
        previous = index
    return flat
