"""Correct workers' wall clocks in Locust's own reports, from which its table and charts take requests per second.

A worker stamps each report with its wall clock, and the master adds them up second by second as if there were only one
clock (`StatsEntry.extend`). With a clock that is minutes off, the rate of the whole run would be a fraction of the true
one. Our own figures use no wall clock.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from fleetlm_users.swarm.cluster.messages import ReportExtras

TOLERATED_S = 2
"""Smaller differences may be a report's travel time, and do no harm in Locust's windows of ten seconds."""

COUNTS = ("num_reqs_per_sec", "num_fail_per_sec")
MOMENTS = ("start_time", "last_request_timestamp")


class ClockSkew:
    """How far each worker's clock is behind the master's, judged by the fastest report."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._behind_s: dict[str, float] = {}

    def correct(self, client_id: str, data: Mapping[str, Any]) -> None:
        """Move all times in a report to the master's clock. Call it before Locust takes the report."""
        stamp = ReportExtras.of(data).wall_clock_s
        if stamp is None:
            return
        behind_s = self._now() - stamp
        self._behind_s[client_id] = behind_s = min(behind_s, self._behind_s.get(client_id, behind_s))
        if abs(behind_s) >= TOLERATED_S:
            for entry in (*data["stats"], data["stats_total"]):
                _move(entry, round(behind_s))


def _move(entry: dict[str, Any], by_s: int) -> None:
    for name in COUNTS:
        entry[name] = {second + by_s: count for second, count in entry[name].items()}
    for name in MOMENTS:
        if entry[name]:
            entry[name] += by_s
