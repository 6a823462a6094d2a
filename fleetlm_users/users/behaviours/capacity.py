"""Capacity search: the user that is added step by step, with one held session and a message now and then."""

import math
import time

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.capacity import JOIN_RATE, message_interval_s
from fleetlm_users.workload.timetables import ArrivalPace


class CapacityUser(FleetUser):
    """One session until the user is removed, with a message every MESSAGE_INTERVAL; then it is left and deleted.

    It is deleted so that a step down leaves the server with exactly the sessions of that step.
    """

    scenario = "capacity"
    options = BEHAVIOUR_OPTIONS["capacity"]
    thresholds = BEHAVIOUR_THRESHOLDS["capacity"]

    def begins_s(self) -> float:
        """Return the planned moment in the first step, in later ones a moment in the second of its spawning."""
        if self.vu <= self.current_run.options.plan.total_users:
            return super().begins_s()
        rate = float(self.option(JOIN_RATE.name))
        return time.perf_counter() + self.vu % max(1, math.floor(rate)) / rate  # as many as dispatch.py adds at once

    def journey(self) -> None:
        """Hold one session; when it breaks, another journey follows."""
        pace = ArrivalPace(message_interval_s(self.current_run.options)).scaled(self.current_run.options.time_scale)
        with self.session(delete=True) as session:
            self.send_at(session, pace.dues(session.joined_s, math.inf, self.rng))
