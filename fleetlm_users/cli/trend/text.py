"""A trend as text for a terminal: figures, changes, results left out, the answer last. Pure."""

from collections.abc import Iterator
from typing import Final

from fleetlm_users.cli.trend import wording as words
from fleetlm_users.cli.trend.analysis import SetupTrend, TrendAnalysis
from fleetlm_users.cli.trend.series import FigureSeries, LevelChange
from fleetlm_users.measure.report.terminal_style import Style, Table

_LOOKS: Final = {0: "green", 3: "red", 4: "yellow"}
_SIGN_LOOKS: Final = {"✗": "red", "?": "yellow", "!": "yellow"}


def render(trend: TrendAnalysis, style: Style) -> str:
    """Return the report, ended by a newline."""
    lines = [line for one in trend.deciding for line in _setup(one, style)]
    return style.finish([*lines, *_left_out(trend, style), *_answer(trend, style)])


def _setup(one: SetupTrend, style: Style) -> Iterator[str]:
    yield ""
    yield from style.wrapped(words.setup_title(one.setup), "  ", "    ")
    yield style.paint(f"  {words.span(one.setup)}", "dim")
    rows = tuple(words.figure_row(series) for series in one.series if not words.is_nothing(series))
    yield from style.heading("figures")
    yield from Table(words.FIGURE_HEAD, rows, ("runs", "newest")).lines(style)
    yield style.paint("    *: judged, since a threshold bounds it; only these decide", "dim")
    changes = [(series, change) for series in one.series for change in series.changes]
    yield from style.heading("changes")
    if not changes:
        yield "    none found"
    for series, change in changes:
        yield from _change(series, change, style)


def _change(series: FigureSeries, change: LevelChange, style: Style) -> Iterator[str]:
    kind = words.kind_of(series, change)
    look = "red" if change.is_unwanted and series.is_judged else "green" if change.is_better else "dim"
    before, after = (words.value(series, number) for number in (change.before, change.after))
    text = f"{series.name}: {before} → {after} ({words.change(series, change)}) {kind}"
    yield from (style.paint(line, look) for line in style.wrapped(text, "    ", "      "))
    commit = f", commit {change.first.commit}" if change.first.commit else ""
    since = f"since run {change.first.name} of {words.day(change.first)}{commit}"
    counts = f"{change.runs_before} runs before, {change.runs_after} after, p {change.p_value:.3f}"
    yield from (style.paint(line, "dim") for line in style.wrapped(f"{since}; {counts}", "      ", "      "))


def _left_out(trend: TrendAnalysis, style: Style) -> Iterator[str]:
    rows = words.left_out(trend)
    if rows:
        yield from style.heading("left out")
    for path, reason in rows:
        yield f"    {path}"
        if reason:
            yield from (style.paint(line, "dim") for line in style.wrapped(reason, "      ", "      "))


def _answer(trend: TrendAnalysis, style: Style) -> Iterator[str]:
    yield from style.heading("answer")
    answer = style.paint(trend.answer.upper(), "bold", _LOOKS[trend.exit_code])
    yield f"    {answer}  (exit code {trend.exit_code})"
    for sign, reason in words.reasons(trend):
        first, *rest = style.wrapped(reason, f"    {sign} ", "      ")
        yield first.replace(sign, style.paint(sign, _SIGN_LOOKS[sign]), 1)
        yield from rest
    yield ""
