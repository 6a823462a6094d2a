"""One session of one user, from POST to close: each step tells its fact to the run's event hooks.

A session does not leave while an answer may still come: it waits until every message has its fate and its agent reply,
at most for the reply timeout, at the end of a run at most until the drain's end. So no rate depends on when a behaviour
happens to leave.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from locust.event import EventHook

from fleetlm_users.client import PhoenixSocket, SentMessage, SessionChannel
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.kit import Kit

LEAVE_TIMEOUT_S = 5.0
"""A leave is answered at once (wire record); a server that does not is not worth waiting for longer."""


class Stamps(NamedTuple):
    """When a step began and when it was done, monotonic seconds."""

    sent_s: float
    done_s: float


class Stamped(Protocol):
    """What a step returns: the client's own stamps are truer than a clock around the call."""

    @property
    def sent_s(self) -> float:
        """When the step began."""

    @property
    def done_s(self) -> float:
        """When its answer's bytes arrived."""


Answer = TypeVar("Answer", bound=Stamped)


class UserSession:
    """One session: `open` it, `send` on it, `settle`, `close` it; also the observer of its conversation."""

    def __init__(
        self, run: Run, kit: Kit, scenario: str, participant_id: str, payloads: Iterator[tuple[str, str]]
    ) -> None:
        self._run = run
        self._kit = kit
        self._events = run.events
        self._scenario = scenario
        self._participant_id = participant_id
        self._payloads = payloads
        self._socket: PhoenixSocket | None = None
        self._channel: SessionChannel | None = None
        self._present = False
        self.session_id = ""
        self.joined_s = 0.0
        self.closed_s = 0.0

    def __repr__(self) -> str:
        return f"UserSession({self._scenario}, {self.session_id or 'not created'}, {self._channel!r})"

    @property
    def down(self) -> Disconnected | None:
        """Why the session is gone, or None while it stands."""
        return self._channel.down if self._channel is not None else None

    def open(self, metadata: dict[str, Any]) -> None:
        """Creates the session, connects and joins. Raises ClientError; `close` is due in any case."""
        options = self._run.options
        self.session_id = self._timed(
            self._events.session_created,
            lambda: self._kit.rest.create_session(self._participant_id, options.agent_id, metadata),
        ).session_id
        self._socket = socket = self._kit.socket(self._participant_id, self.anomaly)
        self._timed(self._events.connected, lambda: _connect(socket))
        self._channel = channel = self._kit.channel(socket, self.session_id, self)
        self._timed(self._events.joined, lambda: channel.join(options.join_timeout_s))
        self.joined_s = time.perf_counter()
        self._present = True
        if channel.down is not None:  # gone between the join's reply and this line
            self.disconnected(channel.down)

    def send(self, due_s: float) -> SentMessage:
        """Sends the next message, which was due at `due_s`. Raises Disconnected."""
        if self._channel is None:
            raise Disconnected("not_joined")
        client_ref, text = next(self._payloads)
        message = self._channel.send(text, client_ref, due_s, self._run.phase_at(due_s))
        self._tell(self._events.message_sent, message.phase, message=message)
        return message

    def settle(self) -> bool:
        """Waits until every message has its fate and its reply; True when it came to that."""
        return self._channel is None or self._channel.settle(self._run.patience_until_s)

    def wake(self) -> None:
        """Makes a waiting `settle` look at the run's deadline again."""
        if self._channel is not None:
            self._channel.wake()

    def close(self) -> None:
        """Leaves, closes the socket, and gives every open message its fate. Never raises a ClientError."""
        channel = self._channel
        try:
            if channel is not None and self._present and not self._run.abandoned:
                self._leave(channel)
        finally:
            self._end(channel)

    def delete(self) -> None:
        """Deletes the session over REST. Raises RestFailed."""
        self._timed(self._events.session_deleted, lambda: self._kit.rest.delete_session(self.session_id))

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """A `message` broadcast was read."""
        from_agent = payload.get("sender_id") == self._run.options.agent_id
        phase = self._run.phase_at(done_s)
        self._tell(self._events.message_received, phase, payload=payload, from_agent=from_agent, done_s=done_s)

    def appended(self, message: SentMessage, done_s: float) -> None:
        """The message's own broadcast came back."""
        self._tell(self._events.message_appended, message.phase, message=message, done_s=done_s)

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """The server refused the message."""
        self._fail(message, "rejected", reason)

    def unrejected(self, message: SentMessage, reason: str) -> None:
        """A presumed rejection was none."""
        self._tell(self._events.message_unfailed, message.phase, message=message, reason=reason)

    def lost(self, message: SentMessage, reason: str) -> None:
        """Nothing came back for the message."""
        self._fail(message, "lost", reason)

    def left_in_flight(self, message: SentMessage) -> None:
        """The run ended before the message's time was up."""
        self._fail(message, "in_flight", "ended")

    def replied(self, message: SentMessage, done_s: float) -> None:
        """The agent answered the message."""
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

    def _leave(self, channel: SessionChannel) -> None:
        try:
            channel.leave(LEAVE_TIMEOUT_S)
        except Disconnected:
            return  # told by `disconnected`
        except ClientError as problem:
            self.anomaly(f"leave_{problem.kind}")

    def _end(self, channel: SessionChannel | None) -> None:
        if channel is not None:
            channel.finish()
        if self._present:
            self._present = False
            self._tell(self._events.left, self._phase_now())
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.closed_s = time.perf_counter()

    def _timed(self, fact: EventHook, step: Callable[[], Answer]) -> Answer:
        """Runs one step and tells when it began and ended, and how; the step's ClientError goes on to the caller.

        A step cut short from outside (GreenletExit) tells nothing: it neither succeeded nor failed.
        """
        started_s = time.perf_counter()
        try:
            answer = step()
        except ClientError as problem:
            self._tell_step(fact, Stamps(started_s, time.perf_counter()), problem)
            raise
        self._tell_step(fact, answer, None)
        return answer

    def _tell_step(self, fact: EventHook, stamps: Stamped, exception: ClientError | None) -> None:
        phase = self._run.phase_at(stamps.sent_s)
        self._tell(fact, phase, started_s=stamps.sent_s, done_s=stamps.done_s, exception=exception)

    def _fail(self, message: SentMessage, fate: str, reason: str) -> None:
        self._tell(self._events.message_failed, message.phase, message=message, fate=fate, reason=reason)

    def _tell(self, fact: EventHook, phase: str, **facts: Any) -> None:
        fact.fire(scenario=self._scenario, phase=phase, session_id=self.session_id, **facts)

    def _phase_now(self) -> str:
        return self._run.phase_at(time.perf_counter())


def _connect(socket: PhoenixSocket) -> Stamps:
    socket.connect()
    return Stamps(socket.connect_started_s or 0.0, socket.connected_s or 0.0)
