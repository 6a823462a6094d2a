"""A row of the bench's table: the load, the values shown, and the goal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.goal import Goal
from benchmarks.settings import Settings

Measure = Callable[[str, Settings], Mapping[str, float]]
Seconds = Callable[[Settings], float]


@dataclass(frozen=True)
class Column:
    """A value that is shown: its key, its label with the unit, its decimals."""

    key: str
    label: str
    digits: int = 0


@dataclass(frozen=True)
class Figure:
    """`measure(contender, settings)` runs one contender once; `seconds` is about how long that takes.

    `cannot` says why tools that are not contenders here cannot do this work.

    The first column is the one that the chart shows.
    """

    name: str
    title: str
    work: str
    contenders: tuple[str, ...]
    measure: Measure
    seconds: Seconds
    columns: tuple[Column, ...]
    goals: tuple[Goal, ...] = ()
    more_is_better: bool = False  # of the first column
    cannot: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[str, ...]:
        """The tools that have a column: those that are measured, and those that cannot be."""
        return (*self.contenders, *self.cannot)

    def column(self, key: str) -> Column:
        """The column of a key. Raises StopIteration if there is none."""
        return next(column for column in self.columns if column.key == key)
