"""Durability: writes at a steady rate, comes back to the same session when the server was gone, and goes on writing.

The audit (users/audit) says what is stored of what was acknowledged; this module does not know who stops the server.
"""

import math
import time
from collections.abc import Iterator
from typing import Final

from locust.env import Environment

from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.timetables import SteadyPace

RESUME_PAUSE_S: Final = 0.25
"""Between two attempts to come back. A server that is gone refuses at once, which costs it nothing."""


class DurabilityUser(FleetUser):
    """One session for the whole run, a message every SEND_INTERVAL whatever the replies do.

    When the connection breaks, the user connects again and joins the same session until it succeeds. What was due
    meanwhile is counted as `messages_not_sent`, not sent late.
    """

    scenario = "durability"
    options = BEHAVIOUR_OPTIONS["durability"]
    thresholds = BEHAVIOUR_THRESHOLDS["durability"]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._dues: Iterator[float] = iter(())
        self._next_due_s = math.inf
        self._since_s = 0.0

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session is part of the whole run."""
        del options
        return "whose sessions live through the crash of the server"

    def journey(self) -> None:
        """Live one session to the end of the run, over every break of its connection."""
        with self.session() as session:
            pace = SteadyPace(self.option("send_interval") / MS_PER_S).scaled(self.current_run.options.time_scale)
            self._since_s = session.joined_s
            self._dues = iter(pace.dues(session.joined_s, math.inf))
            self._next_due_s = next(self._dues, math.inf)
            while not self.ending:
                try:
                    self.send_at(session, self._upcoming(), since_s=self._since_s)
                except Disconnected:
                    self._come_back(session)

    def _upcoming(self) -> Iterator[float]:
        """Yield the due moments; one on which nothing could be sent stays the next."""
        while self._next_due_s < math.inf:
            yield self._next_due_s
            self._next_due_s = next(self._dues, math.inf)

    def _come_back(self, session: UserSession) -> None:
        """Join the session again, as often as it takes; what was due meanwhile is counted."""
        broke_s = time.perf_counter()
        while not self._is_back(session):
            if not self.wait_until(time.perf_counter() + RESUME_PAUSE_S):
                self.count("sessions_not_resumed")
                break
        else:
            self.count("sessions_resumed")
            self.record("outage_ms", broke_s, session.joined_s)
        back_s = min(time.perf_counter(), self.current_run.ended_s or math.inf)
        while self.current_run.due_s(self._next_due_s, self._since_s) < back_s:
            self.count("messages_not_sent", label="no_session")
            self._next_due_s = next(self._dues, math.inf)

    def _is_back(self, session: UserSession) -> bool:
        try:
            session.resume()
        except ClientError as problem:
            self.count("resumes_failed", label=problem.kind)
            return False
        return True
