"""One FleetLM session over one Phoenix socket: join `session:<id>`, send, report each message's fate."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

from fleetlm_users.client.net.waits import FOR_EVER, Wait
from fleetlm_users.client.phoenix.socket import Joined, PhoenixSocket
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol import message as names
from fleetlm_users.protocol.conversation import Conversation
from fleetlm_users.protocol.observer import Observer, SentMessage
from fleetlm_users.protocol.profile import EARLY, Profile

logger = logging.getLogger(__name__)

NO_METADATA: Final[dict[str, Any]] = {}


class ChannelObserver(Observer, Protocol):
    """The callbacks of a session channel: one call per fact about a message, and one when the channel is lost."""

    def disconnected(self, down: Disconnected) -> None:
        """Note that the channel or its socket is gone and that we did not end it ourselves."""


class WritingDevice(Protocol):
    """Another device of the user that has joined the session; it passes replies on, with its mark before their ref."""

    @property
    def socket(self) -> PhoenixSocket:
        """The device's socket."""

    @property
    def mark(self) -> str:
        """The mark that distinguishes its refs from those of others: each socket counts its own."""


class SessionChannel:
    """The channel of one session; implements the socket's ChannelHandler. `down` says why it is gone."""

    __slots__ = ("_conversation", "_has_left", "_observer", "_profile", "_socket", "_waiting", "down", "topic")

    def __init__(  # noqa: PLR0913  # the conversation's settings pass through, each by name
        self,
        socket: PhoenixSocket,
        session_id: str,
        agent_id: str,
        observer: ChannelObserver,
        *,
        reply_timeout_s: float,
        agent_replies: int | None = 1,
        profile: Profile = EARLY,
    ) -> None:
        self._socket = socket
        self._observer = observer
        self._profile = profile
        self._conversation: Conversation = profile.conversation(
            socket.participant_id,
            agent_id,
            observer,
            reply_timeout_s=reply_timeout_s,
            agent_replies=agent_replies,
            session_id=session_id,
        )
        self._waiting: tuple[Wait, Callable[[], bool]] | None = None
        self._has_left = False
        self.topic = names.SESSION_PREFIX + session_id
        self.down: Disconnected | None = None

    def __repr__(self) -> str:
        return f"SessionChannel({self.topic}, {self._conversation!r}, down={self.down})"

    def join(self, timeout_s: float, last_seq: int = 0, *, again: bool = False) -> Joined:
        """Join the session and take the messages that FleetLM replays.

        Args:
            timeout_s: The limit for the reply, in seconds.
            last_seq: The seq up to which the client has all messages; 0 for none. It is only sent if the protocol can
                resume.
            again: Whether this user has joined the session before.

        Returns:
            The reply, with its stamps in perf_counter seconds.

        Raises:
            JoinRefused: FleetLM answered with an error.
            ReplyTimeout: No reply came in time.
            Disconnected: The socket is not connected, or went down meanwhile.
        """
        joined = self._socket.join(self.topic, self._profile.join_payload(last_seq), self, timeout_s)
        replay = joined.response.get("messages") if isinstance(joined.response, dict) else None
        if not isinstance(replay, list):
            self._observer.anomaly("malformed_reply")
            replay = []
        self._conversation.joined(replay, last_seq, again=again)
        return joined

    def send(  # noqa: PLR0913  # the parts of a message, when it was due and from where
        self,
        text: str,
        client_ref: str,
        due_s: float,
        phase: str,
        metadata: Mapping[str, Any] = NO_METADATA,
        *,
        device: WritingDevice | None = None,
    ) -> SentMessage:
        """Send one text message.

        Args:
            text: The message's text.
            client_ref: The reference by which the message's own broadcast is recognised; unique in the session.
            due_s: When the message was due, in perf_counter seconds.
            phase: The run's phase that the message counts for.
            metadata: The metadata that the server stores with the message.
            device: Another device of the user, on whose socket to send; this channel still reports the message's fate.

        Returns:
            The message; the observer learns its fate.

        Raises:
            Disconnected: The message could not be written.
        """
        said = {"text": text, "client_ref": client_ref}
        content = {"kind": "text", "content": said, "metadata": metadata}
        message = self._conversation.sending(client_ref, due_s, time.perf_counter(), phase, said)
        try:
            socket = self._socket if device is None else device.socket
            sent = socket.push(self.topic, names.SEND, {"content": content})
        except BaseException:  # also for a kill while the write is blocked: a message not written whole was not sent
            self._conversation.unsent(message)
            raise
        ref = sent.ref if device is None else device.mark + sent.ref
        self._conversation.sent(message, ref, sent.sent_s)
        return message

    @property
    def in_flight(self) -> int:
        """The number of messages sent whose fate is still unknown."""
        return self._conversation.in_flight

    def is_open(self, message: SentMessage) -> bool:
        """Return whether the message still awaits its fate or its agent reply."""
        return self._conversation.is_open(message)

    def await_fate(self, message: SentMessage, until_s: Callable[[], float]) -> bool:
        """Wait, as `wait` does, until the message has its fate and its agent reply; return whether it came."""
        return self.wait(partial(self._conversation.is_over, message), until_s)

    def settle(self, until_s: Callable[[], float]) -> bool:
        """Wait until every message sent has its fate and its agent reply, or none can still come in time.

        Gives up at `until_s()`, or when the reply timeout of the youngest open message has passed. Returns whether all
        is settled.
        """
        conversation = self._conversation
        self.wait(lambda: conversation.settled, lambda: min(until_s(), conversation.patience_ends_s()))
        return conversation.settled

    def expire(self) -> None:
        """Give up on messages whose reply timeout has passed, for callers that neither wait nor settle."""
        self._conversation.expire(time.perf_counter())

    def wait(self, condition: Callable[[], bool], until_s: Callable[[], float]) -> bool:
        """Wait until the condition is true, evaluating it after each frame of this channel; return whether it is.

        Gives up when the channel goes down, and at `until_s()`, which `wake` evaluates again: a run may end meanwhile.
        Messages whose reply timeout passes meanwhile are given up. Only one greenlet may wait at a time.
        """
        while not (is_met := condition()) and self.down is None:
            now_s, give_up_s = time.perf_counter(), until_s()
            if now_s >= give_up_s:
                break
            wake_s = min(give_up_s, self._conversation.first_expiry_s())
            self._waiting = Wait(), condition
            self._waiting[0].wait(wake_s - now_s if wake_s < math.inf else FOR_EVER)
            self._conversation.expire(time.perf_counter())
        self._waiting = None
        return is_met

    def wake(self) -> None:
        """Have the waiting greenlet check its deadline again."""
        if self._waiting is not None:
            self._waiting[0].notify()

    def leave(self, timeout_s: float) -> None:
        """Leave the topic. Raises ReplyTimeout, PushRefused or Disconnected."""
        self._socket.leave(self.topic, timeout_s)
        self._has_left = True

    def finish(self, broken_by: str = "") -> None:
        """End the conversation: everything still open gets its fate now. Call it once, after the last wait.

        Args:
            broken_by: Why the session was broken off on other sockets than this one; what is open is lost with it.
        """
        if broken_by:
            self._conversation.expire(time.perf_counter())
            self._conversation.down(broken_by)
        else:
            self._conversation.close(time.perf_counter(), has_left=self._has_left)

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a server push on the topic; called by the socket."""
        if event == names.MESSAGE:
            self._conversation.message(payload, done_s)
        else:
            self._conversation.event(event, payload, done_s)
        waiting = self._waiting  # as _wake_if_true, but without a call for each frame
        if waiting is not None and waiting[1]():
            waiting[0].notify()

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take a reply that nobody awaits, here the one to a `send`; called by the socket."""
        self._conversation.reply(ref, status, response, done_s)
        self._wake_if_true()

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """End the conversation because the channel is gone; called once by the socket, unless we ended it ourselves."""
        logger.debug("%s went down at %.6f: %s", self.topic, done_s, down)
        self.down = down
        self._conversation.down(down.kind)
        self._observer.disconnected(down)
        self.wake()

    def _wake_if_true(self) -> None:
        if self._waiting is not None and self._waiting[1]():
            self._waiting[0].notify()
