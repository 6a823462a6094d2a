"""The rows of the bench's table, in its order."""

from benchmarks.figure import Figure
from benchmarks.figures.append_cpu import APPEND_CPU

FIGURES: dict[str, Figure] = {figure.name: figure for figure in (APPEND_CPU,)}
