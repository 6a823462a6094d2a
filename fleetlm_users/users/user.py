"""FleetUser: a virtual user that lives one session after another until the run ends or its work is done.

A behaviour is a subclass with a `scenario` name and a `journey`: one session, from `self.session()` to its end.
"""

import logging
import math
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import gevent
from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

from fleetlm_users.errors import ClientError
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.swarm.context import run_of
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer
from fleetlm_users.swarm.runtime.sleeper import Sleeper
from fleetlm_users.units import US_PER_S
from fleetlm_users.users.rest_session import RestSession
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.shared_client import shared_client_of
from fleetlm_users.workload.identity import participant, rng_for
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.payload import Payloads, session_prefix

logger = logging.getLogger(__name__)

RETRY_PAUSE_S = 1.0
"""The shortest pause after a failed session, so that a failing server does not meet a storm of retries."""


class FleetUser(User):
    """A virtual user. Subclasses set `scenario` and write `journey`; `pause_s` is the pause between two journeys.

    A journey may use:

    - `self.session()`, which creates and joins a session;
    - to send: `self.ask(session)`, `self.send_at(session, dues)` and `self.send_within(session, depth)`;
    - to wait: `self.hold(session, moment_s)` and `self.wait_until(moment_s)`;
    - to measure: `self.count(metric)` and `self.record(metric, started_s, done_s)`;
    - `self.option(name)`, `self.rng`, `self.ending`, `self.vu`, `self.participant_id`, and `self.current_run`.

    Everything that sends or waits returns early when the user's end begins. Moments are `time.perf_counter()` seconds.

    Class attributes:
        scenario: Name of the behaviour in reports, presets and `--<scenario>-vus`.
        options: The behaviour's own options; they join the benchmark's when it is installed.
        metrics: The behaviour's own metrics; they join the benchmark's as well.
        thresholds: What the behaviour must keep in any run, as metrics with their conditions: `{"interview_ms":
            "p(95)<2000"}`. Each is judged for this scenario, unless the preset or a given threshold bounds its metric.
        follows_agent: False when the agent's answers are neither awaited nor measured.
        needs: What the protocol must be able to do, as attributes of Profile, each with the reason why.
    """

    abstract = True
    scenario: ClassVar[str]
    options: ClassVar[tuple[OptionSpec, ...]] = ()
    metrics: ClassVar[tuple[Metric, ...]] = ()
    thresholds: ClassVar[Mapping[str, str]] = {}
    follows_agent: ClassVar[bool] = True
    needs: ClassVar[Mapping[str, str]] = {}
    wait_time = constant(RETRY_PAUSE_S)  # before Locust calls `live` again, which it does when a behaviour has a bug

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.current_run = run_of(environment)  # not `run`: Locust starts a user by calling `User.run()`
        self.vu = self.current_run.next_vu(type(self).__name__)
        options = self.current_run.options
        self.rng = rng_for(options.seed, self.scenario, self.vu)
        self.participant_id = participant(options.participant_prefix, options.run_id, self.vu)
        self.journeys_lived = 0
        self._sleeper = Sleeper(self.current_run.resource(PreciseTimer, PreciseTimer))
        self._ending = False
        self._sessions = 0
        self._session: UserSession | None = None
        self.current_run.enter(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.participant_id}, session={self._session!r})"

    # What a behaviour may say about itself

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check, before a run, that the options do not contradict each other.

        Raises:
            UsageError: They do.
        """

    @classmethod
    def journeys(cls, options: Options) -> int | None:
        """Return how many journeys a user lives until its work is done; None: until the run ends."""
        del options
        return None

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """Return whether the work of this behaviour's users comes to an end by itself."""
        return cls.journeys(options) is not None

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return what sending waits for, "append" and "answer": a server cannot fall behind without bound with that."""
        del options
        return frozenset()

    def journey(self) -> None:
        """Live one session of this behaviour.

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
        """Finish after the user's last journey, because its work is done or because the run ends."""

    # What a journey may use

    @property
    def fleet(self) -> Run:
        """Deprecated name of `current_run`; it goes in version 0.2."""
        warnings.warn("FleetUser.fleet is now FleetUser.current_run", DeprecationWarning, stacklevel=2)
        return self.current_run

    @property
    def ending(self) -> bool:
        """True when nothing new may begin: the run is draining, or this user was asked to stop."""
        return self._ending or self.current_run.is_draining

    def option(self, name: str) -> Any:
        """Return the typed value of one of the behaviour's own options; None when it is unset."""
        return self.current_run.options.extra[name]

    @contextmanager
    def session(self, *, delete: bool = False) -> Iterator[UserSession]:
        """Open a session for a `with` block; at its end the session settles, leaves and closes, whatever happened.

        Args:
            delete: Whether to delete the session after that, as a part of its journey.

        Yields:
            The joined session.

        Raises:
            ClientError: The session cannot be opened, is lost, or cannot be deleted.
        """
        session = self._new_session()
        problem: ClientError | None = None
        try:
            session.open(self.metadata())
            yield session
            session.settle()
            problem = session.down
        except ClientError as failure:
            problem = failure.with_traceback(None)
        except BaseException:
            session.close()  # ended by force or by a bug: every message still gets its fate
            raise
        problem = self._end_session(session, problem, delete=delete)
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # its traceback holds this frame: it would hold itself, and the session with it

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of this user's sessions, by which a run's sessions are known and cleaned up."""
        return {"bench": True, "run_id": self.current_run.options.run_id, "scenario": self.scenario, "vu": self.vu}

    def ask(self, session: UserSession) -> bool:
        """Send one message and wait for all of the agent's reply.

        The message is due when the last one arrived or, after a `hold`, at the moment held for: think time is not
        lateness.

        Returns:
            False when the user's end came first.

        Raises:
            PushRefused: The server refused the message.
            ReplyTimeout: The append or the reply did not come in time; it breaks the journey.
            Disconnected: The session was lost.
        """
        if self.ending:
            session.cut_short = True
            return False
        return session.ask(max(session.last_seen_s, session.held_until_s))

    def send_at(self, session: UserSession, dues: Iterable[float]) -> None:
        """Send one message at each due moment, whatever the replies do: an open loop.

        Args:
            session: A joined session.
            dues: Ascending moments in `time.perf_counter()` seconds, as `fixed`, `uniform` and `poisson` make them.

        Raises:
            Disconnected: The session was lost.
        """
        for due_s in dues:
            if not self.hold(session, due_s):
                return
            session.send(due_s)

    def send_within(
        self, session: UserSession, depth: int, *, count: float = math.inf, until_s: float = math.inf
    ) -> None:
        """Keep `depth` messages in flight: a closed loop.

        A message is due when the slot it takes became free, the first ones at the join. A slot is free when its
        message has its fate, so what is measured is how fast the server takes messages, not what a person would feel.

        Args:
            session: A joined session.
            depth: Messages in flight, 1 or more.
            count: How many messages to send at most.
            until_s: The moment after which nothing is sent, in `time.perf_counter()` seconds.

        Raises:
            Disconnected: The session was lost.
        """
        window = session.open_window(depth)

        def is_over() -> bool:
            return self.ending or time.perf_counter() >= until_s

        sent = 0
        while sent < count and session.await_slot(window, is_over, until_s):
            session.send(window.take())
            sent += 1

    def hold(self, session: UserSession, moment_s: float) -> bool:
        """Wait until a moment with the session open, never less.

        Returns:
            False when the user's end came first.

        Raises:
            Disconnected: The session was lost; raised as soon as it is.
        """
        while session.down is None and not self.ending:
            if time.perf_counter() >= moment_s:
                session.held_until_s = moment_s
                return True
            self._sleeper.sleep(moment_s)
        if session.down is not None:
            raise session.down
        return False

    def wait_until(self, moment_s: float) -> bool:
        """Wait until a moment, never less; return False when the user's end came first."""
        while not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        return False

    def count(self, metric: str, n: int = 1, label: str = "") -> None:
        """Add to a counter of the catalogue or of the benchmark's own, in the phase of this moment.

        Args:
            metric: Name of the counter.
            n: How many to add.
            label: Kind to count under; 50 kinds per metric are kept apart, all others count as `other`.

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

    # The life of a user

    @task
    def live(self) -> None:
        """Alternate journeys and pauses until the end; the only task, so that Locust adds no waiting of its own."""
        self.current_run.enter(self)
        try:
            self.wait_until(self.begins_s())
            while not self.ending and self.has_work():
                pause_s = self._journey_once()
                if self.has_work():
                    self.wait_until(time.perf_counter() + pause_s)
            self.on_done()
            if not self.ending:
                self.current_run.finish(self)
            while not self.ending:
                self._sleeper.sleep()
        finally:
            self.current_run.leave(self)
        raise StopUser

    def _journey_once(self) -> float:
        """Live one journey; return the seconds to pause after it."""
        self.journeys_lived += 1
        try:
            self.journey()
        except ClientError as problem:
            logger.debug("%r: %s", self, problem)
            return max(RETRY_PAUSE_S, self.pause_s())
        finally:
            self._session = None
        return self.pause_s()

    def _new_session(self) -> UserSession:
        self._sessions += 1
        options = self.current_run.options
        prefix = session_prefix(options.run_id, self.vu, self._sessions)
        self._session = session = UserSession(
            self.current_run,
            shared_client_of(self.current_run),
            self.scenario,
            participant_id=self.participant_id,
            payloads=Payloads(self.rng, prefix, options.message_bytes),
            follows_agent=self.follows_agent,
        )
        session.observer.on_lost = self._sleeper.wake
        return session

    def _end_session(
        self, session: UserSession | RestSession, problem: ClientError | None, *, delete: bool
    ) -> ClientError | None:
        """Close the session, delete it if asked to, and report its end; return why its journey failed, or None."""
        session.close()
        if delete and session.session_id and not self.current_run.is_closed:
            try:
                session.delete()
            except ClientError as failure:
                problem = problem or failure.with_traceback(None)
        self.current_run.events.session_ended.fire(
            scenario=self.scenario,
            phase=self.current_run.phase_at(session.began_s),
            session_id=session.session_id,
            exception=problem,
            cut_short=session.cut_short,
        )
        return problem

    # The end of a user

    def settle(self) -> None:
        """Begin the end of this user: it sends nothing new, its open messages settle, then it leaves."""
        self._ending = True
        self._sleeper.wake()
        if self._session is not None:
            self._session.wake()

    def close(self) -> None:
        """End the user now."""
        if self._greenlet is not None:
            self._greenlet.kill(block=True)
        self.current_run.leave(self)

    def stop(self, force: bool = False) -> bool:
        """Stop the user as Locust asks: it leaves cleanly first, within the drain timeout."""
        self.settle()
        if force and self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            if not self.current_run.is_draining:
                # Locust counts it as running else, and takes others away in its place at its next change of users
                self._group.discard(self._greenlet)
            self._greenlet.join(timeout=self.current_run.options.drain_timeout_s)
            self._greenlet.kill(block=True)
        return bool(super().stop(force=force))

    def on_stop(self) -> None:
        """Take the user off the run; called by Locust, also for a user that never lived its first task."""
        self.current_run.leave(self)
