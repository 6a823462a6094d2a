"""Somebody of whom a capacity search wants ever more: a session that is held, a message now and then."""

import math
import time

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.options.capacity import CAPACITY_OPTIONS, JOIN_RATE, message_interval_s
from fleetlm_users.workload.timetables import ArrivalPace


class CapacityUser(FleetUser):
    """One session until the user is taken away, a message every MESSAGE_INTERVAL; then it leaves and deletes it.

    Deleted, so that a step down leaves the server with as many sessions as it asks for.
    """

    scenario = "capacity"
    options = CAPACITY_OPTIONS

    def begins_s(self) -> float:
        """As planned in the first step; in later ones at its own part of the second whose users Locust adds at once."""
        if self.vu <= self.current_run.options.plan.total_users:
            return super().begins_s()
        rate = float(self.option(JOIN_RATE.name))
        return time.perf_counter() + self.vu % max(1, math.floor(rate)) / rate  # as many as dispatch.py adds at once

    def journey(self) -> None:
        """One held session; one that breaks is followed by another."""
        pace = ArrivalPace(message_interval_s(self.current_run.options)).scaled(self.current_run.options.time_scale)
        with self.session(delete=True) as session:
            self.send_at(session, pace.dues(session.joined_s, math.inf, self.rng))
