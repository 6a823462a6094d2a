"""The results as Markdown: a row per goal, then every figure with all its values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal, Pair
from benchmarks.publishing.results import Measured
from benchmarks.publishing.table import cell, cells, values_of, waiting

GOALS_HEAD = ("figure", "value", "goal", "measured", "compared with", "ratio", "outcome")


def render(figures: Sequence[Figure], measured: Mapping[str, Measured]) -> str:
    """Return both, for the measured figures, preceded by the machines."""
    known = [figure for figure in figures if figure.name in measured]
    letters = _letters(measured)
    parts = [*_machines(letters), _table(GOALS_HEAD, _goals(known, measured))]
    if missing := [figure.title for figure in figures if figure.name not in measured]:
        parts.append(f"Not measured yet: {', '.join(missing)}.")
    for figure in known:
        letter = letters[_machine(measured[figure.name])] if len(letters) > 1 else ""
        parts.append("\n".join(_details(figure, measured[figure.name], letter)))
    return "\n\n".join(parts)


def _machine(measured: Measured) -> str:
    return ", ".join(f"{name} {text}" for name, text in measured.machine.items())


def _letters(measured: Mapping[str, Measured]) -> dict[str, str]:
    """The machines, A, B and so on: figures of one must not be compared with those of another."""
    machines = sorted({_machine(each) for each in measured.values()})
    return {machine: chr(ord("A") + number) for number, machine in enumerate(machines)}


def _machines(letters: Mapping[str, str]) -> Iterator[str]:
    if len(letters) == 1:
        return (f"Measured on: {machine}." for machine in letters)
    return (f"Machine {letter}: {machine}." for machine, letter in letters.items())


def _goals(figures: Sequence[Figure], measured: Mapping[str, Measured]) -> Iterator[tuple[str, ...]]:
    for figure in figures:
        for goal in figure.goals:
            yield figure.title, *_goal(goal, figure.column(goal.key), measured[figure.name].pairs)


def _goal(goal: Goal, column: Column, pairs: Sequence[Pair]) -> tuple[str, ...]:
    judged = goal.judge(pairs)
    beside = f"{goal.relative_to}: {_shown(pairs, goal.relative_to, column)}" if goal.relative_to else "–"
    ratio = f"{judged.value:,.3g}" if judged and goal.relative_to else "–"
    outcome = judged.outcome if judged else "not measured"
    return column.label, goal.text, _shown(pairs, goal.of, column), beside, ratio, outcome


def _details(figure: Figure, measured: Measured, machine: str) -> Iterator[str]:
    rounds = f"{len(measured.pairs)} {'pair' if len(measured.pairs) == 1 else 'pairs'}"
    short = ", short and small runs (quick)" if measured.quick else ""
    short += f", timed loads of {measured.seconds:g} s" if measured.seconds else ""
    short += f", on machine {machine}" if machine else ""
    yield f"### {figure.title}\n"
    told = [figure.work, f"{rounds} on {measured.begun_utc[:10]}{short}", waiting(figure, measured.pairs)]
    yield f"{' '.join(_sentence(text) for text in told if text)}\n"
    rows = ((column.label, *cells(figure, column, measured.pairs)) for column in figure.columns)
    yield _table((figure.name, *figure.shown), rows)
    if figure.cannot:
        yield "\n" + " ".join(f"{name} cannot: {reason}." for name, reason in figure.cannot.items())


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _shown(pairs: Sequence[Pair], contender: str, column: Column) -> str:
    return cell(values_of(pairs, contender, column.key), column.digits)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
