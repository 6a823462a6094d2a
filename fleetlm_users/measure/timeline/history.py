"""The history of a run for live charts: by second while it is young, in longer stretches as it ages.

A recent second may still change, because reports come late; its point is rebuilt on each read. An older one is
settled: it becomes a point, and part of the longer stretches that later replace it. Distributions are merged before
percentiles are taken; a point keeps only the figures, so that days stay a bounded number of small points.
"""

import math
from array import array
from collections import deque
from collections.abc import Container, Iterable
from typing import Any, Final

import msgspec

from fleetlm_users.measure.timeline.merged_timeline import LATE_S, MergedTimeline
from fleetlm_users.measure.timeline.rows import PERCENTS, percentiles_ms
from fleetlm_users.measure.timeline.scenario_lines import ScenarioLines
from fleetlm_users.measure.timeline.second import (
    BACKLOG_COLUMNS,
    COUNTER_COLUMNS,
    FAILURE_COLUMNS,
    TREND_COLUMNS,
    Column,
    Stretch,
)

SETTLED_S: Final = LATE_S
"""Seconds older than this are settled; a row that arrives even later is shown at the end of the run."""

SILENT_S: Final = 10
"""A worker this far behind the others is not waited for; a busy one reports every three seconds."""

WIDTHS_S: Final = (1, 5, 30, 300)
POINTS_KEPT: Final = (600, 840, 840)
"""The points kept of each width but the last: 10 minutes by second, 70 minutes by 5 s, 7 hours by 30 s, then by 5 min.
The shortest ones kept are shown.
"""

_PER_S: Final = (
    *("sent", "appended", "agent_replies", "backpressure"),
    *("chunks", "stream_stalls", "streams_incomplete"),
    *("pushes_sent", "pushes_replied", "pushes_without_reply", "events_received"),
    *("visits_begun", "visits_dropped"),
)


_EVERY_METRIC: Final = frozenset((*COUNTER_COLUMNS.values(), *TREND_COLUMNS.values(), *BACKLOG_COLUMNS))


class Point(msgspec.Struct, frozen=True):
    """The figures of a stretch: counts per second, percentiles in ms (NaN where nothing was measured), backlogs.

    `cpus` are in the order in which the workers were first heard of; a worker that came later is missing at the end,
    and so is a scenario that streamed later in `by_scenario`, which is None before any did, to save memory.
    """

    second: int
    width_s: int
    connections: int
    figures: "array[float]"
    cpus: "array[float]"
    by_scenario: "array[float] | None"

    @property
    def end_s(self) -> int:
        """The second at which it ends."""
        return self.second + self.width_s

    def row(self) -> list[float | None]:
        """Return its figures in the order of the table's columns."""
        return [self.second, self.width_s, self.connections, *_known(self.figures)]


class LiveHistory:
    """The points of one run, merged over all workers; `metrics` are those of its catalogue, all of them if not given.

    Only the run's metrics have columns: a page that is opened late gets thousands of rows.
    """

    def __init__(self, metrics: Container[str] | None = None) -> None:
        known: Container[str] = _EVERY_METRIC if metrics is None else metrics
        self._per_s = [name for name in (*_PER_S, *FAILURE_COLUMNS) if COUNTER_COLUMNS[name] in known]
        self._trends: list[Column] = [column for column, metric in TREND_COLUMNS.items() if metric in known]
        self._backlogs = [name for name in BACKLOG_COLUMNS if name in known]
        self._levels: tuple[deque[Point], ...] = tuple(deque() for _ in WIDTHS_S)
        self._growing: list[Stretch | None] = [None for _ in WIDTHS_S[1:]]
        self._open: list[Stretch] = []
        self._settled_to = 0
        self._workers: dict[str, int] = {}
        self._lines = ScenarioLines()

    def __repr__(self) -> str:
        return f"LiveHistory({len(self.since(0))} points, settled before {self._settled_to})"

    def absorb(self, timeline: MergedTimeline) -> None:
        """Read the workers' reports so far, up to the last second that all have completed.

        The newest second of a worker has only just begun, and would look like a dip.
        """
        end = timeline.complete_to(SILENT_S)
        self._open = timeline.intervals(max(self._settled_to, timeline.begins), end)
        settled = [stretch for stretch in self._open if stretch.second < end - SETTLED_S]
        self._open = self._open[len(settled) :]
        self._settle(settled)

    def finish(self, timeline: MergedTimeline) -> None:
        """Read everything that any worker reported, at the end of a run: nothing follows."""
        if timeline.late_rows:
            self._begin_again()
        self._open = []
        self._settle(timeline.intervals(max(self._settled_to, timeline.begins), timeline.complete_to(0)))

    def since(self, second: int) -> list[Point]:
        """Return the points that end after `second`, the oldest first, each time in the shortest stretches kept."""
        points: list[Point] = [self._point(stretch) for stretch in self._open]
        for level in self._levels:
            covered_from = points[0].second if points else math.inf
            points = [point for point in level if point.end_s <= covered_from] + points
        return [point for point in points if point.end_s > second]

    def table(self, points: Iterable[Point]) -> dict[str, Any]:
        """Return columns and rows for JSON.

        Counts per second, connections, percentiles in ms, backlogs at the end of each stretch, CPU in % by worker, and
        for each of the `scenarios` that stream its STREAM_FIGURES.
        """
        points = list(points)
        names = [f"{trend}_{percent}" for trend in self._trends for percent in PERCENTS]
        workers = sorted(self._workers)
        return {
            "columns": ["second", "width_s", "connections", *self._per_s, *names, *self._backlogs],
            "rows": [point.row() for point in points],
            "workers": workers,
            "cpu": [[_cpu(point, self._workers[worker]) for worker in workers] for point in points],
            "scenarios": self._lines.names,
            "by_scenario": [_known(point.by_scenario or ()) for point in points],
        }

    def _begin_again(self) -> None:
        """Start over because late rows have changed settled seconds; only for recent ones is the CPU by worker still
        known.
        """
        self._levels = tuple(deque() for _ in WIDTHS_S)
        self._growing = [None for _ in WIDTHS_S[1:]]
        self._settled_to = 0

    def _settle(self, seconds: Iterable[Stretch]) -> None:
        """Make each point when its time comes: made all at once, when a page is opened, they would stall this
        process.
        """
        for stretch in seconds:
            self._levels[0].append(self._point(stretch))
            self._settled_to = stretch.end_s
            for level, width_s in enumerate(WIDTHS_S[1:], 1):
                self._grow(level, width_s, stretch)
        for level, kept in enumerate(POINTS_KEPT):
            width_s = WIDTHS_S[level + 1]
            _drop_oldest(self._levels[level], kept + width_s // WIDTHS_S[level], width_s)

    def _grow(self, level: int, width_s: int, stretch: Stretch) -> None:
        growing = self._growing[level - 1]
        if growing is not None and growing.second // width_s == stretch.second // width_s:
            growing.extend(stretch)
            return
        if growing is not None:
            self._levels[level].append(self._point(growing))
        self._growing[level - 1] = stretch.copy()

    def _point(self, stretch: Stretch) -> Point:
        whole = stretch.whole()
        counted = dict(zip(COUNTER_COLUMNS, whole.counts, strict=True))
        per_s = [round(counted[name] / stretch.width_s, 3) for name in self._per_s]
        percentiles = [value for trend in self._trends for value in percentiles_ms(whole.spreads.get(trend, {}))]
        waiting = dict(zip(BACKLOG_COLUMNS, whole.backlogs, strict=True))
        backlogs = [waiting[name] for name in self._backlogs]
        figures = array("d", (math.nan if value is None else value for value in (*per_s, *percentiles, *backlogs)))
        for worker in stretch.cpus:
            self._workers.setdefault(worker, len(self._workers))
        cpus = array("f", (stretch.cpus.get(worker, math.nan) for worker in self._workers))
        streamed = array("d", (math.nan if value is None else value for value in self._lines.figures(stretch)))
        return Point(stretch.second, stretch.width_s, stretch.connections, figures, cpus, streamed or None)


def _drop_oldest(points: deque[Point], too_many: int, width_s: int) -> None:
    """Drop the points of one longer stretch together; enough points are kept for it to be whole."""
    while len(points) >= too_many:
        number = points[0].second // width_s
        while points[0].second // width_s == number:
            points.popleft()


def _known(figures: Iterable[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in figures]


def _cpu(point: Point, place: int) -> float | None:
    """Return a worker's CPU to a tenth of a percent: what is kept of it in four bytes."""
    value = point.cpus[place] if place < len(point.cpus) else math.nan
    return None if math.isnan(value) else round(value, 1)
