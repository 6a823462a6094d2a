"""One FleetLM session over one Phoenix socket: joins `session:<id>`, sends, tells an observer each message's fate."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from fleetlm_users.client.net.waits import FOR_EVER, Wait
from fleetlm_users.client.phoenix.socket import Joined, PhoenixSocket
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol import message as names
from fleetlm_users.protocol.conversation import Conversation, Observer, SentMessage

logger = logging.getLogger(__name__)


class ChannelObserver(Observer, Protocol):
    """What a session channel tells: each message's fate, and the loss of the channel, once."""

    def disconnected(self, down: Disconnected) -> None:
        """The channel or its socket is gone and we did not end it ourselves."""


class SessionChannel:
    """The channel of one session; implements the socket's ChannelHandler. `down` says why it is gone."""

    __slots__ = ("_conversation", "_observer", "_socket", "_waiting", "down", "topic")

    def __init__(  # noqa: PLR0913  # the conversation's settings pass through, each by name
        self,
        socket: PhoenixSocket,
        session_id: str,
        agent_id: str,
        observer: ChannelObserver,
        *,
        reply_timeout_s: float,
        agent_replies: int | None = 1,
    ) -> None:
        self._socket = socket
        self._observer = observer
        self._conversation = Conversation(
            socket.participant_id, agent_id, observer, reply_timeout_s=reply_timeout_s, agent_replies=agent_replies
        )
        self._waiting: tuple[Wait, Callable[[], bool]] | None = None
        self.topic = names.SESSION_PREFIX + session_id
        self.down: Disconnected | None = None

    def __repr__(self) -> str:
        return f"SessionChannel({self.topic}, {self._conversation!r}, down={self.down})"

    def join(self, timeout_s: float) -> Joined:
        """The join's reply and its stamps. Raises JoinRefused, ReplyTimeout or Disconnected."""
        joined = self._socket.join(self.topic, {}, self, timeout_s)
        replay = joined.response.get("messages") if isinstance(joined.response, dict) else None
        self._conversation.joined(replay if isinstance(replay, list) else [])
        return joined

    def send(self, text: str, client_ref: str, due_s: float, phase: str) -> SentMessage:
        """Sends one text message that was due at `due_s`. Raises Disconnected when it could not be written."""
        content = {"kind": "text", "content": {"text": text, "client_ref": client_ref}, "metadata": {}}
        message = self._conversation.sending(client_ref, due_s, time.perf_counter(), phase)
        try:
            sent = self._socket.push(self.topic, names.SEND, {"content": content})
        except BaseException:  # also a kill while the write is blocked: what was not written whole was not sent
            self._conversation.unsent(message)
            raise
        self._conversation.sent(message, sent.ref, sent.sent_s)
        return message

    @property
    def in_flight(self) -> int:
        """Messages sent whose fate is not known."""
        return self._conversation.in_flight

    def is_open(self, message: SentMessage) -> bool:
        """True while the message awaits its fate or its agent reply."""
        return self._conversation.is_open(message)

    def settle(self, until_s: Callable[[], float]) -> bool:
        """Waits until nothing sent is without its fate and its agent reply, or no more can come in time.

        Gives up at `until_s()`, or when the reply timeout of the youngest open message has passed. Returns whether all
        is settled.
        """
        conversation = self._conversation
        self.wait(lambda: conversation.settled, lambda: min(until_s(), conversation.patience_ends_s()))
        return conversation.settled

    def wait(self, condition: Callable[[], bool], until_s: Callable[[], float]) -> bool:
        """Waits until the condition is true, which is asked after each frame of this channel; returns whether it is.

        Gives up when the channel goes down and at `until_s()`, asked anew at each `wake`: a run may end meanwhile.
        Messages whose reply timeout passes meanwhile are given up. One greenlet may wait at a time.
        """
        while not condition() and self.down is None:
            now_s = time.perf_counter()
            if now_s >= until_s():
                break
            wake_s = min(until_s(), self._conversation.first_expiry_s())
            self._waiting = Wait(), condition
            self._waiting[0].wait(wake_s - now_s if wake_s < math.inf else FOR_EVER)
            self._conversation.expire(time.perf_counter())
        self._waiting = None
        return condition()

    def wake(self) -> None:
        """Makes who waits look at the deadline again."""
        if self._waiting is not None:
            self._waiting[0].notify()

    def leave(self, timeout_s: float) -> None:
        """Leaves the topic. Raises ReplyTimeout, PushRefused or Disconnected."""
        self._socket.leave(self.topic, timeout_s)

    def finish(self) -> None:
        """Ends the conversation: what is still open gets its fate now. To be called once, after the last wait."""
        self._conversation.close(time.perf_counter())

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Called by the socket for each server push on the topic."""
        if event == names.MESSAGE:
            self._conversation.message(payload, done_s)
        elif event == names.BACKPRESSURE:
            self._conversation.backpressure(payload, done_s)
        else:
            self._observer.anomaly("unknown_event")
        self._wake_if_true()

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Called by the socket for a reply nobody awaits: here the error reply to a `send`."""
        self._conversation.reply(ref, status, response, done_s)
        self._wake_if_true()

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Called by the socket once when the channel or the socket is gone and we did not end it ourselves."""
        logger.debug("%s went down at %.6f: %s", self.topic, done_s, down)
        self.down = down
        self._conversation.down(down.kind)
        self._observer.disconnected(down)
        self.wake()

    def _wake_if_true(self) -> None:
        if self._waiting is not None and self._waiting[1]():
            self._waiting[0].notify()
