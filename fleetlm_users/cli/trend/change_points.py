"""Find where a series of figures changed: E-divisive with a permutation test. Pure.

Source: Matteson & James, A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data (JASA 2014),
    with α = 1: the method of Daly et al., The Use of Change Point Detection to Identify Software Performance
    Regressions in a Continuous Integration System (ICPE 2020), and of Apache Otava. Otava uses a t-test, which assumes
    normal noise and ignores that the place was selected. Here the original permutation test is kept: under any noise
    that
    does not depend on the order, an unchanged series shows a change with a probability of at most `significance`. The
    test of a series without a change ends early (Besag & Clifford, Sequential Monte Carlo p-values, Biometrika 1991).

Apache Otava, signal-processing-algorithms and ruptures were considered: they need exact releases of numpy and scipy.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice, pairwise
from operator import add, itemgetter
from typing import Final

MIN_SEGMENT: Final = 2  # a single figure has no spread, and one odd run is not a change of level
MIN_PART: Final = 8  # figures in a half that is tested separately
PERMUTATIONS: Final = 599
SIGNIFICANCE: Final = 0.005
"""The probability of a change point in a series that did not change."""

MAX_ROUNDS: Final = 10
_ROUNDING: Final = 1e-9  # of the statistic, relative: permutations of equal figures must count as equal


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change: `at` is the index of the first figure after it, `p_value` that of its test between its neighbours."""

    at: int
    p_value: float


@dataclass(frozen=True, slots=True)
class _Split:
    at: int
    statistic: float


def change_points(values: Sequence[float], significance: float = SIGNIFICANCE) -> list[ChangePoint]:
    """Return where a series of finite figures changed its level or spread, rising by index.

    The same series gives the same answer: the permutations are drawn with a fixed seed.

    Args:
        values: The figures in order of time.
        significance: Highest p-value of a change, from 0.002 (1 of 600 permutations) to below 1.
    """
    search = _Search(values, significance)
    places = [0, *search.divided(0, len(values)), len(values)]
    changes: list[ChangePoint] = []
    for _ in range(MAX_ROUNDS):
        changes = search.tested_again(places)
        moved = [0, *(change.at for change in changes), len(values)]
        if moved == places:
            break
        places = moved
    return changes


def fewest_figures(significance: float = SIGNIFICANCE) -> int:
    """Return the fewest figures in which to look for changes: with fewer, chance alone produces such an order too
    often.

    With n figures in random order, the lower half comes first or last with a probability of 2 / C(n, n/2). This must be
    at most half the significance, since drawn permutations only estimate it.
    """
    count = 2 * MIN_SEGMENT
    while 4 / math.comb(count, count // 2) > significance:
        count += 1
    return count


def fewest_after(count: int, significance: float = SIGNIFICANCE) -> int | None:
    """Return how many of `count` figures must follow a change for it to be found; None if no number suffices."""
    for after in range(MIN_SEGMENT, count // 2 + 1):
        if 4 / math.comb(count, after) <= significance:
            return after
    return None


class _Search:
    """The divisions of one series, each segment tested once."""

    def __init__(self, values: Sequence[float], significance: float) -> None:
        self._values, self._significance = values, significance
        self._rng = random.Random(len(values))
        self._tests: dict[tuple[int, int], ChangePoint | None] = {}

    def divided(self, first: int, last: int) -> list[int]:
        """Return the places at which the segment from `first` to before `last` is divided, and each part again."""
        change = self._test(first, last)
        if change is None:
            return []
        return [*self.divided(first, change.at), change.at, *self.divided(change.at, last)]

    def tested_again(self, places: Sequence[int]) -> list[ChangePoint]:
        """Return the changes as tests between their neighbours find them; `places` include both ends of the series. A
        division made early may be in the wrong place, or mean nothing once later ones are known.
        """
        changes: list[ChangePoint] = []
        for (_, place), (_, after) in pairwise(pairwise(places)):
            before = changes[-1].at if changes else 0
            change = self._test(before, after) if place > before else None
            if change is not None:
                changes.append(change)
        return changes

    def _test(self, first: int, last: int) -> ChangePoint | None:
        if (first, last) not in self._tests:
            split, p_value = _tested(self._values[first:last], self._significance, self._rng)
            is_change = split is not None and p_value <= self._significance
            self._tests[first, last] = ChangePoint(first + split.at, p_value) if split and is_change else None
        return self._tests[first, last]


def _tested(values: Sequence[float], significance: float, rng: random.Random) -> tuple[_Split | None, float]:
    """Return the best division of a segment and its p-value; above `significance` the p-value is an early estimate."""
    count = len(values)
    if count < fewest_figures(significance):
        return None, 1.0
    distances = [[abs(one - other) for other in values] for one in values]
    sums = [math.fsum(row) for row in distances]
    order = list(range(count))
    best = _best_of_all(distances, sums, order)
    if best.statistic <= 0:
        return None, 1.0
    enough = int(significance * (PERMUTATIONS + 1))  # with this many statistics as large, it is not a change
    reach, as_large = best.statistic * (1 - _ROUNDING), 0
    for drawn in range(1, PERMUTATIONS + 1):
        rng.shuffle(order)
        as_large += _best_of_all(distances, sums, order).statistic >= reach
        if as_large >= enough:
            return best, (as_large + 1) / (drawn + 1)
    return best, (as_large + 1) / (PERMUTATIONS + 1)


def _best_of_all(distances: Sequence[Sequence[float]], sums: Sequence[float], order: Sequence[int]) -> _Split:
    """Return the best division of the whole segment and of three overlapping halves of it.

    A division of the whole misses a rise followed by a fall, since both sides hold low figures. Matteson & James look
    at all parts of a segment for that reason; these few are enough, at a tenth of the cost.
    """
    in_order = itemgetter(*order)
    rows = list(map(in_order, in_order(distances)))  # sums of a part are then sums of slices, which is C's work
    count, half = len(rows), len(rows) // 2
    best = _best_split(0, in_order(sums), [sum(row[:at]) for at, row in enumerate(rows)])
    for first in (0, (count - half) // 2, count - half) if half >= MIN_PART else ():
        last = first + half
        to_left = [sum(row[first:at]) for at, row in enumerate(rows[first:last], first)]
        to_right = [sum(row[at:last]) for at, row in enumerate(rows[first:last], first)]
        split = _best_split(first, list(map(add, to_left, to_right)), to_left)
        if split.statistic > best.statistic:
            best = split
    return best


def _best_split(first: int, sums: Sequence[float], to_left: Sequence[float]) -> _Split:
    """Return the division with the largest energy statistic; the first of the figures has the place `first`.

    `sums` are those of the distances of each figure to all others, `to_left` to those before it. For the first k
    figures, both together give the distances within them, between them and the others, and within the others.
    """
    skipped, count, total = MIN_SEGMENT - 1, len(sums), math.fsum(sums) / 2
    within = islice(accumulate(to_left), skipped, None)
    seen = islice(accumulate(sums), skipped, None)
    statistics = [
        of_seen * all_seen - of_within * within_left - of_total * total
        for (of_seen, of_within, of_total), all_seen, within_left in zip(_weights(count), seen, within, strict=False)
    ]
    largest = max(statistics)
    return _Split(first + MIN_SEGMENT + statistics.index(largest), largest) if largest > 0 else _Split(0, 0.0)


@lru_cache(maxsize=64)  # a permutation test needs the same two counts 600 times
def _weights(count: int) -> list[tuple[float, float, float]]:
    """Return the weights of the sums in the statistic, for each division of `count` figures.

    Of s figures on the left and o on the right it is, with B for the sum of the distances between both sides, L and R
    for those within: (2 B / (s o) - 2 L / (s (s - 1)) - 2 R / (o (o - 1))) * s o / (s + o). `_best_split` knows L, the
    sum of all distances of the left S = B + 2 L, and the total T = B + L + R.
    """
    weights = []
    for size in range(MIN_SEGMENT, count - MIN_SEGMENT + 1):
        other = count - size
        between, left, right = 2 / count, 2 * other / (size - 1) / count, 2 * size / (other - 1) / count
        weights.append((between + right, 2 * between + left + right, right))
    return weights
