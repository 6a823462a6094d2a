"""The timelines of all workers as one: rows are summed by second when they come, so that many workers cost no memory.

A worker repeats its newest rows in every snapshot and all of them in its last one. Every row but the youngest of a
snapshot is complete (Timeline.tick: a stretch belongs to the second in which it began), so it is summed once, and what
is repeated changes nothing. The youngest is kept apart until a newer snapshot has it complete.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fleetlm_users.measure.interval import Interval
from fleetlm_users.measure.timeline import WireRow
from fleetlm_users.measure.timeseries import Second, SeriesRow, flat


@dataclass(slots=True)
class _Line:
    """One worker's line: connections and CPU of each second that was summed, and its youngest row."""

    connections: list[int | None] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    youngest: WireRow | None = None

    def has(self, second: int) -> bool:
        """Whether that second was summed already."""
        return second < len(self.connections) and self.connections[second] is not None

    def note(self, row: WireRow) -> None:
        """That second is summed now."""
        missing = row[0] + 1 - len(self.connections)
        self.connections.extend([None] * missing)
        self.cpus.extend([0.0] * missing)
        self.connections[row[0]], self.cpus[row[0]] = row[2], row[3]

    def known(self, first: int) -> Iterator[tuple[int, int]]:
        """(second, connections) from `first` on; where no row is, the worker was stalled, and its sockets stayed."""
        connections = next((count for count in reversed(self.connections[:first]) if count is not None), 0)
        for second, count in enumerate(self.connections[first:], first):
            connections = connections if count is None else count
            yield second, connections
        if self.youngest is not None:
            for second in range(max(first, len(self.connections)), self.youngest[0]):
                yield second, connections
            yield self.youngest[0], self.youngest[2]


class FleetTimeline:
    """Takes the rows of every worker; `rows` are those of a timeseries."""

    def __init__(self) -> None:
        self._seconds: list[Second] = []
        self._lines: dict[str, _Line] = {}
        self._begins: int | None = None

    def absorb(self, worker_id: str, rows: Sequence[WireRow], final: bool) -> None:
        """Take the rows of a worker's snapshot that is newer than all before it; of a `final` one all are complete."""
        line = self._lines.setdefault(worker_id, _Line())
        if not rows:
            return
        self._begins = rows[0][0] if self._begins is None else min(self._begins, rows[0][0])
        for row in rows if final else rows[:-1]:
            if not line.has(row[0]):
                self._second(row[0]).add(row)
                line.note(row)
        line.youngest = None if final or line.has(rows[-1][0]) else rows[-1]

    @property
    def begins(self) -> int:
        """The first second that any worker told of: 0, or when the statistics were reset."""
        return self._begins or 0

    def complete_to(self, silent_s: int) -> int:
        """The second before which all workers have told everything; one so far behind the others is not waited for."""
        ends = [len(line.connections) for line in self._lines.values()]
        return min((end for end in ends if end >= max(ends) - silent_s), default=0)

    def intervals(self, first: int, end: int) -> list[Interval]:
        """Each second from `first` to before `end`, as far as it is complete; they are the caller's own."""
        end = min(end, len(self._seconds))
        intervals = [Interval(second, self._seconds[second].copy()) for second in range(first, end)]
        for worker, line in self._lines.items():
            for second, connections in line.known(first):
                if second < end:
                    intervals[second - first].connections += connections
            for interval, cpu in zip(intervals, line.cpus[first:end], strict=False):
                interval.cpus[worker] = cpu
        return intervals

    def rows(self, newest: int | None = None) -> list[SeriesRow]:
        """One row per second from `begins` to the last, or the `newest` rows.

        A second without reports is a row of zeros. Counts are sums, `connections` the sum of each worker's highest
        number in that second, `cpu_percent` the highest worker's. Percentiles in ms come from coarse buckets, within
        3.2 %, and are None where nothing was measured.
        """
        youngest = [line.youngest for line in self._lines.values() if line.youngest is not None]
        end = max([len(self._seconds), *(row[0] + 1 for row in youngest)])
        first = self.begins if newest is None else max(self.begins, end - newest)
        connections = [0] * (end - first)
        for line in self._lines.values():
            for second, count in line.known(first):
                connections[second - first] += count
        young: dict[int, list[WireRow]] = {}
        for row in youngest:
            young.setdefault(row[0], []).append(row)
        return [
            flat(second, self._with(second, young.get(second, [])), connections[second - first])
            for second in range(first, end)
        ]

    def _second(self, second: int) -> Second:
        while len(self._seconds) <= second:
            self._seconds.append(Second())
        return self._seconds[second]

    def _with(self, second: int, young: Sequence[WireRow]) -> Second:
        """The second with rows that are not complete; they are not kept in it."""
        kept = self._seconds[second] if second < len(self._seconds) else Second()
        if not young:
            return kept
        copy = kept.copy()
        for row in young:
            copy.add(row)
        return copy
