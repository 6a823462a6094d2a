"""Bounds for what Locust remembers of a run: requests by second, and the points of its charts.

Locust keeps a number per second and request for ever, of which it reads the last twelve (`current_rps`), and a point of
1 KB every five seconds (`stats_history`): together 2 MB an hour on a master. On workers each report starts them again.
"""

from datetime import datetime
from typing import Any, Final

from locust.stats import RequestStats

from fleetlm_users.swarm.locust_internals import drop_old_seconds

SECONDS_KEPT: Final = 60
POINTS_KEPT: Final = 360
POINTS_WHOLE: Final = 60
"""The newest five minutes stay as they are; older points are spread evenly over the run."""


def bound_history(stats: RequestStats) -> None:
    """Forget what is old. Call it now and then while a run goes on."""
    for entry in (stats.total, *stats.entries.values()):
        drop_old_seconds(entry, SECONDS_KEPT)
    thin(stats.history)


def thin(points: list[dict[str, Any]]) -> None:
    """Remove older points where they are closest, if there are too many."""
    if len(points) <= POINTS_KEPT:
        return
    first_s, last_s = _moment_s(points[0]), _moment_s(points[-1])
    gap_s = (last_s - first_s) / (POINTS_KEPT - 2 * POINTS_WHOLE)
    spread = points[:1]
    for point in points[1:-POINTS_WHOLE]:
        if _moment_s(point) - _moment_s(spread[-1]) >= gap_s:
            spread.append(point)
    points[:-POINTS_WHOLE] = spread


def _moment_s(point: dict[str, Any]) -> float:
    return datetime.fromisoformat(point["time"]).timestamp()
