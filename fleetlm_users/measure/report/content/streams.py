"""How the answers of each scenario streamed over a run, for the summary and the charts of reports."""

from collections.abc import Sequence
from typing import Final, cast

from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.report.charts import MAX_POINTS, Line, LineChart
from fleetlm_users.measure.report.content.charts_shown import STREAM_CHARTS
from fleetlm_users.measure.report.summary.load_types import StreamLine, StreamsEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.measure.timeline.scenario_lines import MAX_LINES, MAX_NAME, STREAM_FIGURES, ScenarioLines
from fleetlm_users.measure.totals import Totals

SECONDS_AT_ONCE: Final = 300
FIGURES: Final = len(STREAM_FIGURES)
_MAX_COLOUR: Final = 6


def streams_entry(timeline: MergedTimeline, totals: Totals) -> StreamsEntry | None:
    """Return the figures of each scenario over the run's time; None unless several scenarios stream.

    The last second is left out, because it is only part of one, as in all charts.
    """
    if sum(bool(totals.count("agent_chunks", scenario, ALL)) for scenario in totals.scenarios) < 2:
        return None
    first, end = timeline.begins, timeline.ends - 1
    step_s = max(1, -(-(end - first) // MAX_POINTS))
    lines = ScenarioLines()
    worst: list[list[float | None]] = []
    for begins in range(first, end, SECONDS_AT_ONCE):
        for second in timeline.intervals(begins, min(end, begins + SECONDS_AT_ONCE)):
            if (second.second - first) % step_s == 0:
                worst.append([])
            worst[-1] = _worst(worst[-1], lines.figures(second))
    names = lines.names
    return {
        "begins_s": first,
        "step_s": step_s,
        "scenarios": [
            _line(name, *([_at(figures, FIGURES * place + figure) for figures in worst] for figure in range(FIGURES)))
            for place, name in enumerate(names)
        ],
    }


def stream_curves(summary: Summary, rows: Sequence[SeriesRow]) -> dict[LineChart, dict[Line, list[float | None]]]:
    """Return the lines of the charts by scenario, with a value per row; empty unless several scenarios streamed."""
    entry = summary.get("streams")
    if entry is None or len(entry["scenarios"]) < 2:
        return {}
    first, step_s = entry["begins_s"], max(1, entry["step_s"])
    places = [(int(row["second"] or 0) - first) // step_s for row in rows]
    shown = entry["scenarios"][:MAX_LINES]
    curves: dict[LineChart, dict[Line, list[float | None]]] = {}
    for chart, figure in zip(STREAM_CHARTS, STREAM_FIGURES, strict=True):
        lines = {
            Line(f"{chart.title} {number}", printable(one["scenario"], MAX_NAME), number % _MAX_COLOUR + 1): [
                _at(_curve(one, figure), place) for place in places
            ]
            for number, one in enumerate(shown)
        }
        if any(value for values in lines.values() for value in values):
            curves[chart] = lines
    return curves


def _line(scenario: str, *curves: list[float | None]) -> StreamLine:
    return cast(StreamLine, {"scenario": scenario, **dict(zip(STREAM_FIGURES, curves, strict=True))})


def _curve(line: StreamLine, figure: str) -> list[float | None]:
    """Return a line's values of one of STREAM_FIGURES; the first versions wrote only two of them."""
    return cast(list[float | None], line.get(figure, []))


def _worst(one: list[float | None], other: list[float | None]) -> list[float | None]:
    """Return the higher of each pair of figures; `other` may have more of them."""
    pairs = zip([*one, *[None] * (len(other) - len(one))], other, strict=True)
    return [max((value for value in pair if value is not None), default=None) for pair in pairs]


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if 0 <= place < len(values) else None
