"""One session of one user, from POST to close; each step is reported to the run's event hooks.

A session does not leave while an answer may still come: it waits until every message has its fate and its agent reply,
at most for the reply timeout, and at the end of a run at most until the drain's end. So no rate depends on when a
behaviour happens to leave.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fleetlm_users.client import Created, Joined, PhoenixSocket, SentMessage, SessionChannel, WriterDevice, copy_of
from fleetlm_users.errors import ClientError, Disconnected, PushRefused, ReplyTimeout
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import StepHook
from fleetlm_users.users.session_observer import SessionLog
from fleetlm_users.users.session_steps import Answer, StepTimes, connect, observer_of, report_step, timed
from fleetlm_users.users.shared_client import SharedClient
from fleetlm_users.workload.pacing import Window

LEAVE_TIMEOUT_S = 5.0
"""Seconds to wait for the answer to a leave; servers answer at once (wire record), and a slower one is not worth
waiting for.
"""


class UserSession:
    """One session: `open` it, `send` or `ask` on it, `settle`, `close` it.

    Attributes:
        participant_id: The participant whose session it is.
        observer: The fate of its messages; it is not this object, so that the channel does not hold its session.
        began_s, created_s, joined_s, closed_s: When it began to open, was created, had joined and was closed; 0 before.
        held_until_s: The moment until which its user last held it open; 0 before.
        cut_short: Whether the end of the run cut it short, so that it counts neither as whole nor as failed.
    """

    def __init__(  # noqa: PLR0913  # a session is made in one place, each argument under its own name
        self,
        run: Run,
        client: SharedClient,
        scenario: str,
        *,
        participant_id: str,
        payloads: Iterator[tuple[str, str]],
        follows_agent: bool = True,
        main_phase: str = MAIN,
    ) -> None:
        self.observer, payloads = observer_of(
            run, client, scenario, participant_id, payloads, follows_agent=follows_agent
        )
        self._run = run
        self._client = client
        self._scenario = scenario
        self.participant_id = participant_id
        self._payloads = payloads
        self._follows_agent = follows_agent
        self._main_phase = main_phase
        self._socket: PhoenixSocket | None = None
        self._channel: SessionChannel | None = None
        self._down: Disconnected | None = None
        self._broken: Disconnected | None = None
        self.began_s = 0.0
        self.created_s = 0.0
        self.joined_s = 0.0
        self.closed_s = 0.0
        self.held_until_s = 0.0
        self.cut_short = False

    def __repr__(self) -> str:
        return f"UserSession({self._scenario}, {self.session_id or 'not created'}, {self._channel!r})"

    @property
    def session_id(self) -> str:
        """The server's id of the session, empty until it is created."""
        return self.observer.session_id

    @property
    def last_seen_s(self) -> float:
        """When the last message arrived, from any sender; before the first, when the session was joined."""
        return self.observer.last_seen_s

    @property
    def last_payload(self) -> dict[str, Any]:
        """The last message that arrived, as the server sent it."""
        return self.observer.last_payload

    @property
    def down(self) -> Disconnected | None:
        """Why the session is gone, as a new error for the caller to raise; None while it is connected."""
        down = self._broken or (self._down if self._channel is None else self._channel.down)
        return None if down is None else copy_of(down)

    @property
    def socket(self) -> PhoenixSocket:
        """The session's socket, for further topics. Raises Disconnected before `open` and after `close`."""
        if self._socket is None:
            raise Disconnected("not_connected")
        return self._socket

    def open(self, metadata: dict[str, Any]) -> None:
        """Create the session, connect and join. `close` is due in any case.

        Raises:
            ClientError: A step failed.
        """
        self._client.await_names()
        self.began_s = time.perf_counter()
        self.timed(self._run.events.session_created, self._create, metadata)
        self._socket = socket = self._client.socket(self.participant_id, self.observer.anomaly)
        self.timed(self._run.events.connected, connect, socket)
        self._join(socket)
        self.observer.last_seen_s = self.joined_s

    def keep_log(self) -> SessionLog:
        """Keep everything sent and received from now on; return the log."""
        self.observer.log = log = SessionLog(is_ordered=self._client.pushes_in_order)
        return log

    def open_window(self, depth: int, *, frees_at_ack: bool = False) -> Window:
        """Return the slots of a closed loop, free since the join; the fate of each message frees its slot.

        With `frees_at_ack`, the reply to its send does, or its own push if that comes first, as in a protocol without
        such replies.
        """
        self.observer.frees_at_ack = frees_at_ack and self._client.profile.acknowledges
        self.observer.window = window = Window(depth, self.joined_s)
        return window

    def send(self, due_s: float, device: WriterDevice | None = None) -> SentMessage:
        """Send the next message.

        Args:
            due_s: The moment at which it was due, in `time.perf_counter()` seconds; its times count from then.
            device: The further device that sends it; the first one reports its fate.

        Raises:
            Disconnected: The session was lost.
        """
        observer = self.observer
        client_ref, text = next(self._payloads)
        phase = self._run.message_phase_at(due_s)
        phase = self._main_phase if phase == MAIN else phase
        channel, metadata = self._channel or self._joined_channel(), self._client.metadata_of(client_ref)
        message = channel.send(text, client_ref, due_s, phase, metadata, device=device)
        if observer.log is not None:
            observer.log.sent[client_ref] = text
        observer.sent(message)
        return message

    def ask(self, due_s: float) -> bool:
        """Send the next message and wait for the agent's complete reply.

        Args:
            due_s: As for `send`.

        Returns:
            False when the run's end came first.

        Raises:
            PushRefused: The server refused the message.
            ReplyTimeout: The append or the reply did not come in time.
            Disconnected: The session was lost.
        """
        channel, message = self._channel or self._joined_channel(), self.send(due_s)
        channel.await_fate(message, self._run.patience_until_s)
        if self._is_answered(message):
            return True
        if channel.down is not None:
            raise copy_of(channel.down)
        if channel.is_open(message):
            self.cut_short = True
            return False
        failure = self.observer.failure
        if failure is not None and failure[:2] == (message, "rejected"):
            raise PushRefused(channel.topic, "send", failure[2])
        raise ReplyTimeout(channel.topic, "send", self._run.options.reply_timeout_s)

    def await_slot(self, window: Window, is_over: Callable[[], bool], until_s: float) -> bool:
        """Wait until a slot of the window is free; return False if the session was over first. Raises Disconnected."""
        channel = self._joined_channel()
        channel.wait(lambda: window.has_room or is_over(), lambda: min(until_s, self._run.patience_until_s()))
        if channel.down is not None:
            raise copy_of(channel.down)
        return window.has_room and not is_over()

    def expire(self) -> None:
        """Give up on messages older than the reply timeout; `settle` and `ask` do so themselves."""
        if self._channel is not None:
            self._channel.expire()

    def settle(self) -> bool:
        """Wait until every message has its fate and its reply; return whether all have."""
        return self._channel is None or self._channel.settle(self._run.patience_until_s)

    def rejoin(self) -> list[dict[str, Any]]:
        """Leave the session and join it again over the same socket.

        Returns:
            The replay: the messages that the server repeats on a join.

        Raises:
            ClientError: A step failed.
        """
        channel, socket = self._joined_channel(), self.socket
        if channel.down is not None:
            raise copy_of(channel.down)
        self._leave(channel)
        self._finish(channel)
        self.observer.log = None  # it belongs to the first join; pushes after the second belong to neither
        response = self._join(socket, again=True).response
        messages = response.get("messages") if isinstance(response, dict) else None
        return [message for message in messages or [] if _has_seq(message)]

    def resume(self) -> None:
        """Connect again and join the lost session; everything open in it already has its fate.

        Each message of the session counts as before. A failed attempt is not counted; another may follow.

        Raises:
            ClientError: A step failed.
        """
        connected = self._connect_again()
        channel, joined = self._join_again(self.socket, 0)
        report_step(self._run, self.observer, self._run.events.connected, connected)
        report_step(self._run, self.observer, self._run.events.joined, joined)
        self._take_joined(channel)

    def reconnect(self) -> None:
        """Connect again after a loss; `rejoin_lost` follows. A failure is not counted. Raise ClientError."""
        report_step(self._run, self.observer, self._run.events.connected, self._connect_again())

    def rejoin_lost(self, last_seq: int = 0) -> Joined:
        """Join again over the connection that `reconnect` opened. A failure is not counted. Raise ClientError.

        Args:
            last_seq: The seq up to which the client has all messages; 0 for none.

        Returns:
            The reply to the join, with its stamps.
        """
        channel, joined = self._join_again(self.socket, last_seq)
        report_step(self._run, self.observer, self._run.events.joined, joined)
        self._take_joined(channel)
        return joined

    def _connect_again(self) -> StepTimes:
        """Let go of the lost connection and open another one. Raise ClientError."""
        self._down = self.down
        if self._channel is not None:
            self._finish(self._channel)
        if self._socket is not None:
            self._socket.close()
        self._channel = None
        self._socket = socket = self._client.socket(self.participant_id, self.observer.anomaly)
        return connect(socket)

    def _join_again(self, socket: PhoenixSocket, last_seq: int) -> tuple[SessionChannel, Joined]:
        channel = self._client.channel(socket, self.session_id, self.observer, follows_agent=self._follows_agent)
        return channel, channel.join(self._run.options.join_timeout_s, last_seq, again=True)

    def take_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take the reply to a further device's message; its ref has that device's mark."""
        if self._channel is not None:
            self._channel.on_reply(ref, status, response, done_s)

    def take_event(self, event: str, payload: Any, done_s: float) -> None:
        """Take a push to a further device that concerns its own message."""
        if self._channel is not None:
            self._channel.on_broadcast(event, payload, done_s)

    def break_off(self, down: Disconnected) -> None:
        """Count the session as lost, since a further device is; it is closed like any other."""
        self._broken = self._broken or copy_of(down)

    def wake(self) -> None:
        """Make every wait in the session check the run's deadline again."""
        if self._channel is not None:
            self._channel.wake()

    def close(self) -> None:
        """Leave, close the socket, and settle every open message. Never raises a ClientError."""
        channel = self._channel
        try:
            if channel is not None and self.observer.joined and not self._run.is_closed:
                self._leave(channel)
        finally:
            if channel is not None:
                self._finish(channel)
            if self._socket is not None:
                self._socket.close()
            self._let_go()
            self.closed_s = time.perf_counter()

    def delete(self) -> None:
        """Delete the session over REST. Raises RestFailed."""
        self.timed(self._run.events.session_deleted, self._client.rest.delete_session, self.session_id)

    def _let_go(self) -> None:
        """Drop every reference to this session, so that it is freed with its last one."""
        if self._channel is not None:
            self._down = self._channel.down
        self._socket = self._channel = None
        self.observer.let_go()

    def _create(self, metadata: dict[str, Any]) -> Created:
        """Create the session; its id is known before the fact is reported, for listeners that keep the ids."""
        created = self._client.create_session(self.participant_id, metadata)
        self.observer.session_id, self.created_s = created.session_id, created.done_s
        return created

    def _join(self, socket: PhoenixSocket, *, again: bool = False) -> Joined:
        self._channel = channel = self._client.channel(
            socket, self.session_id, self.observer, follows_agent=self._follows_agent
        )
        timeout_s = self._run.options.join_timeout_s
        joined = self.timed(self._run.events.joined, partial(channel.join, timeout_s, again=again))
        self._take_joined(channel)
        return joined

    def _take_joined(self, channel: SessionChannel) -> None:
        self._channel = channel
        self.joined_s = time.perf_counter()
        self.observer.joined = True
        if channel.down is not None:  # gone between the join's reply and this line
            self.observer.disconnected(channel.down)

    def _joined_channel(self) -> SessionChannel:
        if self._channel is None:
            raise Disconnected("not_joined")
        return self._channel

    def _is_answered(self, message: SentMessage) -> bool:
        due_replies = self._run.options.agent_replies if self.observer.awaits_agent else 0
        return message.seq is not None and message.replies >= due_replies

    def _leave(self, channel: SessionChannel) -> None:
        try:
            channel.leave(LEAVE_TIMEOUT_S)
        except Disconnected:
            return  # reported by `disconnected`
        except ClientError as problem:
            self.observer.anomaly(f"leave_{problem.kind}")

    def _finish(self, channel: SessionChannel) -> None:
        channel.finish("" if self._broken is None else self._broken.kind)
        self.observer.left()

    def timed(self, fact: StepHook, step: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run one step and report when it began and ended, and how; its ClientError propagates to the caller.

        A step cut short from outside (GreenletExit) is not reported: it neither succeeded nor failed.
        """
        return timed(self._run, self._client, self.observer, fact, step, *arguments)


def _has_seq(message: Any) -> bool:
    return isinstance(message, dict) and type(message.get("seq")) is int
