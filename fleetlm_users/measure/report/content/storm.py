"""A reconnect storm in a report: its lines, the chart of the share of sessions back, and its state meanwhile."""

from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.storm.result import StormEntry, StormRecord, cuts_in_words, storm_entry
from fleetlm_users.measure.report.charts import HEIGHT, WIDTH, AxisLabel, ChartFigure, Scale, log_around
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import MS_PER_S

TITLE: Final = "The reconnect storm"


class StormTile(TypedDict):
    """A figure of a storm on a page, with an optional remark."""

    name: str
    figure: str
    more: str


class StormSoFar(TypedDict):
    """The state of a storm at a moment of its run, in words and figures."""

    lines: list[str]
    tiles: list[StormTile]


def storm_so_far(record: StormRecord, totals: Totals) -> StormSoFar:
    """Return the state of a storm; `record.ended_s` is the present second of its run."""
    entry = storm_entry(record, totals)
    missed, back_s = entry["missed"], entry["back_s"]
    share = entry["back"] / entry["cut"] if entry["cut"] else None
    refused = ", ".join(f"{_n(n)} {kind}" for kind, n in formatting.few_kinds(entry["refused"]).items())
    brought = (
        f"replay brought {_n(missed['replayed'])}, pushes {_n(missed['pushed'])}, nothing {_n(missed['not_brought'])}"
    )
    tiles = (
        ("Back", _n(entry["back"]), f"{formatting.percent(share)} of {_n(entry['cut'])} that were cut"),
        ("Still away", _n(_away(entry)), f"{_n(record.planned)} planned to be cut"),
        ("95 % back after", _after(back_s["95 %"]), f"50 % {_after(back_s['50 %'])}, all {_after(back_s['100 %'])}"),
        ("Attempts", _n(entry["attempts"]), "to connect, or to join again"),
        ("Refused or failed", _n(sum(entry["refused"].values())), refused or "none"),
        ("Messages missed", _n(missed["all"]), brought if missed["all"] else "counted when a session ends"),
    )
    return {
        "lines": list(_course(record, entry)),
        "tiles": [{"name": name, "figure": figure, "more": more} for name, figure, more in tiles],
    }


def _course(record: StormRecord, entry: StormEntry) -> Iterator[str]:
    """Yield what has happened, and what is to come."""
    upcoming = [cut for cut in record.cuts if cut[0] > record.ended_s]
    if record.forgotten:
        yield f"The statistics were reset after {cuts_in_words(record.forgotten)}."
    if entry["cut"]:
        away, cut = _n(_away(entry)), _n(entry["cut"])
        yield f"Still away: {away} of the {cut} that lost their connection, {entry['how']}."
    elif len(upcoming) < len(record.cuts):
        yield "No session has lost its connection."
    if upcoming:
        (at_s, sessions), more = upcoming[0], len(upcoming) - 1
        then = f"; {cuts_in_words(more)} after it" if more else ""
        whom = "1 session" if sessions == 1 else f"{_n(sessions)} sessions"
        yield f"Next cut: {whom} at {formatting.clock(at_s)}, {entry['how']}{then}."


def _away(entry: StormEntry) -> int:
    return max(0, entry["cut"] - entry["back"])


def _after(at_s: float | None) -> str:
    return formatting.NOTHING if at_s is None else f"{at_s:.2f} s" if at_s < 10 else f"{at_s:.0f} s"


def _n(value: int) -> str:
    return formatting.count(value)


def storm_lines(summary: Summary) -> list[str]:
    """Return the result of a run's storm, line by line; empty for a run without one."""
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
    """Return a list with the chart of sessions back over time; empty if none came back."""
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
