"""The life of a virtual user of any kind: one journey after another until the run ends or its work is done.

Subclasses say what a journey does: FleetUser (user.py) for FleetLM, PhoenixUser for any Phoenix application.
"""

import functools
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gevent
from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

from fleetlm_users.errors import ClientError
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.swarm.context import context_of, run_of
from fleetlm_users.swarm.runtime.run_timer import timer_of
from fleetlm_users.swarm.runtime.sleeper import Sleeper
from fleetlm_users.swarm.visits import Visit, Visits
from fleetlm_users.units import US_PER_S
from fleetlm_users.workload.arrivals.process import SessionArrival
from fleetlm_users.workload.identity import rng_for
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec

logger = logging.getLogger(__name__)

RETRY_PAUSE_S = 1.0
"""The shortest pause after a failed session, so that a failing server does not meet a storm of retries."""


class VirtualUser(User):
    """A virtual user of any server. Subclasses set `scenario` and write `journey`.

    Class attributes:
        scenario, options, metrics, thresholds, follows_agent: See FleetUser.
        common_metrics: The metrics of all users of this kind, which a subclass does not repeat in `metrics`.
        needs: What the protocol must support, as attributes of Profile, each with the reason.
        lacks: What differs if the protocol does not support it, by attributes of Profile; announced before a run.
        sends_over_rest: Whether its messages are appended over REST, and not on a socket.
        needs_fleetlm: Whether the server must be FleetLM, which is then checked before the run.
        follows_search: Whether it leaves messages out while a capacity search lets the server recover.
    """

    abstract = True
    scenario: ClassVar[str]
    options: ClassVar[tuple[OptionSpec, ...]] = ()
    metrics: ClassVar[tuple[Metric, ...]] = ()
    common_metrics: ClassVar[tuple[Metric, ...]] = ()
    thresholds: ClassVar[Mapping[str, str]] = {}
    follows_agent: ClassVar[bool] = False
    needs: ClassVar[Mapping[str, str]] = {}
    lacks: ClassVar[Mapping[str, str]] = {}
    sends_over_rest: ClassVar[bool] = False
    needs_fleetlm: ClassVar[bool] = False
    follows_search: ClassVar[bool] = False
    wait_time = constant(RETRY_PAUSE_S)  # before Locust calls `live` again, which it does if a behaviour has a bug

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.current_run = run_of(environment)  # not `run`: Locust starts a user by calling `User.run()`
        self.vu = self.current_run.next_vu(type(self).__name__)
        self.journeys_lived = 0
        self._sleeper = Sleeper(timer_of(self.current_run))
        self._ending = False
        self._visit: Visit | None = None
        self._guest: VirtualUser | None = None
        self._free_since_s = -math.inf
        self.current_run.enter(self)

    # Overridden by behaviours

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check, before a run, that the options do not contradict each other.

        Raises:
            UsageError: They do.
        """

    @classmethod
    def needed(cls, options: Options) -> Mapping[str, str]:
        """Return what the protocol must support in a run with these options, in the form of `needs`."""
        del options
        return cls.needs

    @classmethod
    def journeys(cls, options: Options) -> int | None:
        """Return how many journeys a user lives until its work is done; None: until the run ends."""
        del options
        return None

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """Return whether the work of this behaviour's users ends by itself."""
        return cls.journeys(options) is not None

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return what sending waits for, "append" and "answer": the server cannot fall behind with those without
        bound.
        """
        del options
        return frozenset()

    @classmethod
    def sockets_of(cls, options: Options) -> int:
        """Return the most sockets a user has open at once."""
        del options
        return 1

    @classmethod
    def socket_of(cls, options: Options) -> tuple[str, Mapping[str, str]]:
        """Return the URL and headers of the socket to check before a run, for users that need no FleetLM.

        Raises:
            UsageError: They are not valid.
        """
        return options.ws_url, {}

    def journey(self) -> None:
        """Live one session of this behaviour, or its equivalent.

        A ClientError that leaves the journey ends the session and is counted, and a pause follows.
        """
        raise NotImplementedError

    def begins_s(self) -> float:
        """Return the moment at which the first journey is due: the user's place in the ramp."""
        return self.current_run.begins_s(self.vu)

    def pause_s(self) -> float:
        """Return the seconds between two journeys."""
        return RETRY_PAUSE_S

    def has_work(self) -> bool:
        """Return whether another journey is due. The run ends when none of its users has work left."""
        planned = self.journeys(self.current_run.options)
        return planned is None or self.journeys_lived < planned

    def on_done(self) -> None:
        """Finish after the user's last journey, because its work is done or the run ends."""

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return why a journey does not end by itself, which rules out a session rate; empty if it does."""
        del options
        return ""

    # For use in a journey

    @functools.cached_property
    def rng(self) -> random.Random:
        """The user's own random numbers, the same for the same seed; created on first use, which saves 2.5 KiB per
        user.
        """
        return rng_for(self.current_run.options.seed, self.scenario, self.vu)

    @property
    def ending(self) -> bool:
        """True if nothing new may begin: the run is draining, or this user was asked to stop."""
        return self._ending or self.current_run.is_draining

    def option(self, name: str) -> Any:
        """Return the typed value of one of the behaviour's own options; None if it is unset."""
        return self.current_run.options.extra[name]

    def wait_until(self, moment_s: float, *, since_s: float | None = None) -> bool:
        """Wait until a moment of the timetable, never less.

        Args:
            moment_s: The moment, in `time.perf_counter()` seconds.
            since_s: The moment it was counted from, by default the present: if a person changes the rate of the run,
                the time between the two passes faster or slower, and not at all while the run is paused.

        Returns:
            False when the user's end came first.
        """
        return self.await_due(moment_s, time.perf_counter() if since_s is None else since_s) is not None

    def await_due(self, moment_s: float, since_s: float, is_over: Callable[[], bool] = lambda: False) -> float | None:
        """Wait until a moment counted from `since_s`, never less; a changed rate of the run moves it.

        Returns:
            When it came; None if the user's end came first, or `is_over` became true.
        """
        while not self.ending and not is_over():
            due_s = self.current_run.due_s(moment_s, since_s)
            if time.perf_counter() >= due_s:
                return due_s
            self._sleeper.sleep(due_s)
        return None

    def wait_out(self, moment_s: float) -> bool:
        """Wait until a moment of the clock, which no change of the run's rate moves; return False if the end came
        first.
        """
        while not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        return False

    def wait_while_paused(self, is_over: Callable[[], bool] = lambda: False) -> float:
        """Wait while the run is paused, unless the user's end comes or `is_over` becomes true.

        Returns:
            The moment since which the run has not been paused; minus infinity if it never was.
        """
        if self.current_run.load_clock is None:
            return -math.inf
        while (resumed_s := self.current_run.resumed_s()) > time.perf_counter() and not self.ending and not is_over():
            self._sleeper.sleep(resumed_s)
        return min(resumed_s, time.perf_counter())

    def count(self, metric: str, n: int = 1, label: str = "") -> None:
        """Add to a counter of the catalogue or of the benchmark's own, in the phase of this moment.

        Args:
            metric: Name of the counter.
            n: How many to add.
            label: Kind to count under; 50 kinds per metric are distinguished, all others count as `other`.

        Raises:
            UsageError: No such metric is declared.
        """
        run = self.current_run
        run.ledger.count(metric, self.scenario, run.phase_at(time.perf_counter()), n, label)

    def record(self, metric: str, started_s: float, done_s: float) -> None:
        """Add a duration to a trend, in the phase in which it began.

        Args:
            metric: Name of the trend.
            started_s: When it began, in `time.perf_counter()` seconds.
            done_s: When it ended.

        Raises:
            UsageError: No such metric is declared.
        """
        run = self.current_run
        trend = run.ledger.trend(metric, self.scenario, run.phase_at(started_s))
        trend.add(round((done_s - started_s) * US_PER_S))

    def note_created(self, done_s: float) -> None:
        """Note when a session of this user was created; the first one of a visit counts from when it was due."""
        if self._visit is not None and self.current_run.visits is not None and done_s:
            self.current_run.visits.created(self._visit, done_s)

    def after_journey(self) -> None:
        """Let go of everything that belongs to the journey that has ended."""

    def wake(self) -> None:
        """Wake the user wherever it waits: its end has begun, or what it waits for has arrived."""
        self._sleeper.wake()

    # The life of a user

    @task
    def live(self) -> None:
        """Alternate journeys and pauses until the end; the only task, so that Locust adds no waiting of its own."""
        self.current_run.enter(self)
        try:
            if self.current_run.visits is not None:
                self._host(self.current_run.visits)
            else:
                self._live_on()
        finally:
            self.current_run.leave(self)
        raise StopUser

    def _live_on(self) -> None:
        self.wait_until(self.begins_s(), since_s=self.current_run.started_s)
        while not self.ending and self.has_work():
            pause_s = self._journey_once()
            if self.has_work():
                self.wait_until(time.perf_counter() + pause_s)
        self.on_done()
        if not self.ending:
            self.current_run.finish(self)
        while not self.ending:
            self._sleeper.sleep()

    def _host(self, visits: Visits) -> None:
        """Lend this user's greenlet to one visit after another until the end: a new user lives each."""
        while not self.ending:
            arrival = visits.take(self._free_since_s)
            if arrival is None:
                self._sleeper.sleep()
            elif not self.wait_until(visits.planned_s(arrival), since_s=self.current_run.started_s):
                visits.give_back(arrival)
            elif visits.is_in_time(arrival):
                try:
                    self._receive(visits, arrival)
                finally:
                    self._guest = None
                    self._free_since_s = time.perf_counter()

    def _receive(self, visits: Visits, arrival: SessionArrival) -> None:
        """Live one visit, by a user of its scenario created for it."""
        kind = context_of(self.environment).benchmark.behaviours[arrival.scenario]
        with visits.visit(arrival) as visit:
            guest = kind(self.environment)
            assert isinstance(guest, VirtualUser)  # for mypy: `install` accepts no others
            self._guest = guest
            guest._greenlet, guest._visit, guest._ending = self._greenlet, visit, self._ending
            try:
                guest.on_start()
                if not guest.ending:
                    guest._journey_once()
                guest.on_done()
            except StopUser:
                return  # an exception of the user's own code: this user is done, its host is not
            finally:
                guest.on_stop()
                self.current_run.leave(guest)  # a person's own on_stop may forget to

    def _journey_once(self) -> float:
        """Live one journey; return the seconds to pause after it."""
        self.journeys_lived += 1
        try:
            self.journey()
        except ClientError as problem:
            logger.debug("%r: %s", self, problem)
            return max(RETRY_PAUSE_S, self.pause_s())
        finally:
            self.after_journey()
        return self.pause_s()

    # The end of a user

    def settle(self) -> None:
        """Begin the end of this user: it sends nothing new, its open messages settle, then it leaves."""
        self._ending = True
        if self._guest is not None:
            self._guest.settle()
        self.wake()

    def close(self) -> None:
        """End the user now."""
        if self._greenlet is not None:
            self._greenlet.kill(block=True)
        self.current_run.leave(self)

    def stop(self, force: bool = False) -> bool:
        """Stop the user at Locust's request: it leaves cleanly first, within the drain timeout."""
        self.settle()
        if force and self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            if not self.current_run.is_draining:
                # otherwise Locust counts it as running, and removes others in its place at its next change of users
                self._group.discard(self._greenlet)
            self._greenlet.join(timeout=self.current_run.options.drain_timeout_s)
            self._greenlet.kill(block=True)
        return bool(super().stop(force=force))

    def on_stop(self) -> None:
        """Remove the user from the run; called by Locust, also for a user that never lived its first task."""
        self.current_run.leave(self)
