"""FleetUser: a virtual user that lives one session after another until the run ends or its work is done.

A behaviour is a subclass with a `scenario` name and a `journey`: one session, from `self.session()` to its end.
"""

import math
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from locust.env import Environment

from fleetlm_users.errors import ClientError
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.rest_session import RestSession
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.shared_client import shared_client_of
from fleetlm_users.users.virtual_user import RETRY_PAUSE_S, VirtualUser
from fleetlm_users.workload.identity import participant
from fleetlm_users.workload.payload import Payloads, session_prefix

__all__ = ["RETRY_PAUSE_S", "FleetUser"]


class FleetUser(VirtualUser):
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
        thresholds: The behaviour's thresholds in any run, as metrics with their conditions: `{"interview_ms":
            "p(95)<2000"}`. Each is judged for this scenario, unless the preset or a given threshold bounds its metric.
        follows_agent: False when the agent's answers are neither awaited nor measured.
        needs, lacks: What the protocol must support, and what differs if it does not; see VirtualUser.
    """

    abstract = True
    follows_agent: ClassVar[bool] = True
    needs_fleetlm: ClassVar[bool] = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options = self.current_run.options
        self.participant_id = participant(options.participant_prefix, options.run_id, self.vu)
        self._sessions = 0
        self._session: UserSession | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.participant_id}, session={self._session!r})"

    # For use in a journey

    @property
    def fleet(self) -> Run:
        """Deprecated name of `current_run`; removed in version 0.2."""
        warnings.warn("FleetUser.fleet is now FleetUser.current_run", DeprecationWarning, stacklevel=2)
        return self.current_run

    @property
    def main_phase(self) -> str:
        """The phase of everything its sessions send after the warm-up: the main one, or a part of it."""
        return MAIN

    @contextmanager
    def session(self, *, delete: bool = False) -> Iterator[UserSession]:
        """Open a session for a `with` block; at its end the session settles, leaves and closes, whatever happens.

        Args:
            delete: Whether to delete the session afterwards, as part of its journey.

        Yields:
            The joined session.

        Raises:
            ClientError: The session cannot be opened, is lost, or cannot be deleted.
        """
        session = self._new_session()
        problem: ClientError | None = None
        try:
            self._open(session)
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
                del problem  # its traceback holds this frame, so it would hold itself and the session

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of this user's sessions, by which a run's sessions are found and cleaned up."""
        return {"bench": True, "run_id": self.current_run.options.run_id, "scenario": self.scenario, "vu": self.vu}

    def ask(self, session: UserSession) -> bool:
        """Send one message and wait for the agent's complete reply.

        The message is due when the last one arrived or, after a `hold`, at the moment it held for: think time is not
        lateness.

        Returns:
            False when the user's end came first.

        Raises:
            PushRefused: The server refused the message.
            ReplyTimeout: The append or the reply did not come in time; it breaks the journey.
            Disconnected: The session was lost.
        """
        resumed_s = self._resumed_s(session)
        if self.ending:
            session.cut_short = True
            return False
        return session.ask(max(session.last_seen_s, session.held_until_s, resumed_s))

    def send_at(self, session: UserSession, dues: Iterable[float], *, since_s: float | None = None) -> None:
        """Send one message at each due moment, whatever the replies: an open loop.

        Args:
            session: A joined session.
            dues: Ascending moments in `time.perf_counter()` seconds, as `fixed`, `uniform` and `poisson` make them.
            since_s: The moment they were counted from, by default the join. If a person changes the rate of the run,
                messages become due sooner or later.

        Raises:
            Disconnected: The session was lost.
        """
        for due_s in dues:
            if not self.hold(session, due_s, since_s=since_s):
                return
            session.send(session.held_until_s)

    def send_within(
        self, session: UserSession, depth: int, *, count: float = math.inf, until_s: float = math.inf
    ) -> None:
        """Keep `depth` messages in flight: a closed loop.

        A message is due when its slot became free, the first ones at the join. A slot is free once its message has its
        fate, so this measures how fast the server takes messages, not what a person would experience.

        Args:
            session: A joined session.
            depth: Messages in flight, 1 or more.
            count: The most messages to send.
            until_s: The moment after which nothing is sent, in `time.perf_counter()` seconds.

        Raises:
            Disconnected: The session was lost.
        """
        window = session.open_window(depth)

        def is_over() -> bool:
            return self.ending or time.perf_counter() >= until_s

        sent = 0
        while sent < count and session.await_slot(window, is_over, until_s):
            resumed_s = self._resumed_s(session)
            if not is_over():
                session.send(max(window.take(), resumed_s))
                sent += 1

    def hold(self, session: UserSession, moment_s: float, *, since_s: float | None = None) -> bool:
        """Wait until a moment of the timetable with the session open, never less.

        Args:
            session: A joined session.
            moment_s: The moment, in `time.perf_counter()` seconds.
            since_s: As for `send_at`.

        Returns:
            False when the user's end came first.

        Raises:
            Disconnected: The session was lost; raised as soon as it is.
        """
        run = self.current_run
        while session.down is None and not (self._ending or run.is_draining):  # `ending`, without the call
            # with an unchanged rate, the run is not asked: this is the path of every message
            due_s = moment_s if run.load_clock is None else run.due_s(moment_s, since_s or session.joined_s)
            if time.perf_counter() >= due_s:
                session.held_until_s = due_s
                return True
            self._sleeper.sleep(due_s)
        if session.down is not None:
            raise session.down
        return False

    def _resumed_s(self, session: UserSession) -> float:
        """Wait while the run is paused and the session open; return since when the run has not been paused."""
        if self.current_run.load_clock is None:
            return -math.inf  # without a closure for each question
        return self.wait_while_paused(lambda: session.down is not None)

    def _new_session(self) -> UserSession:
        self._sessions += 1
        options = self.current_run.options
        prefix = session_prefix(options.run_id, self.vu, self._sessions)
        self._session = session = UserSession(
            self.current_run,
            shared_client_of(self.current_run),
            self.scenario,
            participant_id=self.participant_id,
            payloads=Payloads(lambda: self.rng, prefix, options.message_bytes),
            follows_agent=self.follows_agent,
            main_phase=self.main_phase,
        )
        session.observer.on_lost = self._sleeper.wake
        return session

    def _open(self, session: UserSession | RestSession) -> None:
        try:
            session.open(self.metadata())
        finally:
            self.note_created(session.created_s)

    def _end_session(
        self, session: UserSession | RestSession, problem: ClientError | None, *, delete: bool
    ) -> ClientError | None:
        """Close the session, delete it if requested, and report its end; return why its journey failed, or None."""
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

    def after_journey(self) -> None:
        """Let go of the journey's session."""
        self._session = None

    def wake(self) -> None:
        """Wake the user, also where its session waits."""
        super().wake()
        if self._session is not None:
            self._session.wake()
