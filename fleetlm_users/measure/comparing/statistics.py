"""Confidence intervals of the measurements of one run, and of the difference of two runs. Pure.

Sources: order statistics for percentiles (Hahn & Meeker, Statistical Intervals, §5.2); Wilson's score interval for
rates (Wilson 1927); Byar's approximation of the exact Poisson tolerances for counts (Breslow & Day 1987, §2.3); the
difference by the method of variance estimates recovery (Zou & Donner 2008), which for two Wilson intervals is
Newcombe's hybrid score interval (Newcombe 1998, method 10).
"""

import math
from itertools import accumulate
from statistics import NormalDist
from typing import Final, NamedTuple

MIN_FOR_MEAN: Final = 30  # below it, the normal approximation of a mean of skewed latencies says nothing
_TAIL_SD: Final = 12.0  # beyond it, a binomial's tail is below 1e-30


class ConfidenceInterval(NamedTuple):
    """From `low` to `high`; None is an open end: too few samples to say."""

    low: float | None
    high: float | None


OPEN: Final = ConfidenceInterval(None, None)


def quantile_ranks(count: int, fraction: float, confidence: float) -> tuple[int | None, int | None]:
    """Return the ranks (from 1) of the sorted samples that enclose the true quantile; None where no sample does.

    Exact for independent samples, whatever their distribution: the number of samples below a quantile is binomial.
    """
    if count < 1 or not 0 < fraction < 1:
        return None, None
    tail = (1 - confidence) / 2
    first, running = _binomial_sums(count, fraction)
    low = next((first + i for i in reversed(range(len(running))) if running[i] <= tail), None)
    high = next((first + i for i, total in enumerate(running) if total >= 1 - tail), None)
    # P(X < rank) is the sum up to rank - 1, so both bounds lie one rank above the number found
    return (
        None if low is None else low + 1,
        None if high is None or high + 1 > count else high + 1,
    )


def wilson(passes: int, total: int, confidence: float) -> ConfidenceInterval:
    """Return the interval of a share, within 0 and 1; open when there is nothing to divide by."""
    if total < 1:
        return OPEN
    z, share = _z(confidence), passes / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = 0.0 if passes == 0 else (centre - spread) / scale
    high = 1.0 if passes == total else (centre + spread) / scale
    return ConfidenceInterval(low, high)


def poisson(count: int, confidence: float) -> ConfidenceInterval:
    """Return the interval of the expected number of events, given that `count` were seen."""
    z = _z(confidence)
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3 if count else 0.0
    above = count + 1
    high = above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3
    return ConfidenceInterval(max(0.0, low), high)


def mean(value: float, spread: float, count: int, confidence: float) -> ConfidenceInterval:
    """Return the interval of a mean with the samples' standard deviation `spread`; open below 30 samples."""
    if count < MIN_FOR_MEAN:
        return OPEN
    reach = _z(confidence) * spread / math.sqrt(count)
    return ConfidenceInterval(value - reach, value + reach)


def difference(
    before: float, before_in: ConfidenceInterval, after: float, after_in: ConfidenceInterval
) -> ConfidenceInterval:
    """Return the interval of after − before from the intervals of both."""
    gap = after - before
    low = high = None
    if before_in.high is not None and after_in.low is not None:
        low = gap - math.hypot(after - after_in.low, before_in.high - before)
    if before_in.low is not None and after_in.high is not None:
        high = gap + math.hypot(after_in.high - after, before - before_in.low)
    return ConfidenceInterval(low, high)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _binomial_sums(count: int, fraction: float) -> tuple[int, list[float]]:
    """Return the first number k, and P(X ≤ k), P(X ≤ k + 1), … over all numbers that are not hopelessly unlikely.

    The weights are built from the mode outwards by their ratios and scaled at the end, so nothing underflows.
    """
    spread = _TAIL_SD * math.sqrt(count * fraction * (1 - fraction)) + _TAIL_SD
    mode = min(count, int((count + 1) * fraction))
    first, last = max(0, math.floor(mode - spread)), min(count, math.ceil(mode + spread))
    odds = fraction / (1 - fraction)
    below, above = [1.0], [1.0]
    for k in range(mode, first, -1):
        below.append(below[-1] * k / ((count - k + 1) * odds))
    for k in range(mode, last):
        above.append(above[-1] * (count - k) * odds / (k + 1))
    weights = below[:0:-1] + above
    scale = math.fsum(weights)
    return first, [total / scale for total in accumulate(weights)]
