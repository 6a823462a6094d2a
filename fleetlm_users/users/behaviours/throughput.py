"""Somebody who sends for a set time and is then done: the common part of throughput and hot path."""

import math
import time
from typing import ClassVar

from locust.env import Environment

from fleetlm_users.errors import UsageError
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmark_paces import MS_PER_S, SteadyPace, seconds_of
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.benchmark_specs import RUNTIME_MS, SEND_INTERVAL
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec


class SteadyUser(FleetUser):
    """One session, a message every SEND_INTERVAL on a fixed timetable, for RUNTIME_MS from the join (0: to the end).

    A session that breaks is followed by another one for the rest of the time.
    """

    abstract = True
    options: ClassVar[tuple[OptionSpec, ...]] = (SEND_INTERVAL, RUNTIME_MS)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.until_s = math.inf

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Raises UsageError for a runtime within the warm-up: nothing would be left to judge."""
        runtime_ms, warm_up_s = options.extra["runtime_ms"], options.plan.warm_up_s
        if runtime_ms and seconds_of(runtime_ms) * options.time_scale <= warm_up_s:
            accepted = f"more than the warm-up of {format_duration(warm_up_s)}, or nothing is left to judge; or 0"
            raise UsageError(RUNTIME_MS.label, runtime_ms, accepted, "--warm-up 0")

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """With a runtime each user is done after it."""
        return bool(options.extra["runtime_ms"])

    def has_work(self) -> bool:
        """Until the runtime, which counts from the first join, has passed."""
        return time.perf_counter() < self.until_s

    def journey(self) -> None:
        """One session, to the end of the runtime unless it breaks."""
        with self.session() as session:
            self.until_s = min(self.until_s, session.joined_s + self._runtime_s())
            self.send(session)
            self.hold(session, self.until_s)

    def send(self, session: UserSession) -> None:
        """Sends until the runtime is over or the user's end comes."""
        pace = SteadyPace(self.option("send_interval") / MS_PER_S).scaled(self.fleet.options.time_scale)
        self.send_at(session, pace.dues(session.joined_s, self.until_s))

    def _runtime_s(self) -> float:
        return seconds_of(self.option("runtime_ms")) * self.fleet.options.time_scale
