"""Sets the times in Locust's own reports right, by which its table and charts tell requests per second.

A worker stamps each with its wall clock, and the master adds them up second by second as if there were only one clock
(stats.py: StatsEntry.extend). With a clock that is minutes off, the rate of the whole run would be a fraction of what
it was. Our own figures know no wall clock.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from fleetlm_users.swarm.cluster.messages import STAMP

TOLERATED_S = 2
"""Below this a difference may be the way of the report, and Locust's windows of ten seconds do not mind it."""

COUNTS = ("num_reqs_per_sec", "num_fail_per_sec")
MOMENTS = ("start_time", "last_request_timestamp")


class ClockSkew:
    """On the master: how far each worker's clock is behind its own, by the report that was the quickest on its way."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._behind_s: dict[str, float] = {}

    def set_right(self, client_id: str, data: Mapping[str, Any]) -> None:
        """Moves all times in a report to the master's clock. To be called before Locust takes it."""
        stamp = data.get(STAMP)
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
