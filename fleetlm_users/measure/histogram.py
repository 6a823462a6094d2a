"""Durations of one metric: an HDR histogram in whole microseconds, with exact count, sum, minimum and maximum.

Recording is `list.append` (0.03 µs); values move into the histogram in bulk (0.15–0.3 µs each) when a figure is read.
"""

import math
import struct
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import Final

import msgspec
from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from fleetlm_users.measure.histogram_buckets import (
    DIGITS,
    FINE_SHIFT,
    MAX_US,
    coarse_index,
    fine_high,
    fine_index,
    fine_low,
)
from fleetlm_users.measure.histogram_bytes import HEADER

_BAD_PAYLOAD: Final = (
    struct.error,
    zlib.error,
    HdrCookieException,
    HdrLengthException,
    HdrHistogramSettingsException,
    IndexError,
    OverflowError,
    TypeError,
    ValueError,
)


def required_samples(percent: float) -> int:
    """Return how many samples a percentile needs to say more than the maximum does: 100 for p99, 20 for p95, 2 for
    p50.
    """
    if percent >= 100:
        return 1
    return max(1, math.ceil(round(100 / (100 - percent), 6)))


class TrendSummary(msgspec.Struct, frozen=True):
    """The figures of a trend, in µs. A percentile is None on too few samples, everything but `count` is None on
    none.
    """

    count: int
    min_us: int | None
    mean_us: float | None
    med_us: int | None
    p90_us: int | None
    p95_us: int | None
    p99_us: int | None
    p999_us: int | None
    max_us: int | None


class Trend:
    """Durations in whole µs: `add(value_us)` records one; everything else first folds what was added.

    Values above one hour count as one hour, and in `clamped`. A negative duration is a defect of the clock or of our
    code: it counts in `negative` and is not recorded. `add` stays the same function for life, so callers keep it.
    """

    __slots__ = (
        "_buffer",
        "_clamped",
        "_count",
        "_counts",
        "_histogram",
        "_max_us",
        "_min_us",
        "_negative",
        "_sum_us",
        "add",
    )

    def __init__(self) -> None:
        self._buffer: list[int] = []
        self.add = self._buffer.append
        self._histogram: HdrHistogram | None = None  # 190 kB: made when the first value is folded
        self._counts: memoryview[int] | None = None
        self._count = 0
        self._sum_us = 0
        self._min_us = MAX_US
        self._max_us = 0
        self._clamped = 0
        self._negative = 0

    def __repr__(self) -> str:
        return f"Trend(count={self.count}, min_us={self.min}, max_us={self.max})"

    @property
    def count(self) -> int:
        """The number of durations recorded; negative ones are not."""
        self.fold(self.take())
        return self._count

    @property
    def sum_us(self) -> int:
        """The exact sum in µs."""
        self.fold(self.take())
        return self._sum_us

    @property
    def min(self) -> int | None:
        """The exact minimum in µs, None without samples."""
        return self._min_us if self.count else None

    @property
    def max(self) -> int | None:
        """The exact maximum in µs, None without samples."""
        return self._max_us if self.count else None

    @property
    def mean_us(self) -> float | None:
        """The exact mean in µs, None without samples."""
        return self._sum_us / self._count if self.count else None

    @property
    def clamped(self) -> int:
        """The number of durations longer than an hour, which are recorded as one hour."""
        self.fold(self.take())
        return self._clamped

    @property
    def negative(self) -> int:
        """The number of negative durations, which are not recorded."""
        self.fold(self.take())
        return self._negative

    def take(self) -> list[int]:
        """Hand over the values added but not folded yet; one step without a switch, so nothing is taken twice."""
        taken = self._buffer[:]
        self._buffer.clear()
        return taken

    def fold(self, values_us: Sequence[int]) -> Counter[int]:
        """Put values into the histogram; return how often each was recorded."""
        if not values_us:
            return Counter()
        tally = Counter(values_us)
        if min(tally) < 0 or max(tally) > MAX_US:
            tally = self._within_range(tally)
        if tally:
            self._record(tally)
        return tally

    def merge(self, other: "Trend") -> None:
        """Add another trend's samples to this one; the order of merging never matters."""
        self.fold(self.take())
        other.fold(other.take())
        if other._histogram is not None:
            self._own_histogram().add(other._histogram)
        self._count += other._count
        self._sum_us += other._sum_us
        self._min_us = min(self._min_us, other._min_us)
        self._max_us = max(self._max_us, other._max_us)
        self._clamped += other._clamped
        self._negative += other._negative

    def since(self, earlier: "Trend") -> "Trend":
        """Return what was recorded after `earlier`, an older state of the same trend; neither is changed.

        Count and sum are exact, minimum and maximum those of their buckets (within 0.1 %) and of this trend.
        """
        newer = Trend()
        newer._count = max(0, self.count - earlier.count)
        newer._clamped = max(0, self._clamped - earlier._clamped)
        newer._negative = max(0, self._negative - earlier._negative)
        if not newer._count or self._counts is None:
            return newer
        newer._sum_us = self._sum_us - earlier._sum_us
        histogram = newer._own_histogram()
        added = newer._counts
        assert added is not None  # for mypy: _own_histogram has just set it
        first, end = fine_index(self._min_us), fine_index(self._max_us) + 1
        counts: Iterable[int] = self._counts[first:end]
        if earlier._counts is not None:
            counts = map(sub, counts, earlier._counts[first:end])
        filled = [(index, count) for index, count in enumerate(counts, first) if count]  # few, of very many
        for index, count in filled:
            added[index] = count
        newer._min_us = max(self._min_us, fine_low(filled[0][0]))
        newer._max_us = min(self._max_us, fine_high(filled[-1][0]))
        histogram.total_count = newer._count
        histogram.min_value, histogram.max_value = newer._min_us, newer._max_us
        return newer

    def percentile(self, percent: float) -> int | None:
        """Return the smallest recorded duration in µs that at least `percent` % do not exceed (nearest rank).

        Off by at most 0.1 % (HDR, 3 digits), never outside the exact minimum and maximum; None without samples.
        """
        return self.percentiles([percent])[0]

    def percentiles(self, percents: Sequence[float]) -> list[int | None]:
        """Return several percentiles at the cost of one (about 1 ms)."""
        if not self.count or self._counts is None:
            return [None] * len(percents)
        first, last = fine_index(self._min_us), fine_index(self._max_us)
        running = list(accumulate(self._counts[first : last + 1]))
        return [self._value_at(running, first, percent) for percent in percents]

    def at_most(self, bounds_us: Sequence[int]) -> list[int]:
        """Return how many durations do not exceed each bound in µs, each as `percentile` would report it.

        So the share at or below a bound is at least 95 % exactly when the 95th percentile keeps the bound.
        """
        if not self.count or self._counts is None:
            return [0] * len(bounds_us)
        first, last = fine_index(self._min_us), fine_index(self._max_us)
        running = list(accumulate(self._counts[first : last + 1]))
        return [self._up_to(running, first, bound_us) for bound_us in bounds_us]

    def summary(self) -> TrendSummary:
        """Return the usual figures; a percentile on too few samples is None (see required_samples)."""
        wanted = (50.0, 90.0, 95.0, 99.0, 99.9)
        med, p90, p95, p99, p999 = (
            value_us if self._count >= required_samples(percent) else None
            for percent, value_us in zip(wanted, self.percentiles(wanted), strict=True)
        )
        return TrendSummary(self.count, self.min, self.mean_us, med, p90, p95, p99, p999, self.max)

    def distribution(self) -> dict[int, int]:
        """Return how many samples lie in each coarse bucket (histogram_buckets.coarse_bounds), in rising order."""
        self.fold(self.take())
        buckets: Counter[int] = Counter()
        if self._count and self._counts is not None:
            first, last = fine_index(self._min_us), fine_index(self._max_us)
            for index, count in enumerate(self._counts[first : last + 1], first):
                if count:
                    buckets[coarse_index(fine_high(index))] += count
        return dict(buckets)

    def encode(self) -> bytes:
        """Return the trend as bytes, a few kB at most: an exact header, then HdrHistogram's V2 compressed form."""
        self.fold(self.take())
        return self.encode_folded()

    def encode_folded(self) -> bytes:
        """Return the same without values not folded yet: the state of an earlier moment."""
        header = HEADER.pack(self._count, self._sum_us, self._min_us, self._max_us, self._clamped, self._negative)
        return header + (self._histogram.encode() if self._histogram is not None else b"")

    @classmethod
    def decode(cls, encoded: bytes) -> "Trend":
        """Return the trend that `encode` wrote; raise ValueError for bytes that cannot be decoded.

        Check bytes from another process with `histogram_bytes.check_trend` first.
        """
        trend = cls()
        try:
            header = HEADER.unpack_from(encoded)
            if len(encoded) > HEADER.size:
                trend._adopt(HdrHistogram.decode(encoded[HEADER.size :], b64_wrap=False))
        except _BAD_PAYLOAD as error:
            raise ValueError(f"not an encoded trend: {error!r}") from error
        trend._count, trend._sum_us, trend._min_us, trend._max_us, trend._clamped, trend._negative = header
        return trend

    def _within_range(self, tally: Counter[int]) -> Counter[int]:
        kept: Counter[int] = Counter()
        for value_us, times in tally.items():
            if value_us < 0:
                self._negative += times
            else:
                self._clamped += times if value_us > MAX_US else 0
                kept[min(value_us, MAX_US)] += times
        return kept

    def _record(self, tally: Counter[int]) -> None:
        histogram = self._own_histogram()
        counts = self._counts
        assert counts is not None  # for mypy: _own_histogram has just set it
        for value_us, times in tally.items():
            octave = value_us.bit_length() - FINE_SHIFT  # fine_index, inlined: a call would cost half as much again
            counts[value_us if octave <= 0 else (octave << FINE_SHIFT - 1) + (value_us >> octave)] += times
            self._sum_us += value_us * times
        times_all = tally.total()
        self._count += times_all
        lowest_us, highest_us = min(tally), max(tally)
        self._min_us = min(self._min_us, lowest_us)
        self._max_us = max(self._max_us, highest_us)
        # HdrHistogram keeps its own totals, and encodes only up to its maximum
        histogram.total_count += times_all
        histogram.min_value, histogram.max_value = self._min_us, self._max_us

    def _own_histogram(self) -> HdrHistogram:
        if self._histogram is None:
            self._adopt(HdrHistogram(1, MAX_US, DIGITS, b64_wrap=False))
        return self._histogram

    def _adopt(self, histogram: HdrHistogram) -> None:
        self._histogram = histogram
        histogram.encoder.b64_wrap = False  # HdrHistogram.decode forgets it: it would encode to base64 from then on
        self._counts = memoryview(histogram.counts).cast("B").cast("Q")  # twice as fast as going through ctypes

    def _value_at(self, running: list[int], first: int, percent: float) -> int:
        rank = max(1, math.ceil(round(percent * self._count / 100, 6)))
        value_us = fine_high(first + bisect_left(running, rank))
        return min(max(value_us, self._min_us), self._max_us)

    def _up_to(self, running: list[int], first: int, bound_us: int) -> int:
        if bound_us >= self._max_us:
            return self._count
        index = fine_index(bound_us)
        if fine_high(index) > bound_us:
            index -= 1  # values in the bound's own bucket are reported as that bucket's highest value
        return running[index - first] if index >= first else 0
