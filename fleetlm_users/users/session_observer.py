"""What one session tells of itself: to the run's tallies and event hooks, and to who asked to be kept informed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fleetlm_users.client import SentMessage
from fleetlm_users.errors import Disconnected
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import FactHook
from fleetlm_users.workload.pacing import Window


@dataclass
class SessionLog:
    """All that a session saw, for who judges it afterwards.

    `sent` are texts by client_ref in the order of sending, `fates` those that failed and how, `live` every `message`
    payload in the order of arrival.
    """

    sent: dict[str, str] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    live: list[dict[str, Any]] = field(default_factory=list)


class SessionFacts:
    """The observer of one session's conversation.

    `log`, `window` and `on_appended` are None until a behaviour asks for them; `on_lost` is called when the session is
    gone, `on_appended` with each message whose own broadcast came. `last_payload` is the last message that came, from
    whomever, and `last_seen_s` when.
    """

    def __init__(self, run: Run, scenario: str, *, follows_agent: bool = True) -> None:
        self._run = run
        self._events = run.events
        self._scenario = scenario
        self._tallies = run.tallies(scenario)
        self._agent_id = run.options.agent_id
        self._follows_agent = follows_agent
        self._awaits_agent = follows_agent and run.options.agent_replies > 0
        self._present = False
        self._failure: tuple[SentMessage, str, str] | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_appended: Callable[[SentMessage, float], None] | None = None
        self.session_id = ""
        self.last_seen_s = 0.0
        self.last_payload: dict[str, Any] = {}
        self.cut_short = False
        self.log: SessionLog | None = None
        self.window: Window | None = None

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """A `message` broadcast was read."""
        self.last_seen_s = done_s
        self.last_payload = payload
        if self.log is not None:
            self.log.live.append(payload)
        from_agent = payload.get("sender_id") == self._agent_id
        phase = self._run.phase_at(done_s)
        self._tallies[phase].received(from_agent)
        if self._events.message_received.is_heard:
            self._tell(self._events.message_received, phase, payload=payload, from_agent=from_agent, done_s=done_s)

    def sent(self, message: SentMessage) -> None:
        """The message was written."""
        self._tallies[message.phase].sent(message)
        if self._events.message_sent.is_heard:
            self._tell(self._events.message_sent, message.phase, message=message)

    def appended(self, message: SentMessage, done_s: float) -> None:
        """The message's own broadcast came back."""
        self._ended(message, done_s)
        self._tallies[message.phase].appended(message, done_s, self._awaits_agent)
        if self._events.message_appended.is_heard:
            facts = {"message": message, "done_s": done_s, "awaits_agent": self._awaits_agent}
            self._tell(self._events.message_appended, message.phase, **facts)
        if self.on_appended is not None:
            self.on_appended(message, done_s)

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """The server refused the message."""
        self._ended(message, done_s)
        self._fail(message, "rejected", reason)

    def unrejected(self, message: SentMessage, reason: str) -> None:
        """A presumed rejection was none."""
        if self.log is not None:
            self.log.fates.pop(message.client_ref, None)
        if self.window is not None:
            self.window.reopened(message.client_ref)
        self._tell(self._events.message_unfailed, message.phase, message=message, reason=reason)

    def lost(self, message: SentMessage, reason: str) -> None:
        """Nothing came back for the message."""
        self._ended(message, time.perf_counter())
        self._fail(message, "lost", reason)

    def left_in_flight(self, message: SentMessage) -> None:
        """The run ended before the message's time was up."""
        self._fail(message, "in_flight", "ended")

    def replied(self, message: SentMessage, done_s: float) -> None:
        """The agent answered the message."""
        self._tallies[message.phase].replied(message, done_s)
        if self._events.agent_replied.is_heard:
            self._tell(self._events.agent_replied, message.phase, message=message, done_s=done_s)

    def unanswered(self, message: SentMessage, reason: str) -> None:
        """The agent did not answer the message in time."""
        self._tell(self._events.agent_unanswered, message.phase, message=message, reason=reason)

    def backpressure(self, reason: str) -> None:
        """A `backpressure` push came."""
        self._tell(self._events.backpressure, self._phase_now(), reason=reason)

    def anomaly(self, kind: str) -> None:
        """Something on the wire that should not be there."""
        self._tell(self._events.anomaly, self._phase_now(), kind=kind)

    def disconnected(self, down: Disconnected) -> None:
        """The channel or the socket is gone; told once, and only of a session that was joined."""
        if self._present:
            self._present = False
            self._tell(self._events.disconnected, self._phase_now(), kind=down.kind)
            self.on_lost()

    def tell_finding(self, kind: str, seq: int | None, client_ref: str, detail: str = "") -> None:
        """One message of this session was found wrong: its name goes into the report."""
        facts = {"kind": kind, "seq": seq, "client_ref": client_ref, "detail": detail}
        self._tell(self._events.finding, self._phase_now(), **facts)

    def _ended(self, message: SentMessage, moment_s: float) -> None:
        if self.window is not None:
            self.window.ended(message.client_ref, moment_s)

    def _fail(self, message: SentMessage, fate: str, reason: str) -> None:
        self._failure = (message, fate, reason)
        if self.log is not None:
            self.log.fates[message.client_ref] = fate
        self._tell(self._events.message_failed, message.phase, message=message, fate=fate, reason=reason)

    def _tell(self, fact: FactHook, phase: str, **facts: Any) -> None:
        fact.fire(scenario=self._scenario, phase=phase, session_id=self.session_id, **facts)

    def _phase_now(self) -> str:
        return self._run.phase_at(time.perf_counter())
