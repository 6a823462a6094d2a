"""FleetUser: a virtual user that lives one session after another until the run ends or its work is done.

A behaviour is a subclass with a `scenario` name and a `journey`: one session, from `self.session()` to its end.

What a user can do in a journey beside opening a session: rest, send on a timetable, in a closed loop, or ask.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import gevent
from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

from fleetlm_users.errors import ClientError
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.swarm.context import run_of
from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer
from fleetlm_users.swarm.runtime.sleeper import Sleeper
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.shared_client import kit_of
from fleetlm_users.workload.identity import participant, rng_for
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.pacing import Window
from fleetlm_users.workload.payload import Payloads, session_prefix


class Doing:
    """The part of a FleetUser that rests and sends; everything in it returns early when the user's end comes."""

    _sleeper: Sleeper

    @property
    def ending(self) -> bool:
        """True when nothing new may begin."""
        raise NotImplementedError

    def wait_until(self, moment_s: float) -> bool:
        """Sleeps until the moment, never less; False when the user's end came first."""
        while not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        return False

    def hold(self, session: UserSession, moment_s: float) -> bool:
        """As `wait_until`, with an eye on the session. Raises Disconnected as soon as it is lost."""
        while session.down is None and not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        if session.down is not None:
            raise session.down
        return False

    def send_at(self, session: UserSession, dues: Iterable[float]) -> None:
        """Sends one message at each due moment, whatever the replies do; returns early when the user's end comes.

        Raises Disconnected when the session is lost.
        """
        for due_s in dues:
            if not self.hold(session, due_s):
                return
            session.send(due_s)

    def send_within(
        self, session: UserSession, depth: int, *, count: float = math.inf, until_s: float = math.inf
    ) -> None:
        """A closed loop: keeps `depth` messages in flight until `count` are sent, the moment, or the user's end.

        A message is due when the slot it takes became free, the first ones at the join. A slot is free when its
        message has its fate, so what is measured is how fast the server takes messages, not what a person would feel.
        Raises Disconnected when the session is lost.
        """
        window = session.window = Window(depth, session.joined_s)

        def over() -> bool:
            return self.ending or time.perf_counter() >= until_s

        sent = 0
        while sent < count and session.await_room(window, over, until_s):
            session.send(window.take())
            sent += 1

    def ask(self, session: UserSession) -> bool:
        """Sends one message, due when the last one came, and waits for its agent reply; False: the user's end came.

        Raises PushRefused, ReplyTimeout or Disconnected: a question without an answer breaks the journey.
        """
        if self.ending:
            session.cut_short = True
            return False
        return session.ask(session.last_seen_s)


logger = logging.getLogger(__name__)

US_PER_S = 1_000_000

RETRY_PAUSE_S = 1.0
"""After a failed session a user waits at least this long: a failing server must not be met by a storm of retries."""


class FleetUser(Doing, User):
    """A virtual user. Subclasses set `scenario` and write `journey`; `pause_s` says how long to rest between journeys.

    What a journey may use: `self.session()`; to send, `self.send_at(session, dues)`, `self.send_within(session, depth)`
    and `self.ask(session)`; to rest, `self.hold(session, moment_s)` and `self.wait_until(moment_s)`; to measure,
    `self.count(metric)` and `self.record(metric, started_s, done_s)`; `self.rng`, `self.option(name)`, `self.ending`.

    `options` and `metrics` are the behaviour's own; they join the benchmark's when it is installed. `follows_agent`
    False leaves the agent's answers alone: they are neither awaited nor measured.
    """

    abstract = True
    scenario: ClassVar[str]
    options: ClassVar[tuple[OptionSpec, ...]] = ()
    metrics: ClassVar[tuple[Metric, ...]] = ()
    follows_agent: ClassVar[bool] = True
    wait_time = constant(RETRY_PAUSE_S)  # before Locust calls `live` again, which it does when a behaviour has a bug

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.fleet = run_of(environment)
        self.vu = self.fleet.next_vu(type(self).__name__)
        options = self.fleet.options
        self.rng = rng_for(options.seed, self.scenario, self.vu)
        self.participant_id = participant(options.participant_prefix, options.run_id, self.vu)
        self.journeys_lived = 0
        self._sleeper = Sleeper(self.fleet.resource(PreciseTimer, PreciseTimer))
        self._ending = False
        self._sessions = 0
        self._session: UserSession | None = None
        self.fleet.enter(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.participant_id}, session={self._session!r})"

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Raises UsageError for options that contradict each other; asked before a run."""

    @classmethod
    def journeys(cls, options: Options) -> int | None:
        """How many journeys a user lives until its work is done; None: until the run ends."""
        del options
        return None

    @classmethod
    def is_finite(cls, options: Options) -> bool:
        """Whether users of this behaviour will have done their work at some time."""
        return cls.journeys(options) is not None

    def journey(self) -> None:
        """One session of this behaviour. A ClientError in it ends the session, is counted, and a pause follows."""
        raise NotImplementedError

    def begins_s(self) -> float:
        """When the first journey is due: the user's place in the ramp."""
        return self.fleet.begins_s(self.vu)

    def pause_s(self) -> float:
        """Seconds between two journeys."""
        return RETRY_PAUSE_S

    def has_work(self) -> bool:
        """Whether another journey is to be lived. The run ends when no user of it has work left."""
        planned = self.journeys(self.fleet.options)
        return planned is None or self.journeys_lived < planned

    def on_done(self) -> None:
        """Called when the user's last journey is over, because its work is done or because the run ends."""

    def option(self, name: str) -> Any:
        """The typed value of one of the behaviour's own options; None when it is unset."""
        return self.fleet.options.extra[name]

    @property
    def ending(self) -> bool:
        """True when nothing new may begin: the run winds down, or this user was asked to stop."""
        return self._ending or self.fleet.winding_down

    @task
    def live(self) -> None:
        """Journeys and pauses until the end; the only task, so that Locust adds no waiting of its own."""
        self.fleet.enter(self)
        try:
            self.wait_until(self.begins_s())
            while not self.ending and self.has_work():
                pause_s = self._journey_once()
                if self.has_work():
                    self.wait_until(time.perf_counter() + pause_s)
            self.on_done()
            if not self.ending:
                self.fleet.finish(self)
            while not self.ending:
                self._sleeper.sleep()
        finally:
            self.fleet.leave(self)
        raise StopUser

    @contextmanager
    def session(self, *, delete: bool = False) -> Iterator[UserSession]:
        """A joined session; at the end of the block it settles, leaves and closes, whatever happened in the block.

        With `delete` it is then deleted, as a part of its journey. Raises ClientError when the session cannot be
        opened, is lost, or cannot be deleted.
        """
        self._sessions += 1
        options = self.fleet.options
        prefix = session_prefix(options.run_id, self.vu, self._sessions)
        session = UserSession(
            self.fleet,
            kit_of(self.fleet),
            self.scenario,
            participant_id=self.participant_id,
            payloads=Payloads(self.rng, prefix, options.message_bytes),
            follows_agent=self.follows_agent,
        )
        session.on_lost = self._sleeper.wake
        self._session = session
        problem: ClientError | None = None
        try:
            session.open(self.metadata())
            yield session
            session.settle()
            problem = session.down
        except ClientError as failed:
            problem = failed.with_traceback(None)
        except BaseException:
            session.close()  # ended by force or by a bug: every message still gets its fate
            raise
        problem = self._end_session(session, problem, delete=delete)
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # its traceback holds this frame: it would hold itself, and the session with it

    def count(self, metric: str, n: int = 1, label: str = "") -> None:
        """Adds to a counter of the catalogue or of the benchmark's own, in the phase of this moment."""
        self.fleet.ledger.count(metric, self.scenario, self.fleet.phase_at(time.perf_counter()), n, label)

    def record(self, metric: str, started_s: float, done_s: float) -> None:
        """Adds a duration to a trend, in the phase in which it began."""
        trend = self.fleet.ledger.trend(metric, self.scenario, self.fleet.phase_at(started_s))
        trend.add(round((done_s - started_s) * US_PER_S))

    def metadata(self) -> dict[str, Any]:
        """What marks the sessions of a run, so that they can be told apart and cleaned up."""
        return {"bench": True, "run_id": self.fleet.options.run_id, "scenario": self.scenario, "vu": self.vu}

    def wind_down(self) -> None:
        """Begins the end of this user: no new message, the open ones settle, then it leaves."""
        self._ending = True
        self._sleeper.wake()
        if self._session is not None:
            self._session.wake()

    def end_by_force(self) -> None:
        """Ends the user now."""
        if self._greenlet is not None:
            self._greenlet.kill(block=True)
        self.fleet.leave(self)

    def stop(self, force: bool = False) -> bool:
        """Locust asks for the end of this user: it leaves cleanly first, at most for the drain timeout."""
        self.wind_down()
        if force and self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.join(timeout=self.fleet.options.drain_timeout_s)
        return bool(super().stop(force=force))

    def on_stop(self) -> None:
        """Locust ends this user; one that never lived its first task has only to be taken off the run."""
        self.fleet.leave(self)

    def _journey_once(self) -> float:
        """Lives one journey; the seconds to rest after it."""
        self.journeys_lived += 1
        try:
            self.journey()
        except ClientError as problem:
            logger.debug("%r: %s", self, problem)
            return max(RETRY_PAUSE_S, self.pause_s())
        finally:
            self._session = None
        return self.pause_s()

    def _end_session(self, session: UserSession, problem: ClientError | None, *, delete: bool) -> ClientError | None:
        """Closes the session, deletes it if asked to, and tells of its end; returns why its journey failed, or None."""
        session.close()
        if delete and session.session_id and not self.fleet.abandoned:
            try:
                session.delete()
            except ClientError as failed:
                problem = problem or failed.with_traceback(None)
        self.fleet.events.session_ended.fire(
            scenario=self.scenario,
            phase=self.fleet.phase_at(session.began_s),
            session_id=session.session_id,
            exception=problem,
            cut_short=session.cut_short,
        )
        return problem
