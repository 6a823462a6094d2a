"""The readings of one figure of one source in the judged part of a run: exact extremes and mean, thinned readings."""

from dataclasses import dataclass, field
from typing import Final

READINGS_KEPT: Final = 3600
"""Two hours of readings; of a longer run every other one is kept, then every fourth, and so on."""


@dataclass(slots=True)
class ReadingHistory:
    """What was read: how often, the last, lowest and highest value, and the `kept` readings (seconds, value).

    `missing` counts the readings since the first that brought no value.
    """

    count: int = 0
    missing: int = 0
    last: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    total: float = 0.0
    kept: list[tuple[float, float]] = field(default_factory=list)
    _stride: int = 1

    @property
    def mean(self) -> float:
        """The mean of all readings; there must be some."""
        return self.total / self.count

    def add(self, elapsed_s: float, value: float) -> None:
        """Add a reading, `elapsed_s` seconds after the run's start."""
        self.lowest = min(self.lowest, value) if self.count else value
        self.highest = max(self.highest, value) if self.count else value
        if self.count % self._stride == 0:
            self.kept.append((elapsed_s, value))
        self.count += 1
        self.total += value
        self.last = value
        if len(self.kept) > READINGS_KEPT:
            self.kept, self._stride = self.kept[::2], 2 * self._stride

    def miss(self) -> None:
        """Count a reading that brought no value."""
        self.missing += 1
