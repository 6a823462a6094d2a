"""Hot path: sends, each acknowledged by its reply, with a fixed number of them in flight."""

import time
from collections.abc import Mapping
from typing import ClassVar

from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options


class PipelineUser(FleetUser):
    """One session with PIPELINE_DEPTH unacknowledged sends, from the user's place in the ramp to that in the ramp-down.

    All users send for STEADY_DURATION after the ramp-up, and leave one after the other in RAMP_DOWN_DURATION, first
    come, first gone. Each settles before it leaves. The agent's answers are ignored. If the session breaks, another one
    follows for the rest of the time.
    """

    scenario = "pipeline"
    options = BEHAVIOUR_OPTIONS["pipeline"]
    thresholds = BEHAVIOUR_THRESHOLDS["pipeline"]
    follows_agent = False
    lacks: ClassVar[Mapping[str, str]] = {
        "acknowledges": "the protocol replies to no send: a user's own broadcast is the acknowledgement, and "
        "append_latency_ms says how soon it comes"
    }

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """Return that each user is done at its place in the ramp-down."""
        del options
        return True

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return the append: a slot is free when its message is acknowledged."""
        del options
        return frozenset(("append",))

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session lasts to its user's place in the ramp-down."""
        del options
        return "whose users send until their place in the ramp-down"

    def has_work(self) -> bool:
        """Return whether the user's place in the ramp-down is still to come."""
        return time.perf_counter() < self._until_s()

    def journey(self) -> None:
        """Live one session, to the user's place in the ramp-down unless it breaks."""
        with self.session() as session:
            self._send(session, self._until_s())

    def _send(self, session: UserSession, until_s: float) -> None:
        """Keep the sends in flight: each is due when its slot became free."""
        window = session.open_window(self.option("pipeline_depth"), frees_at_ack=True)

        def is_over() -> bool:
            return self.ending or time.perf_counter() >= until_s

        while session.await_slot(window, is_over, until_s):
            resumed_s = self.wait_while_paused(lambda: session.down is not None)
            if not is_over():
                session.send(max(window.take(), resumed_s))

    def _until_s(self) -> float:
        """Return the moment after which this user sends no more."""
        options = self.current_run.options
        place = min(1.0, self.vu / options.plan.total_users)
        sending_s: float = self.option("steady_duration") + self.option("ramp_down_duration") * place
        return self.current_run.started_s + options.plan.ramp_up_s + sending_s * options.time_scale
