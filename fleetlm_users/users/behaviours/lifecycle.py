"""Somebody who comes, asks, waits for each answer, and takes everything away again."""

from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.options.benchmark_specs import ITERATIONS, MESSAGES_PER_SESSION
from fleetlm_users.workload.options.model import Options


class LifecycleUser(FleetUser):
    """ITERATIONS times: create, connect, join, MESSAGES_PER_SESSION questions each awaited, leave, delete."""

    scenario = "lifecycle"
    options = (ITERATIONS, MESSAGES_PER_SESSION)

    @classmethod
    def journeys(cls, options: Options) -> int:
        """ITERATIONS of each user; a broken one is one of them."""
        return int(options.extra["iterations"])

    def journey(self) -> None:
        """One whole life of a session. A question without its answer in time breaks it."""
        with self.session(delete=True) as session:
            for _ in range(self.option("messages_per_session")):
                if not self.ask(session):
                    return
        self.record("lifecycle_total_ms", session.began_s, session.closed_s)

    def pause_s(self) -> float:
        """None: what is measured is how fast sessions can come and go."""
        return 0.0
