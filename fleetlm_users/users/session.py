"""One session of one user, from POST to close: each step tells its fact to the run's event hooks.

A session does not leave while an answer may still come: it waits until every message has its fate and its agent reply,
at most for the reply timeout, at the end of a run at most until the drain's end. So no rate depends on when a behaviour
happens to leave.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from fleetlm_users.client import Created, Joined, PhoenixSocket, SentMessage, SessionChannel, copy_of
from fleetlm_users.errors import ClientError, Disconnected, PushRefused, ReplyTimeout
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import FactHook
from fleetlm_users.users.session_observer import SessionFacts, SessionLog
from fleetlm_users.users.shared_client import Kit
from fleetlm_users.workload.pacing import Window

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


class UserSession(SessionFacts):
    """One session: `open` it, `send` on it or `ask`, `settle`, `close` it; also the observer of its conversation."""

    def __init__(  # noqa: PLR0913  # a session is made in one place, each argument under its own name
        self,
        run: Run,
        kit: Kit,
        scenario: str,
        *,
        participant_id: str,
        payloads: Iterator[tuple[str, str]],
        follows_agent: bool = True,
    ) -> None:
        super().__init__(run, scenario, follows_agent=follows_agent)
        self._kit = kit
        self._participant_id = participant_id
        self._payloads = payloads
        self._socket: PhoenixSocket | None = None
        self._channel: SessionChannel | None = None
        self._down: Disconnected | None = None
        self.began_s = 0.0
        self.joined_s = 0.0
        self.closed_s = 0.0

    def __repr__(self) -> str:
        return f"UserSession({self._scenario}, {self.session_id or 'not created'}, {self._channel!r})"

    @property
    def down(self) -> Disconnected | None:
        """Why the session is gone, an error of the caller's own to raise, or None while it stands."""
        down = self._down if self._channel is None else self._channel.down
        return None if down is None else copy_of(down)

    @property
    def socket(self) -> PhoenixSocket:
        """The session's socket, for further topics. Raises Disconnected before `open` and after `close`."""
        if self._socket is None:
            raise Disconnected("not_connected")
        return self._socket

    def open(self, metadata: dict[str, Any]) -> None:
        """Creates the session, connects and joins. Raises ClientError; `close` is due in any case."""
        self._kit.await_names()
        self.began_s = time.perf_counter()
        self._timed(self._events.session_created, lambda: self._create(metadata))
        self._socket = socket = self._kit.socket(self._participant_id, self.anomaly)
        self._timed(self._events.connected, lambda: _connect(socket))
        self._join(socket)
        self.last_seen_s = self.joined_s

    def keep_log(self) -> SessionLog:
        """From now on everything that is sent and comes is kept; returns where."""
        self.log = SessionLog()
        return self.log

    def send(self, due_s: float) -> SentMessage:
        """Sends the next message, which was due at `due_s`. Raises Disconnected."""
        client_ref, text = next(self._payloads)
        message = self._joined_channel().send(text, client_ref, due_s, self._run.phase_at(due_s))
        if self.log is not None:
            self.log.sent[client_ref] = text
        self.sent(message)
        return message

    def ask(self, due_s: float) -> bool:
        """Sends the next message and waits for all of its agent reply; False when the run's end came first.

        Raises PushRefused when the server refused it, ReplyTimeout when append or answer did not come in time, and
        Disconnected.
        """
        channel, message = self._joined_channel(), self.send(due_s)
        channel.wait(lambda: not channel.is_open(message), self._run.patience_until_s)
        if self._is_answered(message):
            return True
        if channel.down is not None:
            raise copy_of(channel.down)
        if channel.is_open(message):
            self.cut_short = True
            return False
        if self._failure is not None and self._failure[:2] == (message, "rejected"):
            raise PushRefused(channel.topic, "send", self._failure[2])
        raise ReplyTimeout(channel.topic, "send", self._run.options.reply_timeout_s)

    def await_room(self, window: Window, is_over: Callable[[], bool], until_s: float) -> bool:
        """Waits until a slot of the window is free; False when it was over first. Raises Disconnected."""
        channel = self._joined_channel()
        channel.wait(lambda: window.has_room or is_over(), lambda: min(until_s, self._run.patience_until_s()))
        if channel.down is not None:
            raise copy_of(channel.down)
        return window.has_room and not is_over()

    def settle(self) -> bool:
        """Waits until every message has its fate and its reply; True when it came to that."""
        return self._channel is None or self._channel.settle(self._run.patience_until_s)

    def rejoin(self) -> list[dict[str, Any]]:
        """Leaves the session, joins it again over the same socket, and returns the replay. Raises ClientError."""
        channel, socket = self._joined_channel(), self.socket
        if channel.down is not None:
            raise copy_of(channel.down)
        self._leave(channel)
        self._finish(channel)
        self.log = None  # it is of the first join; what is pushed after the second belongs to neither
        response = self._join(socket).response
        messages = response.get("messages") if isinstance(response, dict) else None
        return [message for message in messages or [] if _has_seq(message)]

    def wake(self) -> None:
        """Makes whatever waits here look at the run's deadline again."""
        if self._channel is not None:
            self._channel.wake()

    def close(self) -> None:
        """Leaves, closes the socket, and gives every open message its fate. Never raises a ClientError."""
        channel = self._channel
        try:
            if channel is not None and self._present and not self._run.abandoned:
                self._leave(channel)
        finally:
            if channel is not None:
                self._finish(channel)
            if self._socket is not None:
                self._socket.close()
            self._let_go()
            self.closed_s = time.perf_counter()

    def delete(self) -> None:
        """Deletes the session over REST. Raises RestFailed."""
        self._timed(self._events.session_deleted, lambda: self._kit.rest.delete_session(self.session_id))

    def _let_go(self) -> None:
        """Lets go of all that holds this session, so that the last one who holds it frees it."""
        if self._channel is not None:
            self._down = self._channel.down
        self._socket = self._channel = None
        self.on_appended, self.on_lost = None, lambda: None

    def _create(self, metadata: dict[str, Any]) -> Created:
        """The id is known before the fact is told, for who keeps the ids."""
        created = self._kit.rest.create_session(self._participant_id, self._run.options.agent_id, metadata)
        self.session_id = created.session_id
        return created

    def _join(self, socket: PhoenixSocket) -> Joined:
        options = self._run.options
        self._channel = channel = self._kit.channel(socket, self.session_id, self, follows_agent=self._follows_agent)
        joined = self._timed(self._events.joined, lambda: channel.join(options.join_timeout_s))
        self.joined_s = time.perf_counter()
        self._present = True
        if channel.down is not None:  # gone between the join's reply and this line
            self.disconnected(channel.down)
        return joined

    def _joined_channel(self) -> SessionChannel:
        if self._channel is None:
            raise Disconnected("not_joined")
        return self._channel

    def _is_answered(self, message: SentMessage) -> bool:
        wanted = self._run.options.agent_replies if self._awaits_agent else 0
        return message.seq is not None and message.replies >= wanted

    def _leave(self, channel: SessionChannel) -> None:
        try:
            channel.leave(LEAVE_TIMEOUT_S)
        except Disconnected:
            return  # told by `disconnected`
        except ClientError as problem:
            self.anomaly(f"leave_{problem.kind}")

    def _finish(self, channel: SessionChannel) -> None:
        channel.finish()
        if self._present:
            self._present = False
            self._tell(self._events.left, self._phase_now())

    def _timed(self, fact: FactHook, step: Callable[[], Answer]) -> Answer:
        """Runs one step and tells when it began and ended, and how; the step's ClientError goes on to the caller.

        A step cut short from outside (GreenletExit) tells nothing: it neither succeeded nor failed.
        """
        started_s = time.perf_counter()
        try:
            answer = step()
        except ClientError as problem:
            self._tell_step(fact, Stamps(started_s, time.perf_counter()), problem)
            self._kit.warn_once(problem)
            raise
        self._tell_step(fact, answer, None)
        return answer

    def _tell_step(self, fact: FactHook, stamps: Stamped, exception: ClientError | None) -> None:
        phase = self._run.phase_at(stamps.sent_s)
        self._tell(fact, phase, started_s=stamps.sent_s, done_s=stamps.done_s, exception=exception)


def _connect(socket: PhoenixSocket) -> Stamps:
    socket.connect()
    return Stamps(socket.connect_started_s or 0.0, socket.connected_s or 0.0)


def _has_seq(message: Any) -> bool:
    return isinstance(message, dict) and type(message.get("seq")) is int
