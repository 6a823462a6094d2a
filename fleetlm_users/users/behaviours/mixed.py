"""Somebody who holds a session for a set time and writes on a timetable: the common part of long-lived and burst."""

from typing import ClassVar

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.timetables import BurstPace, LongLivedPace


class TimetabledUser(FleetUser):
    """Session, messages when `pace` says so, leave after its `session_s`, pause for its `pause_s`, again."""

    abstract = True
    pace: ClassVar[LongLivedPace | BurstPace]

    def journey(self) -> None:
        """One session of `pace.session_s` seconds."""
        pace = self.pace.scaled(self.fleet.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(session.joined_s + pace.session_s)

    def pause_s(self) -> float:
        """The timetable's pause."""
        return self.pace.pause_s * self.fleet.options.time_scale
