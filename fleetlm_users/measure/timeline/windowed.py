"""The values that a second carries for thresholds on windows, only for metrics that such a threshold names.

Durations are kept as finely as a whole run's (0.1 %), so that a window is judged as precisely as the run. Only the main
phase is carried.
"""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from fleetlm_users.measure.histogram_buckets import MAX_US, fine_index

MAX_METRICS: Final = 200
"""The most metrics in a second: more than exist."""

_MAX: Final = 10**12
Times = Annotated[int, Meta(ge=-_MAX, le=_MAX)]
MetricName = Annotated[str, Meta(max_length=200)]
FineBucket = Annotated[int, Meta(ge=0, le=fine_index(MAX_US))]


class Carried(NamedTuple):
    """The metrics that seconds carry: trends, and counters that are counted themselves."""

    trends: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()


class FineSpread(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Durations in fine buckets (histogram_buckets.fine_index), and their exact sum in µs."""

    sum_us: Annotated[int, Meta(ge=0, le=2**62)]
    buckets: dict[FineBucket, Annotated[int, Meta(ge=0, le=_MAX)]]

    def add(self, tally: Mapping[int, int]) -> None:
        """Add durations in µs, given as value -> how often; values out of range count as in a trend."""
        for value_us, times in tally.items():
            if value_us >= 0:
                index = fine_index(min(value_us, MAX_US))
                self.buckets[index] = self.buckets.get(index, 0) + times
                self.sum_us += min(value_us, MAX_US) * times

    def include(self, more: "FineSpread") -> None:
        """Add those of another process or second."""
        self.sum_us += more.sum_us
        for index, times in more.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + times

    def copy(self) -> "FineSpread":
        """Return a copy that shares nothing with this one."""
        return FineSpread(self.sum_us, dict(self.buckets))


class Windowed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """One scenario's values in a second, by metric, as far as windows need them."""

    trends: Annotated[dict[MetricName, FineSpread], Meta(max_length=MAX_METRICS)] = msgspec.field(default_factory=dict)
    counts: Annotated[dict[MetricName, Times], Meta(max_length=MAX_METRICS)] = msgspec.field(default_factory=dict)

    def spread(self, metric: str, tally: Mapping[int, int]) -> None:
        """Add durations in µs, given as value -> how often."""
        self.trends.setdefault(metric, FineSpread(0, {})).add(tally)

    def count(self, metric: str, times: int) -> None:
        """Add to a counter."""
        self.counts[metric] = self.counts.get(metric, 0) + times

    def include(self, more: "Windowed") -> None:
        """Add the same of another process, scenario or second."""
        for metric, spread in more.trends.items():
            self.trends.setdefault(metric, FineSpread(0, {})).include(spread)
        for metric, times in more.counts.items():
            self.count(metric, times)

    def copy(self) -> "Windowed":
        """Return a copy that shares nothing with this one."""
        return Windowed({metric: spread.copy() for metric, spread in self.trends.items()}, dict(self.counts))
