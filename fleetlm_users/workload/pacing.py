"""When to send: generators of absolute due moments, and the slots of a closed loop. Pure.

Moments are seconds of the caller's monotonic clock. In an open model (the generators) a due moment never depends on
when earlier messages went out or were answered: a slow answer moves no later send (no coordinated omission), and
lateness is measured against the timetable.

A closed loop (Window) keeps at most a fixed number of messages in flight, the next one due the moment a slot becomes
free. It measures what a server can do, not what people feel: a slow answer delays the next message, so slow moments are
sampled less (coordinated omission). Compare latencies of such a run only with those of another closed run.
"""

import math
import operator
import random
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, takewhile


def fixed(start_s: float, interval_s: float, *, at_start: bool = False) -> Iterator[float]:
    """Return start + interval, start + 2 × interval, …; with `at_start` the first due is the start itself.

    The first due is one interval after the start, because the start is the moment of the join: users that join
    together would otherwise send together with the join storm. Each due is a product, never a sum of rounded steps.
    Raises ValueError unless the interval is finite and positive.
    """
    _check(interval_s > 0, interval_s)
    return (start_s + k * interval_s for k in count(0 if at_start else 1))


def uniform(
    start_s: float, low_s: float, high_s: float, rng: random.Random, *, at_start: bool = False
) -> Iterator[float]:
    """Return dues whose gaps are drawn evenly between low and high.

    Raises ValueError unless 0 ≤ low ≤ high and high is finite and positive.
    """
    _check(0 <= low_s <= high_s and high_s > 0, low_s, high_s)
    return _drawn(start_s, lambda: rng.uniform(low_s, high_s), at_start)


def poisson(start_s: float, rate_per_s: float, rng: random.Random, *, at_start: bool = False) -> Iterator[float]:
    """Return the arrivals of a Poisson process: gaps drawn exponentially with mean 1 / rate (an open model).

    Raises ValueError unless the rate is finite and positive.
    """
    _check(rate_per_s > 0, rate_per_s)
    return _drawn(start_s, lambda: rng.expovariate(rate_per_s), at_start)


def until(dues: Iterator[float], end_s: float) -> Iterator[float]:
    """Return the dues before the end."""
    return takewhile(partial(operator.gt, end_s), dues)


def _drawn(start_s: float, gap_s: Callable[[], float], at_start: bool) -> Iterator[float]:
    if at_start:
        yield start_s
    # the sum starts at 0, not at the start: clock readings are large and would cost it digits
    elapsed_s = 0.0
    while True:
        elapsed_s += gap_s()
        yield start_s + elapsed_s


def _check(in_range: bool, *values: float) -> None:
    if not in_range or not all(math.isfinite(value) for value in values):
        raise ValueError(f"not a pace: {values}")


class LastingDues:
    """The due moments of one user across all of its sessions; those without a session are left out, not sent late."""

    __slots__ = ("_dues", "_next_s")

    def __init__(self, dues: Iterator[float]) -> None:
        self._dues = dues
        self._next_s = next(dues, math.inf)

    def __repr__(self) -> str:
        return f"<LastingDues next {self._next_s}>"

    def upcoming(self) -> Iterator[float]:
        """Yield the moments due from now on; one at which nothing could be sent stays the next."""
        while self._next_s < math.inf:
            yield self._next_s
            self._next_s = next(self._dues, math.inf)

    def leave_out(self, is_over: Callable[[float], bool]) -> int:
        """Skip the moments that have passed; return how many there were."""
        left_out = 0
        while self._next_s < math.inf and is_over(self._next_s):
            left_out += 1
            self._next_s = next(self._dues, math.inf)
        return left_out


class Window:
    """`depth` slots, all free from `start_s` on. Raises ValueError for a depth below 1."""

    __slots__ = ("_depth", "_free", "_reopened")

    def __init__(self, depth: int, start_s: float) -> None:
        if depth < 1:
            raise ValueError(f"not a depth: {depth!r}")
        self._depth = depth
        self._free = deque([start_s] * depth)
        self._reopened: set[str] = set()

    def __repr__(self) -> str:
        return f"<Window {self._depth - len(self._free)} of {self._depth} taken>"

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    def take(self) -> float:
        """Take the slot that has been free the longest; return since when, which is when its message is due."""
        return self._free.popleft()

    def ended(self, client_ref: str, moment_s: float) -> None:
        """Free the slot of a message whose fate is known."""
        if client_ref in self._reopened:
            self._reopened.remove(client_ref)
        else:
            self._free.append(moment_s)

    def reopened(self, client_ref: str) -> None:
        """Take back the presumed fate of a message; its slot is already free, so its next fate frees none."""
        self._reopened.add(client_ref)
