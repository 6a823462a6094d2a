"""A trend as one self-contained HTML page: a chart per figure, with the templates and charts of a run's report.
Pure.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, Final, NamedTuple

from fleetlm_users.cli.trend import wording as words
from fleetlm_users.cli.trend.analysis import SetupTrend, TrendAnalysis
from fleetlm_users.cli.trend.series import FigureSeries
from fleetlm_users.measure.report.charts import HEIGHT, WIDTH, AxisLabel, ChartFigure, Scale, around
from fleetlm_users.measure.report.html import environment

_LOOKS: Final = {0: "pass", 3: "fail", 4: "inconclusive"}
_SIGN_LOOKS: Final = {"✗": "fail", "?": "inconclusive", "!": "inconclusive"}
_DAYS: Final = 4  # labels on the axis of time
_BAND: Final = 3.0  # in heights of the values' own range: a wider interval would dwarf the line


class SetupSection(NamedTuple):
    """One set-up on the page."""

    title: str
    note: str
    judged: Sequence[ChartFigure]
    others: Sequence[ChartFigure]
    change_head: tuple[str, ...]
    changes: Sequence[tuple[str, ...]]
    figure_head: tuple[str, ...]
    figures: Sequence[tuple[str, ...]]


def render(trend: TrendAnalysis) -> str:
    """Return the page, ended by a newline."""
    benchmarks = dict.fromkeys(one.setup.benchmark or "run" for one in trend.setups)
    runs = trend.history.runs
    context: dict[str, Any] = {
        "title": f"Trend of {', '.join(benchmarks)}",
        "subtitle": f"{len(runs)} runs from {words.day(runs[0])} to {words.day(runs[-1])}" if runs else "no runs",
        "answer": trend.answer,
        "look": _LOOKS[trend.exit_code],
        "reasons": [(sign, _SIGN_LOOKS[sign], reason) for sign, reason in words.reasons(trend)],
        "setups": [_section(one) for one in trend.setups],
        "left_out": words.left_out(trend),
    }
    return environment().get_template("trend.html").render(context) + "\n"


def figure(series: FigureSeries) -> ChartFigure:
    """Return the chart of one series: runs as dots, levels as lines, intervals as a band, changes as marks."""
    scale = _scale(series)
    levels = _levels(series)
    ticks = [(scale.at(tick), words.value(series, tick)) for tick in scale.ticks()]
    return ChartFigure(
        series.name,
        "log scale" if scale.logarithmic else "",
        legend=(("run", "c1"), ("level", "c2"), *((("change", "mark"),) if series.changes else ())),
        x_labels=_days(series),
        y_labels=tuple(AxisLabel(f"{at:.2%}", _without_unit(text, series)) for at, text in ticks),
        grid=tuple(f"{HEIGHT * (1 - at):.1f}" for at, _ in ticks),
        paths=(
            ("band c1", _band(series, scale)),
            ("dots c1", _dots(series, scale)),
            ("line c2", _lines(levels, scale)),
        ),
        marks=tuple(f"{change.at / len(series.points) * WIDTH:.1f}" for change in series.changes),
        data={
            "step": 1,
            "labels": [
                f"{words.day(point.run)} {point.run.name} {point.run.commit}".strip() for point in series.points
            ],
            "lines": [
                ["run", [words.value(series, point.value) for point in series.points]],
                ["level", [words.value(series, level) for level in levels]],
            ],
        },
    )


def _section(one: SetupTrend) -> SetupSection:
    shown = [series for series in one.series if not words.is_nothing(series)]
    note = words.span(one.setup) + ("" if one.setup.decides else "; an earlier set-up, which decides nothing")
    return SetupSection(
        words.setup_title(one.setup),
        note,
        [figure(series) for series in shown if series.is_judged],
        [figure(series) for series in shown if not series.is_judged],
        words.CHANGE_HEAD,
        [words.change_row(series, change) for series in one.series for change in series.changes],
        words.FIGURE_HEAD,
        [words.figure_row(series) for series in shown],
    )


def _scale(series: FigureSeries) -> Scale:
    """Return an axis around the values, and around their intervals unless those dwarf the values."""
    values = [point.value for point in series.points]
    low, high = min(values), max(values)
    room = (high - low) * _BAND or abs(high)
    ends = [end for point in series.points for end in point.measured.interval if end is not None]
    return around([*values, *(end for end in ends if low - room <= end <= high + room)])


def _levels(series: FigureSeries) -> list[float]:
    values = [point.value for point in series.points]
    places = [0, *(change.at for change in series.changes), len(values)]
    return [median(values[first:last]) for first, last in pairwise(places) for _ in range(last - first)]


def _x(index: float, count: int) -> str:
    return f"{(index + 0.5) / count * WIDTH:.1f}"


def _y(value: float, scale: Scale) -> str:
    return f"{HEIGHT * (1 - scale.at(value)):.1f}"


def _dots(series: FigureSeries, scale: Scale) -> str:
    count = len(series.points)
    return "".join(f"M{_x(at, count)} {_y(point.value, scale)}h0" for at, point in enumerate(series.points))


def _lines(levels: Sequence[float], scale: Scale) -> str:
    """Return the levels as one stroke per stretch between changes, from edge to edge of its runs."""
    width, path, before = WIDTH / len(levels), "", None
    for at, level in enumerate(levels):
        if level != before:
            path += f"M{at * width:.1f} {_y(level, scale)}"
        path += f"H{(at + 1) * width:.1f}"
        before = level
    return path


def _band(series: FigureSeries, scale: Scale) -> str:
    """Return the intervals as a box per run; no box if an end is open."""
    width = WIDTH / len(series.points)
    boxes = []
    for at, point in enumerate(series.points):
        low, high = point.measured.interval
        if low is not None and high is not None:
            boxes.append(f"M{at * width:.1f} {_y(low, scale)}h{width:.1f}V{_y(high, scale)}h{-width:.1f}z")
    return "".join(boxes)


def _days(series: FigureSeries) -> tuple[AxisLabel, ...]:
    count = len(series.points)
    chosen: Iterable[int] = dict.fromkeys(count * part // _DAYS for part in range(_DAYS))
    return tuple(AxisLabel(f"{(at + 0.5) / count:.2%}", f"{series.points[at].run.started:%m-%d}") for at in chosen)


def _without_unit(text: str, series: FigureSeries) -> str:
    """Return a tick label in one piece, without "ms", which the name of the figure already says."""
    return (text.removesuffix(" ms") if series.unit == "ms" else text).replace(" ", "\N{NO-BREAK SPACE}")
