"""The timelines of all workers as one: seconds are summed as they arrive, so that many workers cost no extra memory.

A snapshot holds, oldest first, all seconds of its worker that the master has not confirmed. Every one but the youngest
is complete (WorkerTimeline.tick: a stretch belongs to the second in which it began), so it is summed once, and repeats
change nothing. The youngest is kept apart until a newer snapshot completes it. Seconds that expect no more rows are
packed; a late row is still added to them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fleetlm_users.measure.timeline.packed_seconds import PackedSeconds
from fleetlm_users.measure.timeline.rows import SeriesRow, flat
from fleetlm_users.measure.timeline.second import Second, Stretch

LATE_S: Final = 40
"""A row this much older than the newest of all workers is late: a busy worker reports every three seconds."""

OPEN_S: Final = 60
"""Younger seconds are not packed. More than LATE_S, so that a row that arrives in time needs no unpacking."""


class _WorkerState(msgspec.Struct):
    """The second before which all rows of a worker are summed, the last of those rows, and its youngest row."""

    summed_to: int | None = None
    last: Second | None = None
    youngest: Second | None = None

    def lasting(self, stretch: Stretch) -> Stretch:
        """Add to a second what persisted while the worker was stalled: its sockets and its backlogs."""
        if self.last is not None:
            stretch.connections += self.last.connections
            for scenario, part in self.last.parts.items():
                if any(part.backlogs):
                    stretch.part(scenario).wait(part.backlogs)
        return stretch


class MergedTimeline:
    """The seconds of a run, summed over the rows of every worker; `rows` are those of timeseries.csv.

    `late_rows` counts the rows that came more than LATE_S after the newest: a reader that considered a second settled
    must read it again. `revisions` counts those for a second that had been reported to a reader as complete.
    """

    def __init__(self) -> None:
        self._open: dict[int, Stretch] = {}
        self._packed = PackedSeconds()
        self._packed_to: int | None = None
        self._workers: dict[str, _WorkerState] = {}
        self._begins: int | None = None
        self.late_rows = 0
        self.revisions = 0
        self._told_to = 0

    def absorb(self, worker_id: str, rows: Sequence[Second], final: bool) -> None:
        """Add the rows of a worker's snapshot newer than all before it; those of a `final` one are complete."""
        worker = self._workers.setdefault(worker_id, _WorkerState())
        if not rows:
            return
        first, last = rows[0], rows[-1]
        self._begins = first.second if self._begins is None else min(self._begins, first.second)
        for row in rows if final else rows[:-1]:
            if worker.summed_to is None or row.second >= worker.summed_to:
                self._sum(worker_id, worker, row)
        is_summed = worker.summed_to is not None and last.second < worker.summed_to
        worker.youngest = None if final or is_summed else last
        self._pack()

    @property
    def begins(self) -> int:
        """The first second that any worker reported: 0, or the time of the last reset of the statistics."""
        return self._begins or 0

    def taken_to(self, worker_id: str) -> int:
        """Return the second before which all rows of a worker are summed."""
        worker = self._workers.get(worker_id)
        return 0 if worker is None else worker.summed_to or 0

    def complete_to(self, silent_s: int) -> int:
        """Return the second before which all workers have reported everything.

        A worker that is more than `silent_s` seconds behind the others is left out.
        """
        ends = [worker.summed_to or 0 for worker in self._workers.values()]
        complete_to = min((end for end in ends if end >= max(ends) - silent_s), default=0)
        self._told_to = max(self._told_to, complete_to)
        return complete_to

    def intervals(self, first: int, end: int) -> list[Stretch]:
        """Return copies of the complete seconds from `first` to before `end`."""
        return [stretch.copy() for stretch in self._seconds(first, min(end, self._end))]

    def rows(self, newest: int | None = None) -> list[SeriesRow]:
        """Return one row per second from `begins` to the last, or the `newest` rows.

        A second without reports is a row of zeros. Counts are sums, `connections` the sum of each worker's highest
        number in that second, `cpu_percent` the highest worker's. Percentiles in ms come from coarse buckets, within
        3.2 %, and are None where nothing was measured.
        """
        return list(self.each_row(newest))

    def each_row(self, newest: int | None = None, scenario: str | None = None) -> Iterator[SeriesRow]:
        """Yield the same rows one by one, or those of one scenario."""
        young = self._young()
        end = max([self._end, *(second + 1 for second in young)])
        first = self.begins if newest is None else max(self.begins, end - newest)
        for stretch in self._seconds(first, end):
            more = young.get(stretch.second)
            yield flat(stretch if more is None else _together(stretch, more), scenario)

    @property
    def ends(self) -> int:
        """The second before which anything is summed."""
        return self._end

    @property
    def _end(self) -> int:
        return max((worker.summed_to or 0 for worker in self._workers.values()), default=0)

    def _sum(self, worker_id: str, worker: _WorkerState, row: Second) -> None:
        """Add a row; in preceding seconds without a row the worker was stalled."""
        newest = self._end
        if worker.summed_to is not None:
            for stalled in range(worker.summed_to, row.second):
                worker.lasting(self._stretch(stalled))
        self._stretch(row.second).include(row, worker_id)
        worker.summed_to, worker.last = row.second + 1, row
        self.late_rows += row.second < newest - LATE_S
        self.revisions += row.second < self._told_to

    def _stretch(self, second: int) -> Stretch:
        if self._packed_to is not None and second < self._packed_to:
            return self._packed.change(second)
        stretch = self._open.get(second)
        if stretch is None:
            stretch = self._open[second] = Stretch.empty(second)
        return stretch

    def _pack(self) -> None:
        end = self._end - OPEN_S
        first = self.begins if self._packed_to is None else self._packed_to
        for second in range(first, end):
            stretch = self._open.pop(second, None) or Stretch.empty(second)
            stretch.cpus = {}
            self._packed.put(stretch)
            self._packed_to = second + 1

    def _seconds(self, first: int, end: int) -> Iterator[Stretch]:
        """Yield each second, packed or open, and an empty one where nothing happened; they are read-only."""
        expected = first
        for stretch in self._packed.between(first, min(end, self._packed_to or 0)):
            yield from (Stretch.empty(missing) for missing in range(expected, stretch.second))
            yield stretch
            expected = stretch.second + 1
        for second in range(expected, end):
            yield self._open.get(second) or Stretch.empty(second)

    def _young(self) -> dict[int, Stretch]:
        """Return the sum of all workers' youngest rows, and the sockets of stalled workers."""
        young: dict[int, Stretch] = {}
        for worker in self._workers.values():
            if worker.youngest is None:
                continue
            if worker.summed_to is not None:
                for stalled in range(worker.summed_to, worker.youngest.second):
                    worker.lasting(young.setdefault(stalled, Stretch.empty(stalled)))
            second = worker.youngest.second
            young.setdefault(second, Stretch.empty(second)).include(worker.youngest)
        return young


def _together(one: Stretch, other: Stretch) -> Stretch:
    """Return both as one second of more workers; neither is changed."""
    both = one.copy()
    both.include(other)
    return both
