"""Reconnect storm: sessions with traffic lose their connections at one moment, and each returns on its own.

A user does what the official client does: it connects again after the waits of its back-off table, and joins again on
an open socket after those of another table. It asks for the replay of messages it has not seen, if the protocol allows
that.
"""

import math
import time
from typing import NamedTuple

import gevent
from locust.env import Environment

from fleetlm_users.client import RestCallFailed, SentMessage
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.measure.audit.missed import Absences, Missed
from fleetlm_users.measure.metrics.metric import WARM_UP
from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.shared_client import shared_client_of
from fleetlm_users.users.skewed_user import SkewedUser
from fleetlm_users.users.storm.cutter import Cutter
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.storm import storm_plan
from fleetlm_users.workload.storm.back_off import jitter_of

LOOK_S = 0.1
"""How often a user waiting to join again checks whether its socket is still there."""

NOTICED_S = 1.0
"""Within this time, a connection that cannot be written to is known to be lost."""

CLEAN = "closed_1000"
"""A connection closed by the server with this code stays closed: phoenix.js takes it for intended (onConnClose)."""

NOT_BROUGHT = "not_brought_after_cut"
"""The kind of a finding: a missed message that neither replay nor push delivered."""


class Return(NamedTuple):
    """When a session was joined again, and how much of the time until then the generator itself took, in seconds."""

    joined_s: float
    own_s: float


class ReconnectStormUser(SkewedUser):
    """One session for the whole run, a message every SEND_INTERVAL; when its connection breaks it comes back.

    For UNNOTICED before a cut its connection is dead without its knowledge; meanwhile the agent appends AWAY_MESSAGES
    over REST, so that there is something to miss. Answers of the agent are not measured: one to a message from before
    the cut could be mistaken for that to a later one. Messages due while the session was away are counted as
    `messages_not_sent`, not sent late.
    """

    scenario = "storm"
    follows_agent = False
    options = BEHAVIOUR_OPTIONS["storm"]
    thresholds = BEHAVIOUR_THRESHOLDS["storm"]

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check that the storm's options do not contradict each other. Raise UsageError."""
        super().check_options(options)
        storm_plan(options)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        run = self.current_run
        self._plan = storm_plan(run.options)
        self._cutter = run.resource(Cutter, lambda: Cutter(run, self._plan, self.scenario))
        self._jitter = jitter_of(run.options.seed, self.vu) if self._plan.has_jitter else None
        self._absences = Absences()
        self._lived: UserSession | None = None
        self._cut_s = -math.inf
        self._is_away = False
        self._left_s = -math.inf
        self._away_count = 0

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session lasts to the end of the run."""
        del options
        return "whose sessions last to the end of the run"

    def journey(self) -> None:
        """Live one session to the end of the run, across every break of its connection."""
        interval_s = self.option("send_interval") / MS_PER_S * self.current_run.options.time_scale
        self._absences = Absences()
        try:
            with self.session() as session:
                self._lived = session
                session.observer.on_appended = self._appended
                session.observer.on_received = self._absences.pushed
                self._cutter.attach(self.vu, self)
                while not self.ending:
                    try:
                        self.send_lasting(session, lambda from_s: self.steady_dues(interval_s, from_s))
                    except Disconnected as down:
                        self._come_back(session, down)
        finally:
            self._cutter.detach(self.vu)
            lived, self._lived = self._lived, None
            if lived is not None:
                self._report(lived, self._absences.settle())

    # Called by the cutter

    @property
    def is_joined(self) -> bool:
        """Whether the session is joined."""
        return self._lived is not None and self._lived.observer.joined

    def go_deaf(self) -> None:
        """Receive nothing from now on; messages appended meanwhile are missed."""
        if self._lived is not None:
            self._lived.socket.go_deaf()
            self._leave(self._lived)

    def cut(self) -> None:
        """Break the connection off."""
        if self._lived is not None:
            self._lived.socket.cut()

    def write_away(self) -> None:
        """Append a message to the session as the agent while it is away: this stands for what others write
        meanwhile.
        """
        session = self._lived
        if session is None or not self._is_away or self.ending:
            return
        client = shared_client_of(self.current_run)
        self._away_count += 1
        client_ref = f"{self.participant_id}-away-{self._away_count}"
        self._absences.writing(client_ref)
        content = {"text": "written while you were away", "client_ref": client_ref}
        try:
            answer = client.append_agent_message(session.session_id, content)
        except RestCallFailed as problem:
            client.warn_once(problem)
            self.count("away_messages_failed", label=problem.kind)
        else:
            self.count("away_messages")
            self._absences.appended(client_ref, answer.seq)

    # The life of a session

    def _come_back(self, session: UserSession, down: Disconnected) -> None:
        """Return to the session, in as many attempts as it takes, whatever the rate of the run."""
        lost_s = time.perf_counter()
        while session.down is None and time.perf_counter() < lost_s + NOTICED_S:
            gevent.sleep(0)  # a write failed first: open messages get their fate when the loss itself is noticed
        cut_s = self._cutter.left(self.vu, lost_s)
        if not self._is_away:
            self._leave(session)
        self._cut_s = self._cut_s if cut_s is None else cut_s
        back = None if down.kind == CLEAN else self._return(session, lost_s if cut_s is None else cut_s)
        if back is None:
            self.count("sessions_not_resumed")
            self._stay_away()
        else:
            self._is_away = False
            self.count("sessions_resumed")
            self.record("outage_ms", lost_s, back.joined_s)
            if cut_s is not None:
                self.record("reconnect_ms", cut_s, max(cut_s, back.joined_s))
                self.record("reconnect_own_ms", cut_s, cut_s + back.own_s)
                self._cutter.returned()

    def _leave(self, session: UserSession) -> None:
        """Note that the session receives nothing from now on."""
        self._is_away = True
        self._report(session, self._absences.left())
        self._left_s = time.perf_counter()

    def _stay_away(self) -> None:
        """Wait for the end: the client does not return on its own."""
        while not self.ending:
            self._sleeper.sleep()

    def _return(self, session: UserSession, from_s: float) -> Return | None:
        """Connect and join again after each wait; return None if the user's end came first."""
        failures, due_s = 0, from_s + self._plan.reconnect.wait_s(0, self._jitter)
        while self.wait_out(due_s):
            late_s = time.perf_counter() - due_s
            self._attempt("connect")
            try:
                session.reconnect()
            except ClientError as problem:
                self.count("resumes_failed", label=problem.kind)
                failures += 1
            else:
                self.count("reconnects")
                failures = 0
                back = self._rejoin(session)
                if back is not None:
                    return Return(back.joined_s, late_s + back.own_s)
            due_s = time.perf_counter() + self._plan.reconnect.wait_s(failures, self._jitter)
        return None

    def _rejoin(self, session: UserSession) -> Return | None:
        """Join on the open socket until it succeeds; return None if the socket is gone or the user's end came.

        The first join is due when the socket has opened, a further one after its wait; only what comes later is ours.
        """
        failures, due_s = 0, session.socket.connected_s or time.perf_counter()
        while not self.ending and session.socket.down is None:
            if failures:
                self._attempt("join")
            try:
                joined = session.rejoin_lost(self._absences.last_seq)
            except ClientError as problem:
                self.count("resumes_failed", label=problem.kind)
                due_s = time.perf_counter() + self._plan.rejoin.wait_s(failures, self._jitter)
                failures += 1
                while session.socket.down is None and time.perf_counter() < due_s:
                    if not self.wait_out(min(due_s, time.perf_counter() + LOOK_S)):
                        break
            else:
                response = joined.response if isinstance(joined.response, dict) else {}
                messages = response.get("messages")
                self._absences.replayed(messages if isinstance(messages, list) else ())
                return Return(joined.done_s, max(0.0, joined.sent_s - due_s))
        return None

    def _attempt(self, what: str) -> None:
        self.count("reconnect_attempts", label=what)
        self._cutter.attempted()

    def _appended(self, message: SentMessage, done_s: float) -> None:
        """Record the latency of a message before the cut, or of one in a session that stayed."""
        if message.phase == WARM_UP:
            return
        if message.due_s < self._cutter.first_s:
            self.record("calm_append_ms", message.due_s, done_s)
        elif self._cut_s < self._cutter.latest_s and self._cutter.others_are_away(message.due_s):
            self.record("stayed_append_ms", message.due_s, done_s)

    def _report(self, session: UserSession, missed: Missed) -> None:
        """Count the cost of an absence, and name the messages that nothing delivered."""
        for metric, n in (
            ("missed_messages", missed.all),
            ("missed_replayed", missed.replayed),
            ("missed_pushed", missed.pushed),
            ("missed_not_brought", len(missed.missing)),
        ):
            if n:
                self.count(metric, n)
        run = self.current_run
        if missed.missing and self._left_s >= run.ledger.since_s:  # counted at the session's end, long after
            phase, at_s = run.phase_at(self._left_s), self._left_s - run.started_s
            run.ledger.first("missed_not_brought", self.scenario, phase, at_s)
        for message in missed.missing:
            session.observer.finding(
                NOT_BROUGHT, message.seq, message.client_ref, "appended while its session was away"
            )
