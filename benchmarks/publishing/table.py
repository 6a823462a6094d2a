"""A figure's results in words, for the terminal."""

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal, Pair

NARROWEST = 24
GAP = 2
CANNOT = "cannot"
WAITED_SHARE = "waited_share"
MUCH_WAITING = 0.05  # of the time; on a core of its own a process waits for its own threads only


def values_of(pairs: Sequence[Pair], contender: str, key: str) -> list[float]:
    """A contender's values of one key, round by round."""
    return [pair[contender][key] for pair in pairs if key in pair.get(contender, {})]


def cell(values: Sequence[float], digits: int) -> str:
    """Return the median, and its spread if there is more than one value: `42 (40–45)`."""
    if not values:
        return "–"
    shown = f"{statistics.median(values):,.{digits}f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def lines(figure: Figure, pairs: Sequence[Pair]) -> Iterator[str]:
    """Heading, a line per column, a line per goal."""
    yield f"{figure.name}: {figure.title}. {figure.work}."
    rows = [("", list(figure.shown))]
    rows += [(column.label, list(cells(figure, column, pairs))) for column in figure.columns]
    label_width = max(len(label) for label, _ in rows) + GAP
    width = max(NARROWEST, *(len(text) + GAP for _, texts in rows for text in texts))
    for label, texts in rows:
        yield f"  {label:<{label_width}}" + "".join(f"{text:>{width}}" for text in texts)
    for goal in figure.goals:
        yield f"  goal {goal.text}: {_reached(figure, goal, pairs)}"
    for name, reason in figure.cannot.items():
        yield f"  {name} cannot: {reason}"
    if waited := waiting(figure, pairs):
        yield f"  DOUBT: {waited}"


def _reached(figure: Figure, goal: Goal, pairs: Sequence[Pair]) -> str:
    judged = goal.judge(pairs)
    if judged is None:
        return "not measured"
    shown = f"{judged.value:,.3g}" if goal.relative_to else cell([judged.value], figure.column(goal.key).digits)
    return f"{shown}, {judged.outcome}"


def waiting(figure: Figure, pairs: Sequence[Pair]) -> str:
    """Return who waited long for a core, in a sentence: latencies and rates are then the machine's. Empty if nobody
    did.
    """
    longest = {  # threads waiting at the same time are all counted, hence the bound
        name: min(1.0, max(values_of(pairs, name, WAITED_SHARE), default=0.0)) for name in figure.contenders
    }
    found = [f"{name} for {share * 100:.0f} %" for name, share in longest.items() if share > MUCH_WAITING]
    return f"the machine was busy: {', '.join(found)} of the time ready to run without a core." if found else ""


def cells(figure: Figure, column: Column, pairs: Sequence[Pair]) -> Iterator[str]:
    """Return a column's values for all tools shown; `cannot` for one that cannot do the work."""
    for name in figure.shown:
        yield CANNOT if name in figure.cannot else cell(values_of(pairs, name, column.key), column.digits)
