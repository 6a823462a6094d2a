"""Closed-loop and open-loop throughput: a fixed timetable, an arrival rate of all users, or messages in flight.

`HotPathUser` is the legacy benchmark: the path of a message from its sender to the session and back, nothing else.
"""

import math
import time
from collections.abc import Iterator
from typing import ClassVar

from locust.env import Environment

from fleetlm_users.errors import UsageError
from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.skewed_user import SkewedUser
from fleetlm_users.workload.arrivals.process import POISSON
from fleetlm_users.workload.arrivals.visit_plan import RATE_FLAG
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.benchmark_specs import (
    ARRIVAL_RATE,
    PIPELINE_DEPTH,
    RUNTIME_MS,
    SEND_INTERVAL,
    SKEW,
)
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.skew.settings import skew_in
from fleetlm_users.workload.timetables import ArrivalPace, seconds_of


class SteadyUser(SkewedUser):
    """One session, a message every SEND_INTERVAL on a fixed timetable, for RUNTIME_MS from the join (0: to the end).

    If the session breaks, another one follows for the rest of the time.
    """

    abstract = True
    options: ClassVar[tuple[OptionSpec, ...]] = (SEND_INTERVAL, RUNTIME_MS)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.until_s = math.inf

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check that the runtime is longer than the warm-up, or nothing would be left to judge, and check the skew.

        Raises:
            UsageError: It is not, or the skew does not work here.
        """
        super().check_options(options)
        runtime_ms, warm_up_s = options.extra["runtime_ms"], options.plan.warm_up_s
        if runtime_ms and not options.plan.session_rate and seconds_of(runtime_ms) * options.time_scale <= warm_up_s:
            accepted = f"more than the warm-up of {format_duration(warm_up_s)}, or nothing is left to judge; or 0"
            raise UsageError(RUNTIME_MS.label, runtime_ms, accepted, "--warm-up 0")

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """Return whether there is a runtime after which each user is done."""
        return bool(options.extra["runtime_ms"])

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return whether users send without end."""
        return "" if options.extra["runtime_ms"] else "whose users send to the end of the run unless RUNTIME_MS is set"

    def has_work(self) -> bool:
        """Return whether the runtime, which counts from the first join, has not passed yet."""
        return time.perf_counter() < self.current_run.due_s(self.until_s, self.since_s)

    def journey(self) -> None:
        """Live one session, to the end of the runtime unless it breaks."""
        with self.session() as session:
            self.since_s = self.since_s or session.joined_s
            self.until_s = self.since_s + self._runtime_s()
            self.send(session)
            self.hold(session, self.until_s, since_s=self.since_s)

    def send(self, session: UserSession) -> None:
        """Send until the runtime is over or the user's end comes."""
        interval_s = self.option("send_interval") / MS_PER_S * self.current_run.options.time_scale
        if self.part is None:
            dues = self.steady_dues(interval_s, self.planned_s(session.joined_s), self.until_s)
            self.send_at(session, dues, since_s=self.since_s)
        else:
            self.send_lasting(session, lambda from_s: self.steady_dues(interval_s, from_s, self.until_s))

    def _runtime_s(self) -> float:
        return seconds_of(self.option("runtime_ms")) * self.current_run.options.time_scale


class ThroughputUser(SteadyUser):
    """One session per user and one of three loads.

    By default a message every SEND_INTERVAL on a fixed timetable. With ARRIVAL_RATE (open loop), the user's share of
    that many messages per second of all users, whatever the replies; the timetable goes on while a broken session is
    replaced. With PIPELINE_DEPTH (closed loop), always that many messages in flight.
    """

    scenario = "throughput"
    options = BEHAVIOUR_OPTIONS["throughput"]
    thresholds = BEHAVIOUR_THRESHOLDS["throughput"]

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check that the load is either open or closed, and the runtime as SteadyUser does.

        Raises:
            UsageError: Both an arrival rate and a pipeline depth are given, or the runtime is too short.
        """
        super().check_options(options)
        rate_per_s, depth = options.extra["arrival_rate"], options.extra["pipeline_depth"]
        if rate_per_s is not None and depth is not None:
            accepted = f"either this or {PIPELINE_DEPTH.label}, an open or a closed load; both were given"
            raise UsageError(ARRIVAL_RATE.label, f"{rate_per_s:g}", accepted, f"{ARRIVAL_RATE.flag} 200 alone")
        if rate_per_s is not None and options.plan.session_rate:
            accepted = f"either this or {RATE_FLAG}: messages arrive at a rate of users who stay"
            raise UsageError(ARRIVAL_RATE.label, f"{rate_per_s:g}", accepted, f"{ARRIVAL_RATE.flag} 200 alone")
        if depth is not None and skew_in(options):
            accepted = f"no skew with {PIPELINE_DEPTH.label}: in a closed loop the server sets the rate of each session"
            raise UsageError(SKEW.label, skew_in(options), accepted, f"{SKEW.flag} {SKEW.example} with an open load")

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return the append if there is a pipeline depth; answers may fall behind all the same."""
        return frozenset(() if options.extra["pipeline_depth"] is None else ("append",))

    def send(self, session: UserSession) -> None:
        """Send as the options say until the runtime is over or the user's end comes."""
        if self.option("pipeline_depth") is not None:
            self.send_within(session, self.option("pipeline_depth"), until_s=self.until_s)
        elif self.option("arrival_rate") is not None:
            self.send_lasting(session, self._arrivals)
        else:
            super().send(session)

    def _arrivals(self, from_s: float) -> Iterator[float]:
        """Return the due moments of the user's share of the rate of all users."""
        options, part = self.current_run.options, self.part
        users, is_poisson = options.plan.users[self.scenario], options.plan.arrivals == POISSON
        pace = ArrivalPace.share(self.option("arrival_rate"), users, is_poisson=is_poisson).scaled(options.time_scale)
        if part is None:
            return pace.dues(from_s, self.until_s, self.rng)
        return self.skewed_dues(part, pace.interval_s, from_s, self.until_s)


class HotPathUser(SteadyUser):
    """One session with a message every SEND_INTERVAL for RUNTIME_MS; the agent's answers are ignored."""

    scenario = "hot_path"
    options = BEHAVIOUR_OPTIONS["hot_path"]
    thresholds = BEHAVIOUR_THRESHOLDS["hot_path"]
    follows_agent = False
