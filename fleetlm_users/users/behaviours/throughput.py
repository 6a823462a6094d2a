"""Somebody who sends for a set time and is then done: the common part of throughput and hot path.

Messages as a server is to be loaded with them: on a timetable, in a closed loop, or at a rate of the whole swarm.

The legacy benchmark: the way of a message from its sender to the session and back, and nothing else.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from locust.env import Environment

from fleetlm_users.errors import UsageError
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.benchmark_specs import ARRIVAL_RATE, PIPELINE_DEPTH, RUNTIME_MS, SEND_INTERVAL
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.timetables import MS_PER_S, ArrivalPace, SteadyPace, seconds_of


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
        pace = SteadyPace(self.option("send_interval") / MS_PER_S).scaled(self.current_run.options.time_scale)
        self.send_at(session, pace.dues(session.joined_s, self.until_s))

    def _runtime_s(self) -> float:
        return seconds_of(self.option("runtime_ms")) * self.current_run.options.time_scale


class ThroughputUser(SteadyUser):
    """One session per user and one of three loads.

    A message every SEND_INTERVAL on a fixed timetable; with ARRIVAL_RATE the user's share of so many messages per
    second of all users, whatever the replies do, which goes on while a broken session is replaced; with PIPELINE_DEPTH
    always so many messages in flight.
    """

    scenario = "throughput"
    options = (*SteadyUser.options, PIPELINE_DEPTH, ARRIVAL_RATE)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._arrivals: Iterator[float] | None = None
        self._next_due_s = math.inf
        self._broken = False

    @classmethod
    def check_options(cls, options: Options) -> None:
        """A load is open or closed. Raises UsageError when both are asked for, and as SteadyUser does."""
        super().check_options(options)
        rate_per_s, depth = options.extra["arrival_rate"], options.extra["pipeline_depth"]
        if rate_per_s is not None and depth is not None:
            accepted = f"one of it and {PIPELINE_DEPTH.label}, which are an open and a closed load; both were given"
            raise UsageError(ARRIVAL_RATE.label, f"{rate_per_s:g}", accepted, f"{ARRIVAL_RATE.flag} 200 alone")

    def send(self, session: UserSession) -> None:
        """Sends as the options have it until the runtime is over or the user's end comes."""
        if self.option("pipeline_depth") is not None:
            self.send_within(session, self.option("pipeline_depth"), until_s=self.until_s)
        elif self.option("arrival_rate") is not None:
            self._broken = True
            self.send_at(session, self._arrivals_after(session.joined_s))
            self._broken = False  # it came to its end with the session still there
        else:
            super().send(session)

    def on_done(self) -> None:
        """What was due up to the end and had no session to be sent on is counted."""
        if self._broken:
            self._skip_until(self.current_run.ended_s or time.perf_counter())

    def _arrivals_after(self, joined_s: float) -> Iterator[float]:
        """The timetable, begun at the first join; what was due while there was no session is counted, not sent late."""
        if self._arrivals is None:
            options = self.current_run.options
            pace = ArrivalPace.share(self.option("arrival_rate"), options.plan.users[self.scenario])
            self._arrivals = pace.scaled(options.time_scale).dues(joined_s, self.until_s, self.rng)
            self._next_due_s = next(self._arrivals, math.inf)
        self._skip_until(joined_s)
        while self._next_due_s < math.inf:
            yield self._next_due_s
            self._next_due_s = next(self._arrivals, math.inf)  # only now: one that could not be sent stays the next

    def _skip_until(self, moment_s: float) -> None:
        while self._arrivals is not None and self._next_due_s < moment_s:
            self.count("messages_not_sent", label="no_session")
            self._next_due_s = next(self._arrivals, math.inf)


class HotPathUser(SteadyUser):
    """A session of its own, a message every SEND_INTERVAL for RUNTIME_MS; the agent's answers are left alone."""

    scenario = "hot_path"
    options = (replace(SEND_INTERVAL, default="5000", example="5000"), RUNTIME_MS)
    follows_agent = False
