"""The parts of a ledger: counters, gauges, levels, and trends whose samples are folded later."""

from collections import deque
from dataclasses import dataclass, field

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.timeline.second import Column, Second

FOLDED_AT_ONCE = 4096
"""The most values folded without yielding: 0.4 ms, whatever the load. Smaller chunks share fewer equal values and cost
more in all: 5,000 values 0.4 ms at once, 1.0 ms by 1,024, 1.7 ms by 256.
"""


@dataclass(slots=True)
class Cell:
    """One counter of one scenario, phase and label; a hot path keeps the cell and does `cell.n += 1`."""

    n: int = 0


@dataclass(slots=True)
class GaugeCell:
    """A value that goes up and down: its present value, its highest ever, its highest since the last tick."""

    now: int = 0
    peak: int = 0
    recent_peak: int = 0

    def move(self, delta: int) -> None:
        """Go up or down by `delta`."""
        self.now += delta
        if self.now > self.recent_peak:
            self.recent_peak = self.now
            self.peak = max(self.peak, self.now)

    def read(self, value: int) -> None:
        """Take a reading."""
        self.move(value - self.now)

    def restart(self) -> int:
        """Return the highest value since the last call; the next interval starts at the present value."""
        recent, self.recent_peak = self.recent_peak, self.now
        return recent


@dataclass(slots=True)
class Level:
    """Readings of one property of this process, such as its CPU."""

    last: float = 0.0
    peak: float = 0.0

    def read(self, value: float) -> None:
        """Take one reading."""
        self.last = value
        self.peak = max(self.peak, value)


@dataclass(slots=True)
class Series:
    """A trend of one scenario and phase, with the samples sealed for it but not folded yet.

    Sealing is one quick step that fixes which samples belong to a moment; folding is the expensive part, done later.
    `mark` counts sealed chunks, so a snapshot folds exactly up to its own moment although new chunks come in meanwhile.
    """

    trend: Trend = field(default_factory=Trend)
    column: Column | None = None  # the column that shows it in the timeline
    scenario: str = ""
    carried: str = ""  # the metric, if seconds carry it for thresholds on windows
    mark: int = 0
    _chunks: deque[tuple[Second | None, list[int]]] = field(default_factory=deque)
    _folded: int = 0
    _encoded: bytes = b""
    _encoded_at: int = -1

    def seal(self, row: Second | None) -> None:
        """Set aside the samples added since the last seal; `row` is the second they belong to."""
        taken = self.trend.take()
        for start in range(0, len(taken), FOLDED_AT_ONCE):
            self._chunks.append((row if self.column or self.carried else None, taken[start : start + FOLDED_AT_ONCE]))
            self.mark += 1

    def fold_one(self, mark: int) -> bool:
        """Move the next chunk up to `mark` into the trend and into its row of the timeline; return False if none is
        left.
        """
        if self._folded >= mark:
            return False
        row, values_us = self._chunks.popleft()
        self._folded += 1
        tally = self.trend.fold(values_us)
        if row is not None and self.column is not None:
            row.spread(self.scenario, self.column, tally)
        if row is not None and self.carried:
            row.part(self.scenario).windowed.spread(self.carried, tally)
        return True

    def encoded_at(self, mark: int) -> bytes:
        """Return the trend as bytes, with the chunks up to `mark`; it is only encoded again if some were added."""
        while self.fold_one(mark):
            pass
        if self._encoded_at != self._folded:
            # not trend.encode() on a live buffer: samples added after the seal must stay out
            self._encoded = self.trend.encode_folded()
            self._encoded_at = self._folded
        return self._encoded
