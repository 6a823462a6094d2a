"""The history of a run under way, for live charts: by second while it is young, in longer stretches as it ages.

What is young may still change, because reports come late; it is made anew at each look. What is older than any late
report is settled: merged once, and later merged into longer stretches, so that hours stay a bounded number of points.
"""

from collections.abc import Iterable
from typing import Any, Final

from fleetlm_users.measure.fleet_timeline import FleetTimeline
from fleetlm_users.measure.interval import Interval
from fleetlm_users.measure.timeline import COUNTER_COLUMNS, REPEATED_ROWS, TREND_COLUMNS
from fleetlm_users.measure.timeseries import PERCENTS, percentiles_ms

SETTLED_S: Final = REPEATED_ROWS + 10
"""A row is in REPEATED_ROWS reports on end, the last of them a report interval later: then it comes no more."""

SILENT_S: Final = 10
"""A worker that is so much behind the others is not waited for; a busy one reports every three seconds."""

WIDTHS_S: Final = (1, 5, 30, 300)
KEPT: Final = (600, 720, 720)
"""So many points of each width but the last: 10 minutes by second, an hour by 5 s, 6 hours by 30 s, then by 5 min."""


class LiveSeries:
    """The stretches of one run, merged over all workers."""

    def __init__(self) -> None:
        self._levels: list[list[Interval]] = [[] for _ in WIDTHS_S]
        self._open: list[Interval] = []
        self._settled_to = 0

    def __repr__(self) -> str:
        return f"LiveSeries({len(self.since(0))} points, settled before {self._settled_to})"

    def absorb(self, timeline: FleetTimeline) -> None:
        """Take what the workers have told so far, to the last second that all have behind them.

        The newest second of a worker has only just begun, and would look like a dip.
        """
        end = timeline.complete_to(SILENT_S)
        self._open = timeline.intervals(max(self._settled_to, timeline.begins), end)
        settled = [interval for interval in self._open if interval.second < end - SETTLED_S]
        if settled:
            self._open = self._open[len(settled) :]
            self._settled_to = settled[-1].end_s
            self._settle(settled)

    def finish(self, timeline: FleetTimeline) -> None:
        """Take all that any worker told, at the end of a run: nothing comes after it."""
        self._levels = [[] for _ in WIDTHS_S]
        self._settle(timeline.intervals(timeline.begins, timeline.complete_to(0)))
        self._open = []

    def since(self, second: int) -> list[Interval]:
        """The stretches that end after `second`, the oldest first."""
        everything = (*(interval for level in reversed(self._levels) for interval in level), *self._open)
        return [interval for interval in everything if interval.end_s > second]

    def _settle(self, seconds: Iterable[Interval]) -> None:
        """Each row is made when its time comes: all at once, when a page is opened, they would stall this process."""
        for interval in seconds:
            _row(interval)
            self._levels[0].append(interval)
        for level, kept in enumerate(KEPT):
            width_s = WIDTHS_S[level + 1]
            while len(self._levels[level]) >= kept + width_s // WIDTHS_S[level]:
                merged = _taken(self._levels[level], width_s)
                _row(merged)
                self._levels[level + 1].append(merged)


def _taken(intervals: list[Interval], width_s: int) -> Interval:
    """The oldest ones, removed and merged: those that lie in one stretch of that width, counted from 0."""
    merged = intervals.pop(0)
    while intervals and intervals[0].second // width_s == merged.second // width_s:
        merged.extend(intervals.pop(0))
    return merged


_PER_S: Final = ("sent", "appended", "agent_replies", "backpressure")
_FAILURES: Final = ("rejected", "lost", "connection_failures", "disconnects", "session_failures")


def to_table(intervals: Iterable[Interval]) -> dict[str, Any]:
    """Columns and rows for JSON: counts per second, connections, percentiles in ms, and CPU in % by worker."""
    intervals = list(intervals)
    names = [f"{trend}_{percent}" for trend in TREND_COLUMNS for percent in PERCENTS]
    workers = sorted({worker for interval in intervals for worker in interval.cpus})
    return {
        "columns": ["second", "width_s", *_PER_S, *_FAILURES, "connections", *names],
        "rows": [_row(interval) for interval in intervals],
        "workers": workers,
        "cpu": [[interval.cpus.get(worker) for worker in workers] for interval in intervals],
    }


def _row(interval: Interval) -> list[float | None]:
    if interval.row is None:
        interval.row = _new_row(interval)
    return interval.row


def _new_row(interval: Interval) -> list[float | None]:
    counted = dict(zip(COUNTER_COLUMNS, interval.what.counts, strict=True))
    per_s = [round(counted[name] / interval.width_s, 3) for name in (*_PER_S, *_FAILURES)]
    percentiles = [value for trend in TREND_COLUMNS for value in percentiles_ms(interval.what.spreads.get(trend, {}))]
    return [interval.second, interval.width_s, *per_s, interval.connections, *percentiles]
