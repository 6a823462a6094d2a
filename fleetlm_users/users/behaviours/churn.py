"""Somebody who comes, asks a few questions and is gone, the session with them."""

import time
from typing import ClassVar

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.timetables import ChurnPace


class ChurnUser(FleetUser):
    """Session, 2–4 messages, 2 s, leave, DELETE session, 3–8 s pause, again."""

    scenario = "churn"
    pace: ClassVar[ChurnPace] = ChurnPace()

    def journey(self) -> None:
        """One short session, deleted at its end."""
        pace = self.pace.scaled(self.fleet.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(time.perf_counter() + pace.hold_s)
        session.delete()
        self.count("session_churn_total")

    def pause_s(self) -> float:
        """3–8 s, drawn."""
        return self.pace.scaled(self.fleet.options.time_scale).pause_s(self.rng)
