"""How far a queue was behind when sending stopped, in seconds, however short the run was. Pure.

By Little's law (Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961) a backlog divided by the
rate of finishing is the time that its messages spend in the server. A slow agent accounts for part of that time without
any queue; the rest is how far the server is behind. Two signs tell a queue from slow answers:

1. **The backlog is larger than the latency of the finished messages explains.** While a queue grows, the waiting
   messages will take longer than the finished ones did. In a stationary system both are the same, whatever the
   distribution.
2. **The shortest latencies have risen.** Each message of a queue waits behind all before it, so even the fastest
   twentieth of them is late by the queue. Answers that take long independently of each other always have fast ones
   among them, and those that all take the same time have taken it from the first one on.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.units import US_PER_S

WINDOW_SHARE: Final = 4
"""The end of a run is its last quarter: a tenth would be too short for bursts, a half would hide recent growth."""
WINDOW_S: Final = (2, 10)
"""The least and the most seconds of the end: a single second proves little, and a quarter of an hour is not the end of
an hour.
"""
FEW: Final = 20
"""The fewest samples that have a fastest twentieth."""
FASTEST: Final = 0.05
CHANCE: Final = 2.0
"""In standard errors: how far two means may differ by chance."""
UNEVEN: Final = 0.25
"""How much slower than the fastest latency others may be, as a share of it: a slow agent's first answers are fast."""


class FastestLatency:
    """The lowest of the fastest twentieths of a latency in any few seconds: the latency of a message without a
    queue.
    """

    def __init__(self) -> None:
        self._gathered: Counter[int] = Counter()
        self.lowest_us: float | None = None

    def add(self, spread: Mapping[int, int]) -> None:
        """Take the coarse distribution of one second."""
        self._gathered.update(spread)
        if self._gathered.total() >= FEW:
            fastest_us = fastest_of(self._gathered)
            self.lowest_us = fastest_us if self.lowest_us is None else min(self.lowest_us, fastest_us)
            self._gathered = Counter()


def window_of(finished: Sequence[int]) -> int:
    """Return the first second of the end of a series: its last quarter, or more if few messages were finished.

    Seconds before the first answer are left out.
    """
    seconds = min(max(len(finished) // WINDOW_SHARE, WINDOW_S[0]), WINDOW_S[1])
    begins = max(0, len(finished) - seconds)
    while begins and sum(finished[begins:]) < FEW:
        begins -= 1
    first = next((second for second, count in enumerate(finished) if count), 0)
    return min(max(begins, first + 1 if first else 0), len(finished) - 1)


def behind_s(
    waiting: Sequence[float],
    finished: Sequence[int],
    spread: Mapping[int, int],
    lowest_us: float | None,
    *,
    is_filling: bool = False,
) -> float | None:
    """Return how far a queue was behind at its end, in seconds; None if too little was finished to tell.

    Args:
        waiting: The backlog at the start of the end, and after each second of it.
        finished: How much was finished in each second of the end.
        spread: The latencies of what was finished, as a coarse distribution.
        lowest_us: The fastest latency of the whole run (FastestLatency), in µs.
        is_filling: Whether slow answers may still be filling the backlog, so that its size says nothing.

    It is at most the smallest backlog, so a queue that empties between bursts is not behind.
    """
    samples = sum(spread.values())
    if samples < FEW or lowest_us is None or not sum(finished):
        return None
    mean_waiting = (sum(waiting) - (waiting[0] + waiting[-1]) / 2) / len(finished)
    takes_s = mean_waiting * len(finished) / sum(finished)
    risen_s = max(0.0, fastest_of(spread) - (1 + UNEVEN) * lowest_us) / US_PER_S
    mean_s, error_s = _mean_and_error(spread)
    by_chance_s = CHANCE * math.hypot(error_s, takes_s / math.sqrt(sum(finished)))
    growing_s = 0.0 if is_filling else max(0.0, takes_s - mean_s - by_chance_s)
    return min(takes_s * min(waiting) / mean_waiting if mean_waiting else 0.0, growing_s + risen_s)


def fastest_of(spread: Mapping[int, int]) -> float:
    """Return the latency in µs below which a twentieth of a coarse distribution lies."""
    indexes = sorted(spread)
    running = list(accumulate(spread[index] for index in indexes))
    rank = max(1, math.ceil(FASTEST * running[-1]))
    return _middle_us(next(index for index, count in zip(indexes, running, strict=True) if count >= rank))


def together(spreads: Iterable[Mapping[int, int]]) -> Counter[int]:
    """Return coarse distributions as one."""
    merged: Counter[int] = Counter()
    for spread in spreads:
        merged.update(spread)
    return merged


def _mean_and_error(spread: Mapping[int, int]) -> tuple[float, float]:
    """Return the mean of a coarse distribution and its standard error, in seconds."""
    samples = sum(spread.values())
    values = [(_middle_us(index) / US_PER_S, count) for index, count in spread.items()]
    mean_s = sum(value * count for value, count in values) / samples
    variance = sum(count * (value - mean_s) ** 2 for value, count in values) / samples
    return mean_s, math.sqrt(variance / samples)


def _middle_us(index: int) -> float:
    return sum(coarse_bounds(index)) / 2
