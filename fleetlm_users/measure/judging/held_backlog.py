"""Did the server keep up with a load that was held for a few seconds? From its backlog and the arrivals of each second.

A step of a search is short, and the load just before it was different. Each of three signs shows that the server did
not keep up:

1. The backlog grows by the trend test of backlog_growth.py, which needs 20 seconds.
2. In a hold too short for that: the mean step of the backlog from one second to the next is above 0 by Student's t-test
   at about 0.5 %, one-sided, and above 1 % of the arrivals.
3. The backlog rose by more than the server finishes in `BEHIND_S`, whatever the noise. A queue near its limit wanders
   for minutes, so no test of a short series detects it; its rise says more.

Each is a difference: a server whose answers take long has a large backlog and keeps up all the same (Little's law).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final

import msgspec

from fleetlm_users.measure.judging.backlog_growth import growth

BEHIND_S: Final = 1.0
"""How far behind counts: in a hold of 30 s, a server 3.3 % too slow falls behind by this much; one at 95 % of its rate
hardly ever does.
"""

WANDERING: Final = 6.0
"""The factor of √(messages per second) below which a rise is no sign: at a low rate, a queue below its limit wanders
that far.
"""

MIN_SHARE: Final = 0.01
MIN_STEPS: Final = 4
SMOOTHED_S: Final = 9
"""From this many seconds on, thirds are compared and not moments: regular flushes make the backlog a saw tooth."""


class HeldBacklog(msgspec.Struct, frozen=True):
    """A backlog during a hold: whether the server fell behind, by how much, and how much was waiting at the end.

    `per_s` is the growth and `arrivals_per_s` the load in messages per second; `waiting_s` is the backlog in seconds of
    the server's own rate of finishing, None if it finished nothing.
    """

    is_behind: bool
    per_s: float
    arrivals_per_s: float
    waiting: int
    waiting_s: float | None


def held_backlog(before: float, backlog: Sequence[float], arrivals: Sequence[float]) -> HeldBacklog:
    """Judge a hold: the backlog `before` it, at the end of each of its seconds, and the arrivals in each.

    Raises ValueError unless the series have the same length.
    """
    levels = [before, *backlog]
    steps = [later - first for first, later in pairwise(levels)]
    if len(steps) != len(arrivals):
        raise ValueError(f"{len(backlog)} seconds of backlog, {len(arrivals)} of arrivals")
    rate_per_s = fmean(arrivals) if arrivals else 0.0
    if rate_per_s <= 0:
        return HeldBacklog(False, 0.0, 0.0, round(levels[-1]), None if levels[-1] else 0.0)
    rise = _rise(levels)
    finished_per_s = max(0.0, rate_per_s - fmean(steps))
    bound = max(BEHIND_S * finished_per_s, WANDERING * math.sqrt(rate_per_s))
    trend = growth(list(backlog), list(arrivals))
    is_trend = trend.is_growing if trend is not None else _is_rising(steps, rate_per_s)
    return HeldBacklog(
        is_behind=is_trend or rise > bound,
        per_s=trend.per_s if trend is not None and trend.is_growing else rise / len(steps),
        arrivals_per_s=rate_per_s,
        waiting=round(levels[-1]),
        waiting_s=levels[-1] / finished_per_s if finished_per_s > 0 else None,
    )


def _rise(levels: Sequence[float]) -> float:
    """Return how much higher the backlog was at the end."""
    if len(levels) <= SMOOTHED_S:
        return levels[-1] - levels[0]
    third = len(levels) // 3
    # the middles of the outer thirds are two thirds of the hold apart
    return (fmean(levels[-third:]) - fmean(levels[:third])) * (len(levels) - 1) / (len(levels) - third)


def _is_rising(steps: Sequence[float], rate_per_s: float) -> bool:
    if len(steps) < MIN_STEPS:
        return False
    mean, spread = fmean(steps), stdev(steps)
    degrees = len(steps) - 1
    # Student's 99.5 % quantile: 5.8 at 3 degrees of freedom, 3.1 at 11, 2.9 at 18
    quantile = 2.576 + 9 / degrees
    return mean > MIN_SHARE * rate_per_s and mean * math.sqrt(len(steps)) > quantile * spread
