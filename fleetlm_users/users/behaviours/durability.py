"""Durability: write at a steady rate, return to the same session after the server was gone, and go on writing.

The audit (users/audit) says which acknowledged messages are stored; this module does not know who stops the server.
"""

import time
from typing import Final

from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.skewed_user import SkewedUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options

RESUME_PAUSE_S: Final = 0.25
"""Seconds between two attempts to return. A server that is gone refuses at once, which costs it nothing."""


class DurabilityUser(SkewedUser):
    """One session for the whole run, a message every SEND_INTERVAL whatever the replies do.

    When the connection breaks, the user connects again and joins the same session until it succeeds. Messages due
    meanwhile are counted as `messages_not_sent`, not sent late.
    """

    scenario = "durability"
    options = BEHAVIOUR_OPTIONS["durability"]
    thresholds = BEHAVIOUR_THRESHOLDS["durability"]

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session is part of the whole run."""
        del options
        return "whose sessions live through the crash of the server"

    def journey(self) -> None:
        """Live one session to the end of the run, across every break of its connection."""
        interval_s = self.option("send_interval") / MS_PER_S * self.current_run.options.time_scale
        with self.session() as session:
            while not self.ending:
                try:
                    self.send_lasting(session, lambda from_s: self.steady_dues(interval_s, from_s))
                except Disconnected:
                    self._come_back(session)

    def _come_back(self, session: UserSession) -> None:
        """Join the session again, in as many attempts as it takes, whatever the rate of the run."""
        broke_s = time.perf_counter()
        while not self._is_back(session):
            if not self.wait_out(time.perf_counter() + RESUME_PAUSE_S):
                self.count("sessions_not_resumed")
                break
        else:
            self.count("sessions_resumed")
            self.record("outage_ms", broke_s, session.joined_s)

    def _is_back(self, session: UserSession) -> bool:
        try:
            session.resume()
        except ClientError as problem:
            self.count("resumes_failed", label=problem.kind)
            return False
        return True
