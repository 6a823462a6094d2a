"""The contents of a window that slides over a run second by second: added at the front, removed at the back. Pure.

A second costs its own buckets and a search through two levels of sums, whatever the length of the window.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

from fleetlm_users.measure.histogram_buckets import MAX_US, fine_high, fine_index, fine_low
from fleetlm_users.measure.timeline.windowed import FineSpread, Windowed

_BLOCK: Final = 256
_BLOCKS: Final = fine_index(MAX_US) // _BLOCK + 1


class SlidingSpread:
    """The durations in a window: their number, mean, and percentiles to 0.1 %."""

    def __init__(self) -> None:
        self.count = 0
        self._sum_us = 0
        self._buckets = [0] * (_BLOCK * _BLOCKS)
        self._blocks = [0] * _BLOCKS

    def add(self, spread: FineSpread, sign: int = 1) -> None:
        """Add the durations of a second, or remove them with the sign −1."""
        self._sum_us += sign * spread.sum_us
        for index, times in spread.buckets.items():
            self._buckets[index] += sign * times
            self._blocks[index // _BLOCK] += sign * times
            self.count += sign * times

    @property
    def mean_us(self) -> float:
        """The exact mean; there must be durations."""
        return self._sum_us / self.count

    def bounds_us(self, percent: float) -> tuple[int, int]:
        """Return the values between which a percentile lies (0 the lowest, 100 the highest); there must be
        durations.
        """
        rank = max(1, math.ceil(round(percent * self.count / 100, 6)))
        block = before = 0
        while before + self._blocks[block] < rank:
            before += self._blocks[block]
            block += 1
        index = block * _BLOCK
        while before + self._buckets[index] < rank:
            before += self._buckets[index]
            index += 1
        return fine_low(index), fine_high(index)


class SlidingWindow:
    """The newest `length_s` seconds of some metrics: trends by name, and the sums of counters."""

    def __init__(self, length_s: int, trends: Iterable[str], counters: Iterable[str]) -> None:
        self.length_s = length_s
        self.trends = {metric: SlidingSpread() for metric in trends}
        self.counts = dict.fromkeys(counters, 0)
        self._seconds: deque[Windowed] = deque()

    @property
    def is_full(self) -> bool:
        """Whether it has its full length."""
        return len(self._seconds) == self.length_s

    def push(self, second: Windowed) -> None:
        """Move on by a second."""
        self._add(second, 1)
        self._seconds.append(second)
        if len(self._seconds) > self.length_s:
            self._add(self._seconds.popleft(), -1)

    def _add(self, second: Windowed, sign: int) -> None:
        for metric, sliding in self.trends.items():
            if metric in second.trends:
                sliding.add(second.trends[metric], sign)
        for metric in self.counts:
            self.counts[metric] += sign * second.counts.get(metric, 0)
