"""Mixed workload, open loop: people who keep a chat open, people who write without pause, people who come and go."""

import time
from typing import ClassVar

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.timetables import BurstPace, ChurnPace, LongLivedPace


class TimetabledUser(FleetUser):
    """A session of `pace.session_s` with messages at the due moments of `pace`, then `pace.pause_s`, repeat."""

    abstract = True
    pace: ClassVar[LongLivedPace | BurstPace]

    def journey(self) -> None:
        """Live one session of `pace.session_s` seconds."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(session.joined_s + pace.session_s, since_s=session.joined_s)

    def pause_s(self) -> float:
        """Return the pause of `pace`."""
        return self.pace.pause_s * self.current_run.options.time_scale


class LongLivedUser(TimetabledUser):
    """Keeps a chat open: a session of 120 s with a message every 20–40 s, 1 s pause, repeat."""

    scenario = "long_lived"
    thresholds = BEHAVIOUR_THRESHOLDS["long_lived"]
    pace = LongLivedPace()


class BurstUser(TimetabledUser):
    """Writes without pause: a session of 60 s with a message every 100–500 ms (drawn once per session), 2 s pause."""

    scenario = "burst"
    thresholds = BEHAVIOUR_THRESHOLDS["burst"]
    pace = BurstPace()


class ChurnUser(FleetUser):
    """Comes and goes: a session with 2–4 messages, held for 2 s more, left and deleted, 3–8 s pause, repeat."""

    scenario = "churn"
    thresholds = BEHAVIOUR_THRESHOLDS["churn"]
    pace: ClassVar[ChurnPace] = ChurnPace()

    def journey(self) -> None:
        """Live one short session, deleted at its end."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.wait_until(time.perf_counter() + pace.hold_s)
        session.delete()
        self.count("session_churn_total")

    def pause_s(self) -> float:
        """Return 3–8 s, drawn."""
        return self.pace.scaled(self.current_run.options.time_scale).pause_s(self.rng)
