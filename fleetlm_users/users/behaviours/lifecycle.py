"""Session lifecycle: create, connect, join, ask and await, leave, delete, as fast as it goes."""

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options


class LifecycleUser(FleetUser):
    """ITERATIONS times: create, connect, join, ask and await MESSAGES_PER_SESSION times, leave, delete."""

    scenario = "lifecycle"
    options = BEHAVIOUR_OPTIONS["lifecycle"]
    thresholds = BEHAVIOUR_THRESHOLDS["lifecycle"]

    @classmethod
    def journeys(cls, options: Options) -> int:
        """Return ITERATIONS, broken journeys included."""
        return int(options.extra["iterations"])

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return both: a question waits for the previous question's answer."""
        del options
        return frozenset(("append", "answer"))

    def journey(self) -> None:
        """Live one session from creation to deletion. A question not answered in time breaks it."""
        with self.session(delete=True) as session:
            for _ in range(self.option("messages_per_session")):
                if not self.ask(session):
                    return
        self.record("lifecycle_total_ms", session.began_s, session.closed_s)

    def pause_s(self) -> float:
        """Return no pause: the benchmark measures how fast sessions can come and go."""
        return 0.0
