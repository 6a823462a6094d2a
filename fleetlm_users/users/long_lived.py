"""Somebody who keeps a chat open and writes now and then."""

from typing import ClassVar

from fleetlm_users.users.base import FleetUser
from fleetlm_users.workload.behaviours import LongLivedPace


class LongLivedUser(FleetUser):
    """Session, a message every 20–40 s, leave after 120 s, 1 s pause, again."""

    scenario = "long_lived"
    pace: ClassVar[LongLivedPace] = LongLivedPace()

    def journey(self) -> None:
        """One session of 120 s."""
        pace = self.pace.scaled(self.fleet.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(session.joined_s + pace.session_s)

    def pause_s(self) -> float:
        """1 s."""
        return self.pace.pause_s * self.fleet.options.time_scale
