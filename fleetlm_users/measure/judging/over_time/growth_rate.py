"""How fast a figure of the server grows, with an interval, so that noise is no growth and a leak is found. Pure.

The rate is Theil and Sen's slope of readings averaged into at most MAX_POINTS, per hour, with Sen's interval at 99 %
(trend_statistics.py). Memory is not white noise: collections make saw teeth, allocators wander. So the variance is
widened for autocorrelation twice over, and the larger counts: by Hamed and Rao's factor, which looks at all lags, and
by the one of a first-order process, (1 + r) / (1 - r) (Matalas and Sankarasubramanian, "Effect of persistence on trend
detection via regression", Water Resources Research 39, 2003), with r corrected for its bias in short detrended series,
-(2 + 4r) / n (Kendall, "Note on bias in the estimation of autocorrelation", Biometrika 41, 1954).

A figure that fills up and levels off, such as a cache, does not keep growing, so the later half is judged too.

Simulated (tests/measure/judging/over_time/test_growth_rate.py), a steady figure is called growing in less than 1 % of
runs of ten minutes when its noise is white, a saw tooth, or of the first order with r = 0.9 from one reading to the
next, and in 2 % when it wanders freely. A rise over the run of
1.2 standard deviations of white noise is found in 95 % of runs of ten minutes; in an hour, one of 0.5.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final

import msgspec

from fleetlm_users.measure.judging.trend_statistics import interval, mann_kendall, slopes, variance_inflation

MIN_READINGS: Final = 60
"""Two minutes. In a shorter series, a slow saw tooth of a garbage collector is just a rise."""
MAX_POINTS: Final = 60
CONFIDENCE: Final = 0.99
LARGEST_CORRELATION: Final = 0.95
S_PER_H: Final = 3600.0


class GrowthRate(msgspec.Struct, frozen=True):
    """A slope per hour, in the unit of the readings: the estimate and its 99 % confidence interval.

    `later_per_h` is the slope of the later half, between `later_low_per_h` and `later_high_per_h`; `seconds` is the
    length of the series.
    """

    per_h: float
    low_per_h: float
    high_per_h: float
    later_per_h: float
    later_low_per_h: float
    later_high_per_h: float
    seconds: float


def growth_rate(readings: Sequence[tuple[float, float]]) -> GrowthRate | None:
    """Return the growth of readings (seconds, value), in order; None when there are too few to tell."""
    if len(readings) < MIN_READINGS or readings[-1][0] <= readings[0][0]:
        return None
    points, width_s = _averaged(readings)
    per_h, low, high = _slope(points, width_s)
    later = _slope(points[len(points) // 2 :], width_s)
    return GrowthRate(per_h, low, high, *later, seconds=readings[-1][0] - readings[0][0])


def _slope(points: Sequence[float], width_s: float) -> tuple[float, float, float]:
    """Return the slope per hour of equidistant points, and the ends of its interval."""
    rates = slopes(points)
    per_step = median(rates)
    _, variance = mann_kendall(points)
    factor = max(variance_inflation(points, per_step), _persistence(points, per_step))
    low, high = interval(rates, variance * factor, CONFIDENCE)
    per_h = S_PER_H / width_s
    return per_step * per_h, low * per_h, high * per_h


def _persistence(points: Sequence[float], per_step: float) -> float:
    """Return the factor of a first-order process for the variance."""
    rest = [value - per_step * at for at, value in enumerate(points)]
    centre = fmean(rest)
    spread = sum((value - centre) ** 2 for value in rest)
    if spread == 0:
        return 1.0
    r = sum((one - centre) * (other - centre) for one, other in pairwise(rest)) / spread
    r = min(LARGEST_CORRELATION, r + (2 + 4 * max(r, 0.0)) / len(points))
    return max(1.0, (1 + r) / (1 - r))


def _averaged(readings: Sequence[tuple[float, float]]) -> tuple[list[float], float]:
    """Return means over equal stretches of time, and their length; one without readings lies between its neighbours."""
    began_s = readings[0][0]
    every_s = median(later - first for (first, _), (later, _) in pairwise(readings))
    every_s = max(every_s, (readings[-1][0] - began_s) / (4 * len(readings)))
    places = [round((at_s - began_s) / every_s) for at_s, _ in readings]
    each = -(-(places[-1] + 1) // MAX_POINTS)  # readings in a stretch
    stretches: dict[int, list[float]] = {}
    for place, (_, value) in zip(places, readings, strict=True):
        stretches.setdefault(place // each, []).append(value)
    count = max(1, (places[-1] + 1) // each)  # without an incomplete last stretch
    known = [(at, fmean(values)) for at, values in stretches.items() if at < count]
    return _filled(known, count), each * every_s


def _filled(known: Sequence[tuple[int, float]], count: int) -> list[float]:
    """Return values by place, interpolating between known ones."""
    points = [known[0][1]] * (known[0][0] + 1)
    for (first, low), (later, high) in pairwise(known):
        points += [low + (high - low) * (at - first) / (later - first) for at in range(first + 1, later + 1)]
    return points + [points[-1]] * (count - len(points))


def seconds_to_tell(rate: GrowthRate, bound_per_h: float) -> float | None:
    """Return how long a run must be for the interval to exclude the bound, if nothing changes; None if unknown.

    An interval shrinks with the length of a series to the power of 3/2.
    """
    gap = abs(bound_per_h - rate.per_h)
    reach = rate.high_per_h - rate.per_h if bound_per_h > rate.per_h else rate.per_h - rate.low_per_h
    if gap <= 0 or not math.isfinite(reach / gap):
        return None
    return rate.seconds * math.pow(max(1.0, reach / gap), 2 / 3)
