"""Somebody of whom a capacity search wants ever more: a session that is held, a message now and then."""

import math

from fleetlm_users.users.base import FleetUser
from fleetlm_users.workload.benchmark_paces import ArrivalPace
from fleetlm_users.workload.capacity_options import CAPACITY_OPTIONS, message_interval_s


class CapacityUser(FleetUser):
    """One session until the user is taken away, a message every MESSAGE_INTERVAL; then it leaves and deletes it.

    Deleted, so that a step down leaves the server with as many sessions as it asks for.
    """

    scenario = "capacity"
    options = CAPACITY_OPTIONS

    def journey(self) -> None:
        """One held session; one that breaks is followed by another."""
        pace = ArrivalPace(message_interval_s(self.fleet.options)).scaled(self.fleet.options.time_scale)
        with self.session(delete=True) as session:
            self.send_at(session, pace.dues(session.joined_s, math.inf, self.rng))
