"""What a summary tells of a trend's samples: values at ranks, from its histogram or its few known figures. Pure."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

FRACTIONS: Final = {"med": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True)
class Histogram:
    """Buckets [low ms, high ms, samples] as a summary's `distributions` hold them; about 6 % wide."""

    buckets: Sequence[Sequence[float]]

    def value_at(self, rank: float) -> float:
        """Return the value in ms at a rank (from 1), the samples spread evenly over their bucket."""
        running = list(accumulate(count for _, _, count in self.buckets))
        at = min(bisect_left(running, rank), len(running) - 1)
        low, high, count = self.buckets[at]
        before = running[at] - count
        return low + (high - low) * min(1.0, max(0.0, (rank - 0.5 - before) / count))

    def spread(self) -> float:
        """Return the standard deviation in ms, each sample taken for the middle of its bucket."""
        total = sum(count for _, _, count in self.buckets)
        middles = [((low + high) / 2, count) for low, high, count in self.buckets]
        centre = sum(middle * count for middle, count in middles) / total
        return math.sqrt(sum(count * (middle - centre) ** 2 for middle, count in middles) / max(1, total - 1))


@dataclass(frozen=True)
class KnownPoints:
    """A trend of which only its figures are known: values between them are taken on straight lines over −ln(1 − p).

    On that scale an exponential tail is a straight line; latencies' tails are near enough to it for an interval.
    """

    points: Sequence[tuple[float, float]]
    count: int

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> "KnownPoints":
        """Return the known points of a trend's figures in a summary."""
        count = int(figures["count"])
        fractions = {"min": 1 / (count + 1), **FRACTIONS, "max": count / (count + 1)}
        known = [(fraction, figures[name]) for name, fraction in fractions.items() if figures.get(name) is not None]
        return cls(tuple(sorted((-math.log(1 - fraction), float(value)) for fraction, value in known)), count)

    def value_at(self, rank: float) -> float:
        """Return the value in ms at a rank (from 1)."""
        place = -math.log(1 - min(rank, self.count) / (self.count + 1))
        for (left, low), (right, high) in pairwise(self.points):
            if place <= right and left < right:  # equal for a single sample, which is minimum and maximum
                return max(low, low + (high - low) * (place - left) / (right - left))
        return self.points[-1][1]
