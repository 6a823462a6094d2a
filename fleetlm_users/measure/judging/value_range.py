"""Ranges of numbers: what a threshold allows, and which values its metric can take."""

import math
from collections.abc import Collection

import msgspec


class ValueRange(msgspec.Struct, frozen=True):
    """The numbers from `low` to `high`; a bound is None where the range is open. With `whole`, only whole numbers."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    whole: bool = False

    def cut(self, operator: str, bound: float) -> "ValueRange":
        """Return the part that keeps `value operator bound`; `!=` cuts nothing off."""
        low, low_open = self.low, self.low_open
        high, high_open = self.high, self.high_open
        if operator in (">", ">=", "==") and (bound, operator == ">") > (low, low_open):
            low, low_open = bound, operator == ">"
        if operator in ("<", "<=", "==") and (-bound, operator == "<") > (-high, high_open):
            high, high_open = bound, operator == "<"
        return ValueRange(low, high, low_open, high_open, self.whole)._of_wholes()

    def is_empty(self, without: Collection[float] = ()) -> bool:
        """Return whether no number is left, not counting those in `without`."""
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return True
        if self.whole and math.isfinite(self.high - self.low):
            inside = {value for value in without if self.low <= value <= self.high and value == int(value)}
            return len(inside) == self.high - self.low + 1
        return self.low == self.high and self.low in without

    def is_above(self, other: "ValueRange") -> bool:
        """Return whether every number of this range is above every one of the other."""
        return self.low > other.high or (self.low == other.high and (self.low_open or other.high_open))

    def _of_wholes(self) -> "ValueRange":
        """Return the range with its bounds moved to whole numbers inside it, if it is one of whole numbers."""
        if not self.whole:
            return self
        low, high = self.low, self.high
        if math.isfinite(low):
            low = math.floor(low) + 1 if self.low_open else math.ceil(low)
        if math.isfinite(high):
            high = math.ceil(high) - 1 if self.high_open else math.floor(high)
        return ValueRange(low, high, whole=True)
