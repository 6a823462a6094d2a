"""Somebody who holds a session for a set time and writes on a timetable: the common part of long-lived and burst.

Somebody who keeps a chat open and writes now and then.

Somebody who writes without pause.

Somebody who comes, asks a few questions and is gone, the session with them.
"""

import time
from typing import ClassVar

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.timetables import BurstPace, ChurnPace, LongLivedPace


class TimetabledUser(FleetUser):
    """Session, messages when `pace` says so, leave after its `session_s`, pause for its `pause_s`, again."""

    abstract = True
    pace: ClassVar[LongLivedPace | BurstPace]

    def journey(self) -> None:
        """One session of `pace.session_s` seconds."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(session.joined_s + pace.session_s)

    def pause_s(self) -> float:
        """The timetable's pause."""
        return self.pace.pause_s * self.current_run.options.time_scale


class LongLivedUser(TimetabledUser):
    """Session, a message every 20–40 s, leave after 120 s, 1 s pause, again."""

    scenario = "long_lived"
    pace = LongLivedPace()


class BurstUser(TimetabledUser):
    """Session, a message every 100–500 ms (drawn once per session), 60 s, 2 s pause, again."""

    scenario = "burst"
    pace = BurstPace()


class ChurnUser(FleetUser):
    """Session, 2–4 messages, 2 s, leave, DELETE session, 3–8 s pause, again."""

    scenario = "churn"
    pace: ClassVar[ChurnPace] = ChurnPace()

    def journey(self) -> None:
        """One short session, deleted at its end."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(time.perf_counter() + pace.hold_s)
        session.delete()
        self.count("session_churn_total")

    def pause_s(self) -> float:
        """3–8 s, drawn."""
        return self.pace.scaled(self.current_run.options.time_scale).pause_s(self.rng)
