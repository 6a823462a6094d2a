"""The search for the highest load that keeps the thresholds: steps up until one misses, then halves the gap. Pure.

A step that misses is tried a second time before it counts: one bad moment must not decide. A step at which the
generator itself was at its limit says nothing about the server; confirmed, it ends the search with "at least".
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

Outcome = Literal["kept", "missed", "limited"]

TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """From `first` on each step is `factor` times the one before, up to `most`.

    The search ends when the gap between the highest kept and the lowest missed load is at most `precision` (a share of
    the kept one). Raises ValueError for what leads nowhere.
    """

    first: int
    factor: float
    most: int
    precision: float

    def __post_init__(self) -> None:
        if self.first < 1 or self.most < self.first or not self.factor > 1 or not self.precision > 0:
            raise ValueError(f"not a search: {self}")


class CapacitySearch:
    """Ask `load` for the next step, then `tell` how it went, until `load` is None.

    `kept` is the highest load that was kept (0: none was), `missed` the lowest that was not, None while there is none.
    """

    def __init__(self, plan: SearchPlan) -> None:
        self._plan = plan
        self._tries = 0
        self.load: int | None = plan.first
        self.kept = 0
        self.missed: int | None = None
        self.limited = False

    def __repr__(self) -> str:
        return f"CapacitySearch(kept={self.kept}, missed={self.missed}, next={self.load})"

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to try."""
        return self.load is None

    @property
    def is_repeat(self) -> bool:
        """Whether the next step is the second try of the one before."""
        return self._tries > 0

    def tell(self, outcome: Outcome) -> None:
        """Take in how the step at `load` went. Raise ValueError when there was none."""
        if self.load is None:
            raise ValueError("the search is over")
        self._tries += 1
        if outcome != "kept" and self._tries < TRIES:
            return
        self._tries = 0
        if outcome == "limited":
            self.limited, self.load = True, None
        elif outcome == "missed":
            self.missed = self.load
            self.load = self._between(self.kept, self.load)
        else:
            self.kept = self.load
            self.load = self._above(self.load) if self.missed is None else self._between(self.load, self.missed)

    def _above(self, load: int) -> int | None:
        if load >= self._plan.most:
            return None
        return min(self._plan.most, max(load + 1, round(load * self._plan.factor)))

    def _between(self, kept: int, missed: int) -> int | None:
        """Return the middle of the gap, None when it is narrow enough. Below the first kept step it is halved to 1."""
        if missed - kept <= max(1.0, kept * self._plan.precision):
            return None
        # the geometric middle: loads are compared by their ratio, and a gap from 0 has none
        middle = round(math.sqrt(kept * missed)) if kept else missed // 2
        return min(max(middle, kept + 1), missed - 1)
