"""Users that send at a common rate, of which each has an even share or, with a skew, a share of its own."""

import math
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

from locust.env import Environment

from fleetlm_users.measure.metrics.metric import MAIN, STAGE_PREFIX
from fleetlm_users.swarm.context import context_of
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.pacing import LastingDues
from fleetlm_users.workload.skew.settings import BUSIEST, REST, check_skew, parts_in, skew_in
from fleetlm_users.workload.skew.shares import SessionShare
from fleetlm_users.workload.timetables import SteadyPace

ONE_SCENARIO: Final = 1


class SkewedUser(FleetUser):
    """A user whose messages are, with a skew, a part of one timetable for all users of its scenario.

    Messages of the busiest tenth of the sessions are counted apart from the rest: each is a part of the main phase.

    Attributes:
        since_s: When the first session of the user had joined: its timetable begins with that; 0 before.
    """

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.since_s = 0.0
        self._lasting: LastingDues | None = None
        self._is_cut_off = False

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check that a skew has a fixed number of sessions. Raise UsageError."""
        check_skew(options)

    @cached_property
    def part(self) -> SessionShare | None:
        """Its share of the messages; None if all users have the same."""
        run = self.current_run
        if not skew_in(run.options):
            return None
        parts = parts_in(run.options, self.scenario)
        return parts[self._place(run) % len(parts)]

    @property
    def main_phase(self) -> str:
        """The phase of everything its sessions send after the warm-up."""
        if self.part is None:
            return MAIN
        return STAGE_PREFIX + (BUSIEST if self.part.is_busiest else REST)

    def skewed_dues(self, part: SessionShare, interval_s: float, from_s: float, end_s: float) -> Iterator[float]:
        """Return the due moments of a part, as if each of all planned sessions together sent at the interval."""
        rate_per_s = self.current_run.options.plan.users[self.scenario] / interval_s
        return part.dues(self.current_run.started_s, rate_per_s, from_s, end_s)

    def steady_dues(self, interval_s: float, from_s: float, end_s: float = math.inf) -> Iterator[float]:
        """Return the due moments of the user: one every interval, or its part of those of all users."""
        if self.part is None:
            return SteadyPace(interval_s).dues(from_s, end_s)
        return self.skewed_dues(self.part, interval_s, from_s, end_s)

    def send_lasting(self, session: UserSession, dues: Callable[[float], Iterator[float]]) -> None:
        """Send on a timetable that goes on while a lost session is replaced or returns.

        Args:
            session: A joined session.
            dues: Makes the timetable from the moment at which the user's first session joined.

        Raises:
            Disconnected: The session was lost.
        """
        self.since_s = self.since_s or session.joined_s
        joined_s = self.planned_s(session.joined_s)
        self.send_at(session, self.lasting_dues(lambda: dues(joined_s), joined_s), since_s=self.since_s)
        self.reached_end()

    def lasting_dues(self, dues: Callable[[], Iterator[float]], joined_s: float) -> Iterator[float]:
        """Yield the moments of a timetable that goes on while a broken session is replaced.

        Messages due without a session are counted, not sent late.

        Args:
            dues: Makes the timetable once the first session has joined.
            joined_s: When the present session joined, as a moment of that timetable.
        """
        if self._lasting is None:
            self._lasting = LastingDues(dues())
        self._is_cut_off = True
        self._leave_out_until(joined_s)
        yield from self._lasting.upcoming()

    def reached_end(self) -> None:
        """Note that the timetable, or the user, ended before the session did."""
        self._is_cut_off = False

    def on_done(self) -> None:
        """Count the messages that were due up to the end without a session to send them."""
        if self._is_cut_off:
            self._leave_out_until(self.planned_s(self.current_run.ended_s or time.perf_counter()))

    def planned_s(self, moment_s: float) -> float:
        """Return which moment of the timetable since the first join a moment is: another one once the rate changed."""
        return self.current_run.planned_s(moment_s, self.since_s)

    def _leave_out_until(self, moment_s: float) -> None:
        left_out = 0 if self._lasting is None else self._lasting.leave_out(moment_s.__gt__)
        if left_out:
            self.count("messages_not_sent", left_out, label="no_session")

    def _place(self, run: Run) -> int:
        """Return the user's number among those of its scenario, from 0; for one beyond the plan, an arbitrary
        number.
        """
        if sum(1 for users in run.options.plan.users.values() if users) == ONE_SCENARIO:
            return (self.vu - 1) % VUS_PER_BLOCK
        places = run.resource(_Places, lambda: _Places(context_of(self.environment).benchmark.spawn_order(run.options)))
        return places.of.get(self.vu, self.vu % VUS_PER_BLOCK)


class _Places:
    """The number of each planned user among those of its class, by its number among all."""

    def __init__(self, order: Iterator[str]) -> None:
        self.of: dict[int, int] = {}
        counts: dict[str, int] = {}
        for vu, name in enumerate(order, 1):
            self.of[vu] = counts.get(name, 0)
            counts[name] = self.of[vu] + 1

    def close(self) -> None:
        """Free nothing."""
