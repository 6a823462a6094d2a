"""Does a backlog grow? A trend test for queues, robust against noise, bursts, ramps and slow starts. Pure.

A server that keeps up has a stationary backlog, whatever its size: by Little's law, the arrival rate times the time
that one message takes. A server that does not keep up falls behind by the difference between arrivals and completions,
second after second. Growth is claimed only when all of these hold; each rules out one way to be wrong:

1. **It is a trend.** Mann–Kendall's test on the age of the backlog, so that one that follows a ramp of the load does
   not count as growth. Its variance is corrected for autocorrelation by Hamed and Rao, "A modified Mann-Kendall trend
   test for autocorrelated data", Journal of Hydrology 204 (1998). One-sided, 1 %.
2. **It is more than a wandering queue.** A queue at exactly its limit is a random walk: in T seconds it wanders by
   s√T, where s² is the variance of its steps. The rise must exceed three times that.
3. **It goes on.** A queue that fills up after a slow start rises too, and then levels off. The second half must rise at
   least 0.75 times as fast as the whole. Where a message waits (by Little's law) for more than a quarter of the series,
   the filling may not have got so far: then completions that still become more frequent mean that the series is too
   short to tell. A server that falls behind completes as much at the end as in the middle.

The rate is the Theil–Sen slope with Sen's confidence interval, on the same corrected variance (trend_statistics.py).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean, median
from typing import Final

import msgspec

from fleetlm_users.measure.judging.trend_statistics import interval, mann_kendall, p_value, slopes, variance_inflation

MIN_SECONDS: Final = 20
"""The shortest series that is judged: below it, a trend and a few bursts look the same."""
MAX_POINTS: Final = 60
"""Longer series are averaged into this many points: the tests are quadratic."""
P_TREND: Final = 0.01
WANDERING: Final = 3.0
"""In standard deviations of a queue at its limit."""
LASTING: Final = 0.75
LONG_WAIT: Final = 0.25
"""As a share of the series."""
FILLING: Final = 1.1
"""An exponential filling over twice its time constant completes 1.29 times as much in its last third as before."""
STEP_SPANS_S: Final = (1, 2, 5, 10)
"""Spans of the steps of a queue, which are correlated over some seconds (flushes, bursts): the span with the widest
wandering counts.
"""


class BacklogGrowth(msgspec.Struct, frozen=True):
    """How fast a backlog grew while messages were being sent.

    `per_s` is the Theil–Sen slope in messages per second, between `low_per_s` and `high_per_s` with 95 % confidence;
    `arrivals_per_s` the rate of arrivals. `resolution_per_s` is the smallest growth that could have been claimed.
    """

    is_growing: bool
    per_s: float
    low_per_s: float
    high_per_s: float
    arrivals_per_s: float
    resolution_per_s: float
    seconds: int

    @property
    def share(self) -> float:
        """The claimed growth as a share of the arrivals; 0 if none is claimed."""
        return self.per_s / self.arrivals_per_s if self.is_growing and self.arrivals_per_s > 0 else 0.0


def growth(backlog: Sequence[float], arrivals: Sequence[float]) -> BacklogGrowth | None:
    """Judge a series of seconds: the backlog at the end of each, and the arrivals in it.

    Returns None if the series is too short to tell, or nothing arrived. Raises ValueError unless both have the same
    length.
    """
    if len(backlog) != len(arrivals):
        raise ValueError(f"{len(backlog)} seconds of backlog, {len(arrivals)} of arrivals")
    rate_per_s = fmean(arrivals) if arrivals else 0.0
    if len(backlog) < MIN_SECONDS or rate_per_s <= 0:
        return None
    if is_filling(backlog, arrivals):
        return None
    levelled = _levelled(backlog, arrivals, rate_per_s)
    width_s = math.ceil(len(backlog) / MAX_POINTS)
    points = _averaged(levelled, width_s)
    rates = slopes(points)
    per_s = median(rates) / width_s
    inflation = variance_inflation(points, per_s * width_s)
    score, variance = mann_kendall(points)
    variance *= inflation
    low, high = interval(rates, variance)
    resolution_per_s = WANDERING * _wandering(levelled) / math.sqrt(len(levelled))
    later_per_s = median(slopes(points[len(points) // 2 :])) / width_s
    is_trend = score > 0 and p_value(score, variance) < P_TREND
    return BacklogGrowth(
        is_growing=is_trend and per_s > resolution_per_s and later_per_s >= LASTING * per_s,
        per_s=per_s,
        low_per_s=low / width_s,
        high_per_s=high / width_s,
        arrivals_per_s=rate_per_s,
        resolution_per_s=resolution_per_s,
        seconds=len(backlog),
    )


def _levelled(backlog: Sequence[float], arrivals: Sequence[float], rate_per_s: float) -> list[float]:
    """Return the age of the backlog times the arrival rate: the backlog as it would be at a constant rate.

    The age is how far back the newest arrivals reach that together make up the backlog. If answers take a constant
    time, the age is that time; in a queue in order of arrival, it is the age of the oldest message. Both hold whatever
    the arrivals do: ramps, stages, users that leave. Arrivals before the series are assumed to have come at the mean
    rate.
    """
    totals = [0.0, *accumulate(arrivals)]
    levels = []
    for at, waiting in enumerate(backlog, 1):
        before = totals[at] - waiting  # arrived, and no longer waiting
        if before < 0:
            age_s = at - before / rate_per_s
        else:
            place = bisect_right(totals, before, 0, at + 1) - 1
            in_second = totals[min(place + 1, at)] - totals[place]
            age_s = at - place - ((before - totals[place]) / in_second if in_second else 0.0)
        levels.append(age_s * rate_per_s if waiting > 0 else 0.0)
    return levels


def is_filling(backlog: Sequence[float], arrivals: Sequence[float]) -> bool:
    """Return whether a series of 4 seconds or more may just show a backlog of slow answers filling up."""
    third, rate_per_s = len(backlog) // 3, fmean(arrivals)
    middle_wait_s = fmean(_levelled(backlog, arrivals, rate_per_s)[third : 2 * third]) / rate_per_s
    if middle_wait_s <= LONG_WAIT * len(backlog):
        return False
    completed = [count - (now - before) for count, before, now in zip(arrivals[1:], backlog, backlog[1:], strict=False)]
    middle, last = fmean(completed[third : 2 * third]), fmean(completed[2 * third :])
    return middle <= 0 or last > FILLING * middle


def _averaged(values: Sequence[float], width: int) -> list[float]:
    return [fmean(values[at : at + width]) for at in range(0, len(values) - width + 1, width)]


def _wandering(values: Sequence[float]) -> float:
    """Return the standard deviation per √second by which a queue with such steps wanders."""
    return max(_step_deviation(values, span) for span in STEP_SPANS_S if len(values) > 3 * span)


def _step_deviation(values: Sequence[float], span: int) -> float:
    steps = [later - first for first, later in zip(values[::span], values[span::span], strict=False)]
    centre = fmean(steps)
    return math.sqrt(sum((step - centre) ** 2 for step in steps) / max(1, len(steps) - 1) / span)
