"""One timetable for all sessions of a scenario, and each session's uneven share of it. Pure.

Together the sessions get a message every 1 / rate seconds: the k-th is due k / rate after the start of the run. Its
session follows from k × the golden ratio modulo 1: the sessions divide the interval from 0 to 1 into parts as long as
their shares, and the message belongs to the session whose part contains the number. The multiples of the golden ratio
fill every part evenly (Knuth, The Art of Computer Programming 3, 6.4, theorem S), so after any number of messages each
session has had its share, to within a few. All of it is drawn from the seed and computed in whole numbers, so it is the
same on every process.
"""

import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final

from fleetlm_users.workload.plan import share
from fleetlm_users.workload.skew.notation import skew_of

WHOLE: Final = 1 << 64
"""The length of the interval that is divided: shares add up to exactly this."""

STEP: Final = 0x9E3779B97F4A7C15
"""WHOLE divided by the golden ratio, rounded to the nearest odd number: WHOLE messages would meet each part once."""

LONGEST_S: Final = 1e8
"""A message due later than this, three years, is never due."""

_WEIGHT_PARTS: Final = 1 << 60
"""The whole number by which the largest weight is expressed, so that all weights are whole numbers."""


class SessionShare:
    """One session's part of the interval, `size` long from `begins` on; `is_busiest` marks the busiest tenth."""

    __slots__ = ("begins", "is_busiest", "size")

    def __init__(self, begins: int, size: int, is_busiest: bool) -> None:
        self.begins = begins
        self.size = size
        self.is_busiest = is_busiest

    def __repr__(self) -> str:
        return f"SessionShare({self.size / WHOLE:.6f}{', busiest' if self.is_busiest else ''})"

    def turns(self, first: int) -> Iterator[int]:
        """Yield the numbers of this session's messages, from `first` on.

        From one of its messages to the next is one of three distances (three-distance theorem): the first that moves
        right by less than the part's size, the first that moves left by less, or their sum.
        """
        if not self.size:
            return
        turn = first
        place = (turn * STEP - self.begins) % WHOLE
        if place >= self.size:
            turn += first_between(STEP, WHOLE - place, WHOLE - place + self.size - 1)
            place = (turn * STEP - self.begins) % WHOLE
        right, left = first_between(STEP, 1, self.size - 1), first_between(WHOLE - STEP, 1, self.size - 1)
        right_by, left_by = right * STEP % WHOLE, left * (WHOLE - STEP) % WHOLE
        while True:
            yield turn
            if place + right_by < self.size:
                turn, place = turn + right, place + right_by
            elif place >= left_by:
                turn, place = turn + left, place - left_by
            else:
                turn, place = turn + right + left, place + right_by - left_by

    def dues(self, start_s: float, rate_per_s: float, from_s: float, end_s: float) -> Iterator[float]:
        """Yield when this session's messages are due, from one moment to before another.

        Args:
            start_s: When the timetable of all sessions began.
            rate_per_s: The rate of all sessions together.
            from_s: The first moment to include.
            end_s: The first moment to exclude.
        """
        first = max(0, int((from_s - start_s) * rate_per_s) - 1)
        for turn in self.turns(first):
            due_s = start_s + (turn + 1) / rate_per_s
            if due_s >= min(end_s, from_s + LONGEST_S):
                return
            if due_s > from_s:
                yield due_s


@lru_cache(maxsize=8)
def parts_of(skew: str, seed: int, scenario: str, sessions: int) -> tuple[SessionShare, ...]:
    """Return each session's part, by its number from 0; the seed decides which ones are busy.

    The sizes add up to WHOLE. Raise ValueError for no sessions.
    """
    if sessions < 1:
        raise ValueError(f"no sessions: {sessions}")
    weigh = skew_of(skew).weight
    weights = {str(rank): max(1, round(weigh(rank) * _WEIGHT_PARTS)) for rank in range(1, sessions + 1)}
    sizes = list(share(WHOLE, weights).values())
    ranks = list(range(sessions))
    random.Random(f"{seed}:skew:{scenario}").shuffle(ranks)
    own = [sizes[rank] for rank in ranks]
    begins = (0, *accumulate(own))
    busiest = busiest_of(sessions)
    return tuple(SessionShare(begins[n], size, ranks[n] < busiest) for n, size in enumerate(own))


def busiest_of(sessions: int) -> int:
    """Return how many sessions the busiest tenth has: at least one."""
    return -(-sessions // 10)


def first_between(step: int, low: int, high: int, whole: int = WHOLE) -> int:
    """Return the smallest number above 0 whose product with `step`, modulo `whole`, is from `low` to `high`.

    Return `whole` if there is none. Uses Euclid's algorithm on `step` and `whole`.
    """
    times = _first(step, low, high, whole) if low <= high else None
    return whole if times is None else times


def _first(step: int, low: int, high: int, whole: int) -> int | None:
    if low == 0:
        return 0
    if step == 0:
        return None
    if 2 * step > whole:
        return _first(whole - step, whole - high, whole - low, whole)
    times = -(-low // step)
    if times * step <= high:
        return times
    rounds = _first(-whole % step, low % step, high % step, step)
    return None if rounds is None else -(-(low + whole * rounds) // step)
