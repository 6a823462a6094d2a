"""Somebody who writes without pause."""

from typing import ClassVar

from fleetlm_users.users.base import FleetUser
from fleetlm_users.workload.behaviours import BurstPace


class BurstUser(FleetUser):
    """Session, a message every 100–500 ms (drawn once per session), 60 s, 2 s pause, again."""

    scenario = "burst"
    pace: ClassVar[BurstPace] = BurstPace()

    def journey(self) -> None:
        """One session of 60 s."""
        pace = self.pace.scaled(self.fleet.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(session.joined_s + pace.session_s)

    def pause_s(self) -> float:
        """2 s."""
        return self.pace.pause_s * self.fleet.options.time_scale
