"""Concurrent sessions: chats that are opened and left open, almost silent."""

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.timetables import ConcurrentPace, seconds_of


class ConcurrentUser(FleetUser):
    """A session held for KEEP_ALIVE_MS (0: until the run ends) with a ping message every 30 s; 1 s pause; repeat."""

    scenario = "concurrent"
    options = BEHAVIOUR_OPTIONS["concurrent"]
    thresholds = BEHAVIOUR_THRESHOLDS["concurrent"]

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return whether sessions are held without end."""
        return "" if options.extra["keep_alive_ms"] else "whose sessions KEEP_ALIVE_MS 0 holds to the end of the run"

    def journey(self) -> None:
        """Hold one session."""
        pace = self._pace()
        with self.session() as session:
            self.send_at(session, pace.dues(session.joined_s))
            self.hold(session, session.joined_s + pace.keep_alive_s)

    def pause_s(self) -> float:
        """Return 1 s."""
        return self._pace().pause_s

    def _pace(self) -> ConcurrentPace:
        return ConcurrentPace(seconds_of(self.option("keep_alive_ms"))).scaled(self.current_run.options.time_scale)
