"""A reconnect storm in a report: its lines, and the chart of the share that is back over time."""

from collections.abc import Iterable
from typing import Final

from fleetlm_users.measure.report.charts import HEIGHT, WIDTH, AxisLabel, ChartFigure, Scale, log_around
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.units import MS_PER_S

TITLE: Final = "The reconnect storm"


def storm_lines(summary: Summary) -> list[str]:
    """Return what the storm of a run came to, a line each; nothing for a run without one."""
    storm = summary.get("storm")
    return [] if storm is None else list(storm["lines"])


def storm_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the section of the terminal's report."""
    lines = storm_lines(summary)
    if lines:
        yield from style.heading(TITLE.lower())
    for line in lines:
        yield from style.wrapped(line, "    ", "      ")


def storm_charts(summary: Summary) -> list[ChartFigure]:
    """Return the chart of who was back when, in a list; an empty one where nobody came back."""
    storm = summary.get("storm")
    curve = [(at_s, share) for at_s, share in storm["curve"] if at_s > 0] if storm is not None else []
    if storm is None or not curve:
        return []
    time_ms, share_axis = log_around(curve[0][0] * MS_PER_S, curve[-1][0] * MS_PER_S), Scale(0.0, 1.0)
    path, level = f"M0 {HEIGHT}", 0.0
    for at_s, share in curve:
        x = time_ms.at(at_s * MS_PER_S) * WIDTH
        path += f"L{x:.1f} {HEIGHT * (1 - level):.1f}L{x:.1f} {HEIGHT * (1 - share):.1f}"
        level = share
    path += f"L{WIDTH} {HEIGHT * (1 - level):.1f}"
    marks = [(share, at_s) for share, at_s in storm["back_s"].items() if at_s]
    ticks = [(share_axis.at(each / 4), f"{each * 25} %") for each in range(5)]
    return [
        ChartFigure(
            "Sessions that are back",
            "share of those that were cut, over the time since the cut \u00b7 log scale",
            legend=tuple((f"{share} after {at_s:,.3g} s", "mark") for share, at_s in marks),
            x_labels=tuple(AxisLabel(f"{time_ms.at(tick):.2%}", _time(tick)) for tick in time_ms.ticks()),
            y_labels=tuple(AxisLabel(f"{at:.2%}", text) for at, text in ticks),
            grid=tuple(f"{HEIGHT * (1 - at):.1f}" for at, _ in ticks),
            paths=(("line c1", path),),
            marks=tuple(f"{time_ms.at(at_s * MS_PER_S) * WIDTH:.1f}" for _, at_s in marks),
        )
    ]


def _time(value_ms: float) -> str:
    return f"{value_ms:,.6g} ms" if value_ms < MS_PER_S else f"{value_ms / MS_PER_S:,.6g} s"
