"""Rounds in which the contenders take turns, so that disturbances of the machine affect all of them alike."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.publishing.results import Measured, Results
from benchmarks.publishing.table import cell
from benchmarks.settings import Settings

Say = Callable[[str], None]
FAILURES = (RuntimeError, TimeoutError, LookupError)  # of one run; the others go on


class Clock:
    """An estimate of the remaining time, corrected by how wrong the estimates have been so far."""

    def __init__(self, figures: Sequence[Figure], settings: Settings) -> None:
        self._left_s = sum(figure.seconds(settings) * len(figure.contenders) * settings.pairs for figure in figures)
        self._expected_s = self._took_s = 0.0

    def finished(self, expected_s: float, took_s: float) -> None:
        """Count one run."""
        self._left_s -= expected_s
        self._expected_s += expected_s
        self._took_s += took_s

    @property
    def left(self) -> str:
        """Return it in words."""
        wrong_by = self._took_s / self._expected_s if self._expected_s else 1.0
        return f"{max(0.0, self._left_s) * wrong_by / 60:.0f} min left"


def run(
    figures: Sequence[Figure], settings: Settings, path: Path, say: Say = print
) -> Iterator[tuple[Figure, Measured]]:
    """Measure the figures, one after the other. Yields each when it is whole.

    A finished pair is written to the file at once; a failed one is reported and left out.
    """
    results, clock = Results(), Clock(figures, settings)
    for figure in figures:
        say(f"{figure.name}: {figure.title}; {clock.left}")
        measured = results.figures[figure.name] = Measured.here(settings)
        for number in range(1, settings.pairs + 1):
            try:
                measured.pairs.append(_pair(figure, settings, clock, f"  {number}/{settings.pairs}", say))
            except FAILURES as problem:
                say(f"  {number}/{settings.pairs} failed: {problem}")
            results.save(path)
        yield figure, measured


def _pair(figure: Figure, settings: Settings, clock: Clock, number: str, say: Say) -> dict[str, dict[str, float]]:
    pair: dict[str, dict[str, float]] = {}
    first = figure.columns[0]
    for contender in figure.contenders:
        began_s = time.perf_counter()
        pair[contender] = dict(figure.measure(contender, settings))
        clock.finished(figure.seconds(settings), time.perf_counter() - began_s)
        shown = cell([pair[contender][first.key]], first.digits) if first.key in pair[contender] else "–"
        say(f"{number} {contender:<16}{shown:>12}  {first.label}; {clock.left}")
    return pair
