"""A comparison as Markdown for a comment in CI: the answer first, the details folded. Pure."""

from collections.abc import Iterator, Sequence

from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing import wording as words
from fleetlm_users.measure.comparing.comparison import Comparison, RunFile, label
from fleetlm_users.measure.comparing.rows import FigureRow


def render(comparison: Comparison) -> str:
    """Return the Markdown, ended by a newline."""
    sections = (_answer, _thresholds, _judged, _all, _settings)
    return "\n".join(line for section in sections for line in section(comparison)) + "\n"


def _answer(comparison: Comparison) -> Iterator[str]:
    sign = {0: "✓", 3: "✗", 4: "?"}[comparison.exit_code]
    yield f"### {sign} {comparison.after.benchmark or 'benchmark'}: {words.verdict(comparison)}"
    yield ""
    yield f"A {_run(comparison.before)}, B {_run(comparison.after)}."
    for name, run in (("A", comparison.before), ("B", comparison.after)):
        if capacity := run.summary.get("capacity"):
            yield from ("", f"Capacity in {name}: {_cell(capacity['words'])}")
    reasons = words.reasons(comparison)
    if reasons:
        yield ""
        yield from (f"- {sign} {_cell(reason)}" for sign, reason in reasons)


def _run(run: RunFile) -> str:
    return f"`{run.run_id}` ({run.verdict})"


def _thresholds(comparison: Comparison) -> Iterator[str]:
    rows = []
    for pair in comparison.thresholds:
        sides = [
            f"{formatting.mark(side)} {formatting.outcome(side)}" if side else formatting.NOTHING
            for side in (pair.before, pair.after)
        ]
        rows.append((f"`{pair.entry['expression']}`", *sides, pair.note))
    yield from _table(("threshold", "A", "B", ""), rows)


def _judged(comparison: Comparison) -> Iterator[str]:
    yield from _figures(comparison, [row for row in comparison.rows if row.judged])


def _all(comparison: Comparison) -> Iterator[str]:
    yield from _folded(
        "All figures", list(_figures(comparison, [row for row in comparison.rows if not words.is_nothing(row)]))
    )


def _figures(comparison: Comparison, rows: Sequence[FigureRow]) -> Iterator[str]:
    percent = f"{comparison.tolerances.confidence * 100:g} %"
    head = ("", "A", f"{percent} of A", "B", f"{percent} of B", "change", f"{percent} of the change", "")
    cells = [
        (
            label(row.figure) + (" (ms)" if row.unit == "ms" else ""),
            words.value(row, row.before),
            words.interval(row, row.before),
            words.value(row, row.after),
            words.interval(row, row.after),
            words.change(row),
            words.change_interval(row),
            f"**{row.change}**" if row.judged and row.change == "worse" else row.change,
        )
        for row in rows
    ]
    yield from _table(head, cells)


def _settings(comparison: Comparison) -> Iterator[str]:
    rows = [
        (f"`{item.name}`", words.setting(item.before), words.setting(item.after)) for item in comparison.differences
    ]
    yield from _folded("Set up differently", list(_table(("setting", "A", "B"), rows)))


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", f"<details><summary>{title}</summary>", *lines, "", "</details>")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table, the first column left-aligned and all others right-aligned; nothing without rows."""
    if not rows:
        return
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---', *(['---:'] * (len(head) - 1))])}|"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
