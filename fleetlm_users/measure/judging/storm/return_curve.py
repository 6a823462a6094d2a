"""When the sessions that were cut were back: the share of all of them over the time since the cut. Pure."""

import math
from typing import Final

import msgspec

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.units import US_PER_S

SHARES: Final = (0.5, 0.95, 0.99, 1.0)
"""The shares whose times are reported."""


class ReturnCurve(msgspec.Struct, frozen=True):
    """The return of sessions: of `cut` sessions, `back` came back.

    Attributes:
        cut: Sessions that lost their connection in a cut.
        back: Those of them that were joined again.
        times_s: The seconds until each of SHARES was back; None for a share that never was.
        points: Rising seconds since the cut, each with the share of all cut sessions that was back by then.
    """

    cut: int
    back: int
    times_s: tuple[float | None, ...]
    points: tuple[tuple[float, float], ...]


def return_curve(cut: int, reconnects: Trend) -> ReturnCurve:
    """Return the curve of `cut` sessions; `reconnects` are the times of those that came back.

    A session that never came back counts as slower than all others: shares are of all cut sessions.
    """
    back = reconnects.count
    cut = max(cut, back)
    points, so_far = [(0.0, 0.0)] if back else [], 0
    for index, n in reconnects.distribution().items():
        so_far += n
        points.append(((coarse_bounds(index)[1] + 1) / US_PER_S, so_far / cut))
    return ReturnCurve(cut, back, tuple(_time_s(share, cut, reconnects) for share in SHARES), tuple(points))


def _time_s(share: float, cut: int, reconnects: Trend) -> float | None:
    """Return the time of the session that completes the share, by nearest rank; None if that one is not back."""
    rank = max(1, math.ceil(round(share * cut, 6)))
    if rank > reconnects.count:
        return None
    value_us = (
        reconnects.max if rank == reconnects.count else reconnects.percentile((rank - 0.5) / reconnects.count * 100)
    )
    return None if value_us is None else value_us / US_PER_S
