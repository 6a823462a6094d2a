"""Keeps what Locust remembers of a run's past bounded: requests by second, and the points of its charts.

Locust keeps a number per second and request for ever, of which it reads the last twelve (stats.py: current_rps), and a
point of 1 KB each five seconds (stats.py: stats_history): together 2 MB an hour on a master. On workers each report
begins them again.
"""

from datetime import datetime
from typing import Any, Final

from locust.stats import RequestStats

from fleetlm_users.swarm.locust_internals import drop_old_seconds

SECONDS_KEPT: Final = 60
POINTS_KEPT: Final = 360
POINTS_WHOLE: Final = 60
"""The newest five minutes stay as they are; what is older is spread evenly over the run."""


def bound_history(stats: RequestStats) -> None:
    """Forgets what is old; to be called now and then while a run goes on."""
    for entry in (stats.total, *stats.entries.values()):
        drop_old_seconds(entry, SECONDS_KEPT)
    thin(stats.history)


def thin(points: list[dict[str, Any]]) -> None:
    """Takes older points out where they are closest, when there are too many."""
    if len(points) <= POINTS_KEPT:
        return
    first_s, last_s = _moment_s(points[0]), _moment_s(points[-1])
    gap_s = (last_s - first_s) / (POINTS_KEPT - 2 * POINTS_WHOLE)
    kept = points[:1]
    for point in points[1:-POINTS_WHOLE]:
        if _moment_s(point) - _moment_s(kept[-1]) >= gap_s:
            kept.append(point)
    points[:-POINTS_WHOLE] = kept


def _moment_s(point: dict[str, Any]) -> float:
    return datetime.fromisoformat(point["time"]).timestamp()
