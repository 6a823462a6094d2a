"""The timelines of all workers as one: rows are summed by second when they come, so that many workers cost no memory.

A snapshot holds, oldest first, all rows of its worker that the master has not said it has. Every row but the youngest
is complete (WorkerTimeline.tick: a stretch belongs to the second in which it began), so it is summed once, and what is
repeated changes nothing. The youngest is kept apart until a newer snapshot has it complete. Seconds that nothing more
is expected of are packed; a row that comes all the same is added to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fleetlm_users.measure.timeline.packed_seconds import PackedSeconds
from fleetlm_users.measure.timeline.rows import Interval, Second, SeriesRow, flat
from fleetlm_users.measure.timeline.worker_timeline import WireRow

LATE_S: Final = 40
"""A row that is so much older than the newest of all workers is late: a busy worker reports every three seconds."""

OPEN_S: Final = 60
"""Seconds that are no older are not packed. More than LATE_S, so that what comes in time finds them open."""


@dataclass(slots=True)
class _Line:
    """One worker's line: the second before which all its rows are summed, its last connections, its youngest row."""

    told_to: int | None = None
    connections: int = 0
    youngest: WireRow | None = None


class MergedTimeline:
    """Takes the rows of every worker; `rows` are those of a timeseries.

    `late_rows` is how many came more than LATE_S after the newest: whoever took a second for settled looks again.
    """

    def __init__(self) -> None:
        self._open: dict[int, Second] = {}
        self._packed = PackedSeconds()
        self._packed_to: int | None = None
        self._lines: dict[str, _Line] = {}
        self._begins: int | None = None
        self.late_rows = 0

    def absorb(self, worker_id: str, rows: Sequence[WireRow], final: bool) -> None:
        """Take the rows of a worker's snapshot that is newer than all before it; of a `final` one all are complete."""
        line = self._lines.setdefault(worker_id, _Line())
        if not rows:
            return
        self._begins = rows[0][0] if self._begins is None else min(self._begins, rows[0][0])
        for row in rows if final else rows[:-1]:
            if line.told_to is None or row[0] >= line.told_to:
                self._sum(worker_id, line, row)
        told = line.told_to is not None and rows[-1][0] < line.told_to
        line.youngest = None if final or told else rows[-1]
        self._pack()

    @property
    def begins(self) -> int:
        """The first second that any worker told of: 0, or when the statistics were reset."""
        return self._begins or 0

    def taken_to(self, worker_id: str) -> int:
        """The second before which all rows of a worker are summed."""
        line = self._lines.get(worker_id)
        return 0 if line is None else line.told_to or 0

    def complete_to(self, silent_s: int) -> int:
        """The second before which all workers have told everything; one so far behind the others is not waited for."""
        ends = [line.told_to or 0 for line in self._lines.values()]
        return min((end for end in ends if end >= max(ends) - silent_s), default=0)

    def intervals(self, first: int, end: int) -> list[Interval]:
        """Each second from `first` to before `end`, as far as it is complete; they are the caller's own."""
        return [Interval(second, what.copy()) for second, what in self._seconds(first, min(end, self._end))]

    def rows(self, newest: int | None = None) -> list[SeriesRow]:
        """One row per second from `begins` to the last, or the `newest` rows.

        A second without reports is a row of zeros. Counts are sums, `connections` the sum of each worker's highest
        number in that second, `cpu_percent` the highest worker's. Percentiles in ms come from coarse buckets, within
        3.2 %, and are None where nothing was measured.
        """
        return list(self.each_row(newest))

    def each_row(self, newest: int | None = None) -> Iterator[SeriesRow]:
        """The same, one by one."""
        young = self._young()
        end = max([self._end, *(second + 1 for second in young)])
        first = self.begins if newest is None else max(self.begins, end - newest)
        for second, what in self._seconds(first, end):
            yield flat(second, _together(what, young[second]) if second in young else what)

    @property
    def _end(self) -> int:
        return max((line.told_to or 0 for line in self._lines.values()), default=0)

    def _sum(self, worker_id: str, line: _Line, row: WireRow) -> None:
        """Where no row is, the worker was stalled, and its sockets stayed."""
        second, newest = row[0], self._end
        if line.connections and line.told_to is not None:
            for stalled in range(line.told_to, second):
                self._second(stalled).connections += line.connections
        self._second(second).add(row, worker_id)
        line.told_to, line.connections = second + 1, row[2]
        self.late_rows += second < newest - LATE_S

    def _second(self, second: int) -> Second:
        if self._packed_to is not None and second < self._packed_to:
            return self._packed.change(second)
        return self._open.setdefault(second, Second())

    def _pack(self) -> None:
        end = self._end - OPEN_S
        first = self.begins if self._packed_to is None else self._packed_to
        for second in range(first, end):
            what = self._open.pop(second, None) or Second()
            what.cpus = {}
            self._packed.put(second, what)
            self._packed_to = second + 1

    def _seconds(self, first: int, end: int) -> Iterator[tuple[int, Second]]:
        """Each second, packed or open, an empty one where nothing happened; to be read only."""
        packed_to = min(end, self._packed_to or 0)
        packed = self._packed.between(first, packed_to)
        expected = first
        for second, what in packed:
            yield from ((missing, Second()) for missing in range(expected, second))
            yield second, what
            expected = second + 1
        for second in range(expected, end):
            yield second, self._open.get(second) or Second()

    def _young(self) -> dict[int, Second]:
        """What the youngest rows of all workers add to the seconds, and the sockets of those that were stalled."""
        found: dict[int, Second] = {}
        for line in self._lines.values():
            if line.youngest is None:
                continue
            if line.connections and line.told_to is not None:
                for stalled in range(line.told_to, line.youngest[0]):
                    found.setdefault(stalled, Second()).connections += line.connections
            found.setdefault(line.youngest[0], Second()).add(line.youngest)
        return found


def _together(what: Second, more: Second) -> Second:
    """Both as one second of more workers; neither is changed."""
    both = what.copy()
    both.add(more.to_wire(0))
    return both
