"""Is there a trend in a series of readings, and how steep is it? Robust against outliers and autocorrelation. Pure.

- **Trend**: Mann and Kendall's test; its variance corrected for autocorrelation by Hamed and Rao, "A modified
  Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204 (1998).
- **Slope**: the median of the slopes of all pairs (Sen, "Estimates of the regression coefficient based on Kendall's
  tau", JASA 63, 1968), which ignores up to 29 % of outliers, with Sen's confidence interval (Gilbert, "Statistical
  Methods for Environmental Pollution Monitoring", 1987, §16.4) on the same corrected variance.

Most of it is quadratic in the number of values: average a longer series before. Pairs are taken lag by lag, so that the
loops over them are C's.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import repeat
from operator import mul, sub, truediv
from statistics import NormalDist, fmean
from typing import Final

CONFIDENCE: Final = 0.95

_NORMAL: Final = NormalDist()


def slopes(values: Sequence[float]) -> list[float]:
    """Return the slopes of all pairs of equidistant values, per step, sorted; their median is Theil and Sen's slope."""
    rates: list[float] = []
    for lag in range(1, len(values)):
        rates += map(truediv, map(sub, values[lag:], values), repeat(lag))
    rates.sort()
    return rates


def mann_kendall(values: Sequence[float]) -> tuple[int, float]:
    """Return Mann and Kendall's S, and its variance without a trend, corrected for ties."""
    n = len(values)
    score = 0
    before: list[float] = []
    for value in values:  # how many before it are lower, minus how many are higher
        score += bisect_left(before, value) - (len(before) - bisect_right(before, value))
        insort(before, value)
    counts: dict[float, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    ties = sum(count * (count - 1) * (2 * count + 5) for count in counts.values() if count > 1)
    return score, (n * (n - 1) * (2 * n + 5) - ties) / 18


def p_value(score: int, variance: float) -> float:
    """Return the probability of a score this high without a trend: one-sided, normal, with continuity correction."""
    return 1.0 if variance <= 0 else 1 - _NORMAL.cdf((score - 1) / math.sqrt(variance))


def variance_inflation(values: Sequence[float], slope: float) -> float:
    """Return Hamed and Rao's factor for the variance of S: autocorrelated values are worth fewer. Never below 1.

    `slope` per step is removed first.
    """
    n = len(values)
    ranks = _ranks([value - slope * at for at, value in enumerate(values)])
    centre = fmean(ranks)
    deviations = [rank - centre for rank in ranks]
    spread = sum(map(mul, deviations, deviations))
    if spread == 0:
        return 1.0
    limit = _NORMAL.inv_cdf(0.975) / math.sqrt(n)
    total = 0.0
    for lag in range(1, n - 2):
        correlation = sum(map(mul, deviations, deviations[lag:])) / spread
        if abs(correlation) > limit:
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation
    return max(1.0, 1 + 2 * total / (n * (n - 1) * (n - 2)))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1; equal values share their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for at in range(first, last + 1):
            ranks[order[at]] = (first + last) / 2 + 1
        first = last + 1
    return ranks


def interval(rates: Sequence[float], variance: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Sen's confidence interval of the slope, given all slopes, sorted, and the variance of S."""
    reach = _NORMAL.inv_cdf((1 + confidence) / 2) * math.sqrt(max(0.0, variance))
    low = math.floor((len(rates) - reach) / 2)
    high = math.ceil((len(rates) + reach) / 2)
    return rates[max(0, low)], rates[min(len(rates) - 1, high)]
