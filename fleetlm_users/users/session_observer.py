"""The fate of one session's messages, reported to the run's tallies and event hooks as it happens."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from fleetlm_users.client import SentMessage
from fleetlm_users.errors import Disconnected
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import FactHook, StepHook
from fleetlm_users.workload.pacing import Window


class SessionLog(msgspec.Struct):
    """Everything that a session sent and received, for a check afterwards.

    `sent` maps client_ref to text in the order of sending, `fates` names the failed ones with their fate, `live` holds
    every `message` payload in order of arrival. `is_ordered` says whether the protocol promises that order.
    """

    sent: dict[str, str] = msgspec.field(default_factory=dict)
    fates: dict[str, str] = msgspec.field(default_factory=dict)
    live: list[dict[str, Any]] = msgspec.field(default_factory=list)
    is_ordered: bool = True

    def in_order(self) -> list[dict[str, Any]]:
        """Return the payloads in order of arrival, or by seq if the protocol promises no order."""
        return self.live if self.is_ordered else sorted(self.live, key=lambda payload: payload["seq"])


def _nothing() -> None:
    """Do nothing: the callback until one is set."""


class SessionObserver:
    """The ChannelObserver of one session.

    It does not reference the session, so an ended session is freed without a garbage collection. `log`, `window` and
    the callbacks are None until a behaviour asks for them; `on_lost` is called once a joined session is lost,
    `on_appended` with each message whose own broadcast came, `on_withdrawn` with each one that the server refused or
    could not confirm, or for which that is taken back, `on_answer` with each broadcast of the agent, and `on_received`
    with the payload of each broadcast. With `frees_at_ack`, the reply to a send frees its slot in the window.
    `last_payload` is the last message from anybody, and `last_seen_s` its time of arrival. `failure` is the last
    message that failed, with its fate and the reason.
    """

    __slots__ = (
        *("_agent_id", "_events", "_run", "_scenario", "_tallies"),
        *("awaits_agent", "failure", "joined", "last_payload", "last_seen_s", "log"),
        *("frees_at_ack", "on_answer", "on_appended", "on_lost", "on_received", "on_withdrawn"),
        *("session_id", "window"),
    )

    def __init__(self, run: Run, scenario: str, *, follows_agent: bool = True) -> None:
        self._run = run
        self._events = run.events
        self._scenario = scenario
        self._tallies = run.tallies(scenario)
        self._agent_id = run.options.agent_id
        self.awaits_agent = follows_agent and run.options.agent_replies > 0
        self.session_id = ""
        self.joined = False
        self.last_seen_s = 0.0
        self.last_payload: dict[str, Any] = {}
        self.failure: tuple[SentMessage, str, str] | None = None
        self.log: SessionLog | None = None
        self.window: Window | None = None
        self.frees_at_ack = False
        self.on_lost: Callable[[], None] = _nothing
        self.on_appended: Callable[[SentMessage, float], None] | None = None
        self.on_withdrawn: Callable[[SentMessage, bool], None] | None = None
        self.on_answer: Callable[[dict[str, Any], str, float], None] | None = None
        self.on_received: Callable[[dict[str, Any]], None] | None = None

    def sent(self, message: SentMessage) -> None:
        """Report that the message was written."""
        self._tallies[message.phase].sent(message)
        if self._events.message_sent.is_heard:
            self.fire(self._events.message_sent, message.phase, message=message)

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """Report that a `message` broadcast was read."""
        self.last_seen_s = done_s
        self.last_payload = payload
        if self.log is not None:
            self.log.live.append(payload)
        if self.on_received is not None:
            self.on_received(payload)
        from_agent = payload.get("sender_id") == self._agent_id
        phase = self._run.phase_at(done_s)
        self._tallies[phase].received(from_agent)
        if from_agent and self.on_answer is not None:
            self.on_answer(payload, phase, done_s)
        if self._events.message_received.is_heard:
            self.fire(self._events.message_received, phase, payload=payload, from_agent=from_agent, done_s=done_s)

    def heard(self, done_s: float) -> None:
        """Count a broadcast read by a further writing device."""
        self._tallies[self._run.phase_at(done_s)].received(from_agent=False)

    def repeated(self, payload: dict[str, Any], done_s: float) -> None:
        """Count a broadcast that the protocol is known to repeat."""
        self.last_seen_s = done_s
        self._tallies[self._run.phase_at(done_s)].received(payload.get("sender_id") == self._agent_id)

    def appended(self, message: SentMessage, done_s: float) -> None:
        """Report that the message's own broadcast came back."""
        if self.window is not None:
            self.window.ended(message.client_ref, done_s)
        self._tallies[message.phase].appended(message, done_s, self.awaits_agent, self.session_id)
        if self._events.message_appended.is_heard:
            facts = {"message": message, "done_s": done_s, "awaits_agent": self.awaits_agent}
            self.fire(self._events.message_appended, message.phase, **facts)
        if self.on_appended is not None:
            self.on_appended(message, done_s)

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """Report that the server refused the message."""
        self._free_slot(message, done_s)
        self._fail(message, "rejected", reason)
        self._withdraw(message, True)

    def unrejected(self, message: SentMessage, reason: str) -> None:
        """Take back a presumed rejection."""
        self._take_back(message, "rejected", reason)
        self._withdraw(message, False)

    def acknowledged(self, message: SentMessage, done_s: float) -> None:
        """Report the ok reply to a send; with `frees_at_ack` it frees the slot, unless the push came first."""
        if self.frees_at_ack and self.window is not None and not message.appended_s:
            self.window.ended(message.client_ref, done_s)
            self.window.reopened(message.client_ref)  # its fate, still to come, must not free a second one
        self._tallies[message.phase].acknowledged(message, done_s)

    def unacknowledged(self, message: SentMessage) -> None:
        """Report that the message was appended but its send got no ok reply."""
        self._tallies[message.phase].unacknowledged(message)

    def unconfirmed(self, message: SentMessage, reason: str) -> None:
        """Report that the server could not say whether it appended the message."""
        self._free_slot(message, time.perf_counter())
        self._fail(message, "unconfirmed", reason)
        self._withdraw(message, True)

    def confirmed(self, message: SentMessage, reason: str) -> None:
        """Report that the outcome of the message is known after all."""
        self._take_back(message, "unconfirmed", reason)
        self._withdraw(message, False)

    def resolved(self, message: SentMessage) -> None:
        """Report that the message was appended although its own broadcast never came."""
        self._free_slot(message, time.perf_counter())
        self._tallies[message.phase].resolved(message, self.awaits_agent, is_answered=message.replies > 0)

    def stream_began(self, message: SentMessage | None, done_s: float) -> None:
        """Report the first piece of an answer."""
        self._tallies.streams[self._phase_of(message)].began(message, done_s)

    def stream_went_on(self, message: SentMessage | None, gap_s: float | None) -> None:
        """Report a further piece of an answer: nearly every frame of a streaming protocol is one."""
        phase = self.phase_now() if message is None else message.phase
        self._tallies.streams[phase].went_on(gap_s)

    def stream_ended(self, message: SentMessage | None, chunks: int, length_s: float | None, *, is_whole: bool) -> None:
        """Report the end of an answer's pieces."""
        del chunks
        self._tallies.streams[self._phase_of(message)].ended(length_s, is_whole=is_whole)

    def lost(self, message: SentMessage, reason: str) -> None:
        """Report that nothing came back for the message."""
        self._free_slot(message, time.perf_counter())
        self._fail(message, "lost", reason)

    def left_in_flight(self, message: SentMessage) -> None:
        """Report that the run ended before the message's time was up."""
        self._fail(message, "in_flight", "ended")

    def replied(self, message: SentMessage, done_s: float) -> None:
        """Report that the agent answered the message."""
        self._tallies[message.phase].replied(message, done_s, self.session_id)
        if self._events.agent_replied.is_heard:
            self.fire(self._events.agent_replied, message.phase, message=message, done_s=done_s)

    def unanswered(self, message: SentMessage, reason: str) -> None:
        """Report that the agent did not answer the message in time."""
        self.fire(self._events.agent_unanswered, message.phase, message=message, reason=reason)

    def backpressure(self, reason: str) -> None:
        """Report a `backpressure` push."""
        self.fire(self._events.backpressure, self.phase_now(), reason=reason)

    def anomaly(self, kind: str) -> None:
        """Report something on the wire that should not be there."""
        self.fire(self._events.anomaly, self.phase_now(), kind=kind)

    def skipped(self, noticed_s: float) -> None:
        """Report a `seq` that never came: it belongs to the moment at which a later one showed it."""
        if noticed_s < self._run.ledger.since_s:
            return
        phase = self._run.phase_at(noticed_s)
        self._run.ledger.first("seq_gaps", self._scenario, phase, noticed_s - self._run.started_s)
        self.fire(self._events.anomaly, phase, kind="seq_gap")

    def disconnected(self, down: Disconnected) -> None:
        """Report that the channel or the socket is gone: once, and only for a session that was joined."""
        if self.joined:
            self.joined = False
            self.fire(self._events.disconnected, self.phase_now(), kind=down.kind)
            self.on_lost()

    def left(self) -> None:
        """Report that the session was left, if it was joined."""
        if self.joined:
            self.joined = False
            self.fire(self._events.left, self.phase_now())

    def finding(self, kind: str, seq: int | None, client_ref: str, detail: str = "") -> None:
        """Report one faulty message of this session: the report names it."""
        facts = {"kind": kind, "seq": seq, "client_ref": client_ref, "detail": detail}
        self.fire(self._events.finding, self.phase_now(), **facts)

    def stepped(self, step: StepHook, phase: str, started_s: float, done_s: float, exception: Exception | None) -> None:
        """Report a step of this session to its hook."""
        step.report(self._scenario, phase, started_s, done_s, exception, self.session_id)

    def fire(self, fact: FactHook, phase: str, **facts: Any) -> None:
        """Fire one of the run's event hooks for this session."""
        fact.fire(scenario=self._scenario, phase=phase, session_id=self.session_id, **facts)

    def phase_now(self) -> str:
        """Return the phase of this moment."""
        return self._run.phase_at(time.perf_counter())

    def let_go(self) -> None:
        """Drop the callbacks, which hold their owners."""
        self.on_appended = self.on_withdrawn = self.on_answer = self.on_received = None
        self.on_lost = _nothing

    def _phase_of(self, message: SentMessage | None) -> str:
        return self.phase_now() if message is None else message.phase

    def _take_back(self, message: SentMessage, fate: str, reason: str) -> None:
        if self.log is not None:
            self.log.fates.pop(message.client_ref, None)
        if self.window is not None:
            self.window.reopened(message.client_ref)
        self.fire(self._events.message_unfailed, message.phase, message=message, fate=fate, reason=reason)

    def _withdraw(self, message: SentMessage, is_withdrawn: bool) -> None:
        if self.on_withdrawn is not None:
            self.on_withdrawn(message, is_withdrawn)

    def _free_slot(self, message: SentMessage, moment_s: float) -> None:
        if self.window is not None:
            self.window.ended(message.client_ref, moment_s)

    def _fail(self, message: SentMessage, fate: str, reason: str) -> None:
        self.failure = (message, fate, reason)
        if self.log is not None:
            self.log.fates[message.client_ref] = fate
        self.fire(self._events.message_failed, message.phase, message=message, fate=fate, reason=reason)
