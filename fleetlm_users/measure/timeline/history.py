"""The history of a run under way, for live charts: by second while it is young, in longer stretches as it ages.

What is young may still change, because reports come late; it is made anew at each look. What is older is settled: it
becomes a point, and part of the longer stretches that replace it one day. Their distributions are merged first and then
asked for percentiles; a point keeps only the figures, so that days stay a bounded number of small points.
"""

import math
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fleetlm_users.measure.timeline.merged_timeline import LATE_S, MergedTimeline
from fleetlm_users.measure.timeline.rows import PERCENTS, Interval, percentiles_ms
from fleetlm_users.measure.timeline.worker_timeline import COUNTER_COLUMNS, TREND_COLUMNS

SETTLED_S: Final = LATE_S
"""What is older is settled; a row that comes later all the same is shown at the end of the run."""

SILENT_S: Final = 10
"""A worker that is so much behind the others is not waited for; a busy one reports every three seconds."""

WIDTHS_S: Final = (1, 5, 30, 300)
KEPT: Final = (600, 840, 840)
"""So many points of each width but the last: 10 minutes by second, 70 minutes by 5 s, 7 hours by 30 s, then by 5 min.
Where shorter ones are kept too, those are shown.
"""

_PER_S: Final = ("sent", "appended", "agent_replies", "backpressure")
_FAILURES: Final = ("rejected", "lost", "connection_failures", "disconnects", "session_failures")


@dataclass(frozen=True, slots=True)
class Point:
    """A stretch in figures: counts per second, then percentiles in ms, NaN where nothing was measured.

    `cpus` are in the order in which the workers were first heard of; a worker that came later is missing at the end.
    """

    second: int
    width_s: int
    connections: int
    figures: "array[float]"
    cpus: "array[float]"

    @property
    def end_s(self) -> int:
        """The second at which it is over."""
        return self.second + self.width_s

    def row(self) -> list[float | None]:
        """Its figures in the order of the table's columns."""
        figures = [None if math.isnan(value) else value for value in self.figures]
        split = len(_PER_S) + len(_FAILURES)
        return [self.second, self.width_s, *figures[:split], self.connections, *figures[split:]]


class LiveHistory:
    """The stretches of one run, merged over all workers."""

    def __init__(self) -> None:
        self._levels: tuple[deque[Point], ...] = tuple(deque() for _ in WIDTHS_S)
        self._growing: list[Interval | None] = [None for _ in WIDTHS_S[1:]]
        self._open: list[Interval] = []
        self._settled_to = 0
        self._workers: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"LiveHistory({len(self.since(0))} points, settled before {self._settled_to})"

    def absorb(self, timeline: MergedTimeline) -> None:
        """Take what the workers have told so far, to the last second that all have behind them.

        The newest second of a worker has only just begun, and would look like a dip.
        """
        end = timeline.complete_to(SILENT_S)
        self._open = timeline.intervals(max(self._settled_to, timeline.begins), end)
        settled = [interval for interval in self._open if interval.second < end - SETTLED_S]
        self._open = self._open[len(settled) :]
        self._settle(settled)

    def finish(self, timeline: MergedTimeline) -> None:
        """Take all that any worker told, at the end of a run: nothing comes after it."""
        if timeline.late_rows:
            self._begin_again()
        self._open = []
        self._settle(timeline.intervals(max(self._settled_to, timeline.begins), timeline.complete_to(0)))

    def since(self, second: int) -> list[Point]:
        """The stretches that end after `second`, the oldest first, each time in the shortest ones that are kept."""
        found: list[Point] = [self._point(interval) for interval in self._open]
        for level in self._levels:
            covered_from = found[0].second if found else math.inf
            found = [point for point in level if point.end_s <= covered_from] + found
        return [point for point in found if point.end_s > second]

    def table(self, points: Iterable[Point]) -> dict[str, Any]:
        """Columns and rows for JSON: counts per second, connections, percentiles in ms, and CPU in % by worker."""
        points = list(points)
        names = [f"{trend}_{percent}" for trend in TREND_COLUMNS for percent in PERCENTS]
        workers = sorted(self._workers)
        return {
            "columns": ["second", "width_s", *_PER_S, *_FAILURES, "connections", *names],
            "rows": [point.row() for point in points],
            "workers": workers,
            "cpu": [[_cpu(point, self._workers[worker]) for worker in workers] for point in points],
        }

    def _begin_again(self) -> None:
        """Late rows have changed seconds that were settled; whose CPU was which is known of the young ones only."""
        self._levels = tuple(deque() for _ in WIDTHS_S)
        self._growing = [None for _ in WIDTHS_S[1:]]
        self._settled_to = 0

    def _settle(self, seconds: Iterable[Interval]) -> None:
        """Each point is made when its time comes: all at once, when a page is opened, they would stall this process."""
        for interval in seconds:
            self._levels[0].append(self._point(interval))
            self._settled_to = interval.end_s
            for level, width_s in enumerate(WIDTHS_S[1:], 1):
                self._grow(level, width_s, interval)
        for level, kept in enumerate(KEPT):
            width_s = WIDTHS_S[level + 1]
            _drop_oldest(self._levels[level], kept + width_s // WIDTHS_S[level], width_s)

    def _grow(self, level: int, width_s: int, interval: Interval) -> None:
        growing = self._growing[level - 1]
        if growing is not None and growing.second // width_s == interval.second // width_s:
            growing.extend(interval)
            return
        if growing is not None:
            self._levels[level].append(self._point(growing))
        self._growing[level - 1] = interval.copy()

    def _point(self, interval: Interval) -> Point:
        what = interval.what
        counted = dict(zip(COUNTER_COLUMNS, what.counts, strict=True))
        per_s = [round(counted[name] / interval.width_s, 3) for name in (*_PER_S, *_FAILURES)]
        percentiles = [value for trend in TREND_COLUMNS for value in percentiles_ms(what.spreads.get(trend, {}))]
        figures = array("d", (math.nan if value is None else value for value in (*per_s, *percentiles)))
        for worker in what.cpus:
            self._workers.setdefault(worker, len(self._workers))
        cpus = array("f", (what.cpus.get(worker, math.nan) for worker in self._workers))
        return Point(interval.second, interval.width_s, what.connections, figures, cpus)


def _drop_oldest(points: deque[Point], too_many: int, width_s: int) -> None:
    """Those that lie in one longer stretch go together; there are enough of them for it to be whole."""
    while len(points) >= too_many:
        stretch = points[0].second // width_s
        while points[0].second // width_s == stretch:
            points.popleft()


def _cpu(point: Point, place: int) -> float | None:
    """A worker's CPU to a tenth of a percent: what is kept of it in four bytes."""
    value = point.cpus[place] if place < len(point.cpus) else math.nan
    return None if math.isnan(value) else round(value, 1)
