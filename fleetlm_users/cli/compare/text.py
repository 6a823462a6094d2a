"""A comparison as text for a terminal: thresholds first, then every figure, the answer last. Pure."""

from collections.abc import Iterator
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing import wording as words
from fleetlm_users.measure.comparing.comparison import Comparison, RunFile
from fleetlm_users.measure.comparing.rows import FigureRow
from fleetlm_users.measure.report.terminal_style import Style, Table
from fleetlm_users.measure.report.text import VERDICT_LOOKS

_INDENT: Final = 2
_LOOKS: Final = {0: "green", 3: "red", 4: "yellow"}
_CHANGE_LOOKS: Final = {"worse": "red", "better": "green", "unclear": "yellow", "missing": "yellow"}
_SIGN_LOOKS: Final = {"✗": "red", "?": "yellow", "!": "yellow"}
_TITLES: Final = {"trend": "latency", "rate": "rates", "counter": "counts", "gauge": "highest values"}


def render(comparison: Comparison, style: Style) -> str:
    """Return the report, ended by a newline."""
    sections = (_title, _thresholds, _figures, _settings, _answer)
    return style.finish([line for section in sections for line in section(comparison, style)])


def _title(comparison: Comparison, style: Style) -> Iterator[str]:
    yield ""
    for name, run in (("A", comparison.before), ("B", comparison.after)):
        yield f"  {style.paint(name, 'bold')}  {_run(run, style)}"
        yield style.paint(f"     {run.path.parent}", "dim")
        if capacity := run.summary.get("capacity"):
            yield from style.wrapped(f"capacity: {capacity['words']}", "     ", "       ")


def _run(run: RunFile, style: Style) -> str:
    plan = run.summary["plan"]
    parts = [run.benchmark, f"preset {plan['preset']}" if plan.get("preset") else "", f"run {run.run_id}"]
    title = " · ".join(part for part in parts if part)
    return f"{title} · {style.paint(run.verdict, VERDICT_LOOKS.get(run.verdict, 'bold'))}"


def _thresholds(comparison: Comparison, style: Style) -> Iterator[str]:
    yield from style.heading("thresholds in a and b")
    if not comparison.thresholds:
        yield "  neither run has one"
    for pair in comparison.thresholds:
        marks = [formatting.mark(side) if side else " " for side in (pair.before, pair.after)]
        measured = [formatting.outcome(side) if side else formatting.NOTHING for side in (pair.before, pair.after)]
        line = f"  {' '.join(marks)} {pair.entry['expression']}"
        yield style.paint(line, "red") if pair.broken else line
        yield style.paint(f"      {measured[0]}, then {measured[1]}" + (f" ({pair.note})" if pair.note else ""), "dim")


def _figures(comparison: Comparison, style: Style) -> Iterator[str]:
    percent = f"{comparison.tolerances.confidence * 100:g} %"
    for kind, title in _TITLES.items():
        rows = [row for row in comparison.rows if row.kind == kind and not words.is_nothing(row)]
        if not rows:
            continue
        yield from style.heading(f"{title}, with the {percent} interval of the change" if kind != "gauge" else title)
        yield from _table(rows, style)
    nothing = [row.figure.metric for row in comparison.rows if words.is_nothing(row)]
    if nothing:
        yield ""
        yield from style.wrapped(f"0 in both: {', '.join(nothing)}", "  ", "    ")
    yield ""
    yield from (style.paint(line, "dim") for line in style.wrapped(words.LEGEND, "  ", "  "))


def _table(rows: list[FigureRow], style: Style) -> Iterator[str]:
    cells: list[tuple[str, ...]] = []
    looks: list[str | None] = []
    metric = ""
    for row in rows:
        is_grouped = row.kind == "trend"
        if is_grouped and row.figure.metric != metric:
            cells.append((row.figure.metric, "", "", "", "", ""))
            looks.append(None)
        metric = row.figure.metric
        cells.append((_label(row, is_grouped=is_grouped), *_cells(row)))
        looks.append(_CHANGE_LOOKS.get(row.change) if row.judged or row.change == "worse" else None)
    # of the two, the interval is dropped last: without it a change looks like noise, but the last column says so too
    table = Table(("", "A", "B", "change", "interval", ""), tuple(cells), ("interval",), _INDENT)
    head, *lines = table.lines(style)
    yield head
    yield from (style.paint(line, look) if look else line for line, look in zip(lines, looks, strict=True))


def _label(row: FigureRow, *, is_grouped: bool) -> str:
    scenario = f" {row.figure.scenario}" if row.figure.scenario else ""
    star = " *" if row.judged else ""
    name = f"  {row.figure.aggregation}" if is_grouped else row.figure.metric
    return name + scenario + star


def _cells(row: FigureRow) -> tuple[str, ...]:
    return (
        words.value(row, row.before),
        words.value(row, row.after),
        words.change(row),
        words.change_interval(row),
        row.change if row.kind != "gauge" or row.change == "missing" else "",
    )


def _settings(comparison: Comparison, style: Style) -> Iterator[str]:
    if not comparison.differences:
        return
    yield from style.heading("set up differently")
    for item in comparison.differences:
        line = f"{item.name}: {words.setting(item.before)} → {words.setting(item.after)}"
        first, *rest = style.wrapped(line, "  ", "      ")
        yield style.paint(first, "yellow") if item.is_load else first
        yield from rest


def _answer(comparison: Comparison, style: Style) -> Iterator[str]:
    yield from style.heading("b against a")
    look = _LOOKS[comparison.exit_code]
    yield f"  {style.paint(words.verdict(comparison).upper(), 'bold', look)}  (exit code {comparison.exit_code})"
    for sign, reason in words.reasons(comparison):
        first, *rest = style.wrapped(reason, f"  {sign} ", "    ")
        yield first.replace(sign, style.paint(sign, _SIGN_LOOKS[sign]), 1)
        yield from rest
    yield ""
