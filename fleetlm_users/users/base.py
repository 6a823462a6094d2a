"""FleetUser: a virtual user that lives one session after another until the run ends.

A behaviour is a subclass with a `scenario` name and a `journey`: one session, from `self.session()` to its end.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import gevent
from gevent.event import Event
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from fleetlm_users.errors import ClientError
from fleetlm_users.swarm.alarm import Alarm
from fleetlm_users.swarm.fleet import run_of
from fleetlm_users.users.kit import kit_of
from fleetlm_users.users.session import UserSession
from fleetlm_users.workload.identity import participant, rng_for
from fleetlm_users.workload.payload import Payloads, session_prefix

logger = logging.getLogger(__name__)

US_PER_S = 1_000_000

RETRY_PAUSE_S = 1.0
"""After a failed session a user waits at least this long: a failing server must not be met by a storm of retries."""


class FleetUser(User):
    """A virtual user. Subclasses set `scenario` and write `journey`; `pause_s` says how long to rest between journeys.

    What a journey may use: `self.session()`, `self.send_at(session, dues)`, `self.wait_until(moment_s)`, `self.rng`.
    """

    abstract = True
    scenario: ClassVar[str]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.fleet = run_of(environment)
        self.vu = self.fleet.next_vu()
        options = self.fleet.options
        self.rng = rng_for(options.seed, self.scenario, self.vu)
        self.participant_id = participant(options.participant_prefix, options.run_id, self.vu)
        self._wake = Event()
        self._alarm = self.fleet.resource(Alarm, Alarm)
        self._ending = False
        self._sessions = 0
        self._session: UserSession | None = None
        self.fleet.enter(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.participant_id}, session={self._session!r})"

    def journey(self) -> None:
        """One session of this behaviour. A ClientError in it ends the session, is counted, and a pause follows."""
        raise NotImplementedError

    def pause_s(self) -> float:
        """Seconds between two journeys."""
        return RETRY_PAUSE_S

    @property
    def ending(self) -> bool:
        """True when nothing new may begin: the run winds down, or this user was asked to stop."""
        return self._ending or self.fleet.winding_down

    @task
    def live(self) -> None:
        """Journeys and pauses until the end; the only task, so that Locust adds no waiting of its own."""
        try:
            while not self.ending:
                pause_s = self._journey_once()
                self.wait_until(time.perf_counter() + pause_s)
        finally:
            self.fleet.leave(self)
        raise StopUser

    def wait_until(self, moment_s: float) -> bool:
        """Sleeps until the moment, never less; False when the user's end came first."""
        while not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._wake.clear()
            self._alarm.at(moment_s, self._wake)
            self._wake.wait()
        return False

    @contextmanager
    def session(self) -> Iterator[UserSession]:
        """A joined session; at the end of the block it settles, leaves and closes, whatever happened in the block.

        Raises ClientError when it cannot be opened or is lost.
        """
        self._sessions += 1
        options = self.fleet.options
        prefix = session_prefix(options.run_id, self.vu, self._sessions)
        payloads = Payloads(self.rng, prefix, options.message_bytes)
        session = UserSession(self.fleet, kit_of(self.fleet), self.scenario, self.participant_id, payloads)
        self._session = session
        began_s = time.perf_counter()
        try:
            session.open(self.metadata())
            yield session
            session.settle()
            if session.down is not None:
                raise session.down
        except ClientError as problem:
            self._end_session(session, began_s, problem)
            raise
        except BaseException:
            session.close()  # ended by force or by a bug: every message still gets its fate
            raise
        self._end_session(session, began_s, None)

    def send_at(self, session: UserSession, dues: Iterable[float]) -> None:
        """Sends one message at each due moment, whatever the replies do; returns early when the user's end comes.

        Raises Disconnected when the session is lost.
        """
        for due_s in dues:
            if not self.wait_until(due_s):
                return
            session.send(due_s)

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
        self._wake.set()
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
        try:
            self.journey()
        except ClientError as problem:
            logger.debug("%r: %s", self, problem)
            return max(RETRY_PAUSE_S, self.pause_s())
        finally:
            self._session = None
        return self.pause_s()

    def _end_session(self, session: UserSession, began_s: float, problem: ClientError | None) -> None:
        session.close()
        self.fleet.events.session_ended.fire(
            scenario=self.scenario,
            phase=self.fleet.phase_at(began_s),
            session_id=session.session_id,
            exception=problem,
        )
