"""How thoroughly to measure."""

from dataclasses import dataclass

FULL_PAIRS = 5
QUICK_PAIRS = 2


@dataclass(frozen=True)
class Settings:
    """`seconds` replaces the length of every timed load; `quick` makes loads short and small, for a first look."""

    pairs: int = FULL_PAIRS
    seconds: float | None = None
    quick: bool = False

    def length_s(self, full: float, quick: float) -> float:
        """The length of a timed load."""
        return self.seconds or (quick if self.quick else full)

    def size(self, full: int, quick: int) -> int:
        """A number of sessions or journeys."""
        return quick if self.quick else full
