"""What a figure is to reach, and whether it did."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Values = Mapping[str, float]
Pair = Mapping[str, Values]  # one round: the values of each contender


@dataclass(frozen=True)
class Goal:
    """`key` of contender `of`, or its ratio to that of `relative_to` in the same round, is to keep one bound.

    Errors have signs, but only their sizes are compared.
    """

    text: str
    of: str
    key: str
    relative_to: str = ""
    at_most: float | None = None
    at_least: float | None = None

    def judge(self, pairs: Sequence[Pair]) -> "Judged | None":
        """The median over the pairs, judged. None when no pair has all that is compared."""
        found = [value for pair in pairs if (value := self._value(pair)) is not None]
        return Judged(self, statistics.median(found)) if found else None

    def _value(self, pair: Pair) -> float | None:
        own = pair.get(self.of, {}).get(self.key)
        if own is None or not self.relative_to:
            return own if own is None else abs(own)
        other = pair.get(self.relative_to, {}).get(self.key)
        return abs(own / other) if other else None


@dataclass(frozen=True)
class Judged:
    """A goal and what came of it."""

    goal: Goal
    value: float

    @property
    def met(self) -> bool:
        """Whether the bound was kept."""
        if self.goal.at_most is not None:
            return self.value <= self.goal.at_most
        return self.goal.at_least is None or self.value >= self.goal.at_least

    @property
    def outcome(self) -> str:
        """`met`, or `missed by` so much of the bound."""
        bound = self.goal.at_least if self.goal.at_most is None else self.goal.at_most
        if self.met:
            return "met"
        if not bound or not self.value:
            return "missed"
        factor = max(self.value / bound, bound / self.value)
        return f"missed {factor:.1f}-fold" if factor > 2 else f"missed by {abs(self.value / bound - 1) * 100:.0f} %"
