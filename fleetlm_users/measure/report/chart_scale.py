"""Where a value stands on a chart's axis, and which values an axis names."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_LOG_ABOVE: Final = 40  # highest over lowest: beyond this a linear axis shows one line and a flat one


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`; logarithmic ones need a `low` above 0."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The position of a value, 0 at the low end and 1 at the high one; what lies outside is put at the end."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(max(share, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """The values to name, rising: round ones, two to seven of them."""
        return self._log_ticks() if self.logarithmic else self._linear_ticks()

    def _linear_ticks(self) -> list[float]:
        step = _round_step(self.high - self.low)
        return [self.low + step * number for number in range(int((self.high - self.low) / step + 1e-9) + 1)]

    def _log_ticks(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        factors = (1, 2, 5) if self.high / self.low < 500 else (1,)
        values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]


def fitting(values: Iterable[float]) -> Scale:
    """An axis for these values: linear from 0, or logarithmic where they differ too much for that."""
    positive = [value for value in values if value > 0]
    if not positive:
        return Scale(0.0, 1.0)
    low, high = min(positive), max(positive)
    if high / low > _LOG_ABOVE:
        return log_around(low, high)
    return from_zero(high)


def from_zero(high: float) -> Scale:
    """A linear axis from 0 to the round value at or above `high`."""
    if high <= 0:
        return Scale(0.0, 1.0)
    step = _round_step(high)
    return Scale(0.0, step * math.ceil(high / step - 1e-9))


def log_around(low: float, high: float) -> Scale:
    """A logarithmic axis that begins and ends at 1, 2 or 5 times a power of ten."""
    begin, end = _round_down(low), _round_up(high)
    return Scale(begin, end if end > begin else begin * 10, logarithmic=True)


def time_ticks(seconds: float, at_most: int = 6) -> list[int]:
    """Whole seconds from 0 to name on a time axis of that length."""
    step = next((step for step in _TIME_STEPS_S if seconds / step <= at_most), _TIME_STEPS_S[-1])
    return list(range(0, int(seconds) + 1, step))


def clock(seconds: int) -> str:
    """A moment of the run as people write it: 0:45, 12:05, 1:02:00."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _round_step(span: float) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides a span into at most five."""
    return _round_up(span / 5)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= value * (1 + 1e-9))
