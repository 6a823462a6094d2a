"""When a missed latency threshold began to be missed, from the seconds of the run. Pure.

A run is judged as a whole, and its percentile says nothing of when. A single slow second is no beginning: what counts
is the first one that opens a stretch most of which is beyond the bound.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fleetlm_users.measure.report.summary.types import ThresholdEntry
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.measure.timeline.second import TREND_COLUMNS

STRETCH_S: Final = 10
"""Length of the interval examined, in seconds: long enough to ignore one odd second, short enough to name a minute."""

FEWEST: Final = 3
"""Seconds with samples in a stretch, or it says nothing."""

_COLUMN_OF_METRIC: Final[Mapping[str, str]] = {metric: str(column) for column, metric in TREND_COLUMNS.items()}
_FIGURE_OF: Final[Mapping[str, str]] = {
    "med": "p50_ms",
    "avg": "p50_ms",
    "p(50)": "p50_ms",
    "p(95)": "p95_ms",
    "p(99)": "p99_ms",
    "p(99.9)": "p99_ms",
    "max": "max_ms",
}
"""Each second has these percentiles; that of a threshold, or the next one below it."""


def onset_s(entry: ThresholdEntry, rows: Sequence[SeriesRow], begins_s: float) -> int | None:
    """Return the second of the run in which a threshold on a latency began to be missed.

    Args:
        entry: A threshold that was missed.
        rows: The seconds of the run, of all scenarios together.
        begins_s: From where on the run was judged.

    Returns:
        None where the seconds do not tell: the threshold is for a scenario, a stage or windows, bounds something else,
        or was missed in scattered seconds only.
    """
    aggregation, _, _ = entry["condition"].partition("<")
    column, figure = _COLUMN_OF_METRIC.get(entry["metric"]), _FIGURE_OF.get(aggregation.strip())
    if entry["scenario"] or entry.get("window_s") or entry.get("stage") or column is None or figure is None:
        return None
    judged = [row for row in rows if (row["second"] or 0) >= begins_s]
    values = [row.get(f"{column}_{figure}") for row in judged]
    for at, value in enumerate(values):
        stretch = [each for each in values[at : at + STRETCH_S] if each is not None]
        beyond = sum(each >= entry["bound"] for each in stretch)
        if value is not None and value >= entry["bound"] and len(stretch) >= FEWEST and 2 * beyond > len(stretch):
            return int(judged[at]["second"] or 0)
    return None
