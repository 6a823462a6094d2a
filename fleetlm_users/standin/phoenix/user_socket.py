"""The Phoenix side of one socket: its joined topics, and the meaning of each frame; no bytes, no clock.

Source: phoenix `socket.ex` and FleetLM user_socket.ex, as the wire record shows them.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from fleetlm_users.protocol.message import (
    CLOSE,
    ERROR,
    HEARTBEAT,
    INBOX_PREFIX,
    JOIN,
    LEAVE,
    PHOENIX_TOPIC,
    REPLY,
    SESSION_PREFIX,
    Message,
)
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.phoenix import inbox_channel, late_session_channel, session_channel
from fleetlm_users.standin.phoenix.channel import JoinedTopic, Refused
from fleetlm_users.standin.phoenix.codecs import Codec

OK_EMPTY: Final = {"response": {}, "status": "ok"}
UNMATCHED: Final = {"response": {"reason": "unmatched topic"}, "status": "error"}
EMPTY: Final[dict[str, Any]] = {}
MAX_TOPICS: Final = 1_000  # per socket: a client cannot fill the memory by joining


class Wire(Protocol):
    """The sink of text frames."""

    def send_text(self, text: bytes) -> None:
        """Send one text frame."""

    def flush_now(self) -> None:
        """Give sent bytes to the kernel now."""

    def close(self, code: int) -> None:
        """Close with this code."""


class UserSocket:
    """One participant's socket. `participant_id` is the parameter's value, nearly always a string."""

    __slots__ = ("_hub", "_is_late", "_topics", "_wire", "codec", "participant_id", "send_text")

    def __init__(self, hub: Hub, wire: Wire, codec: Codec, participant_id: Any, *, is_late: bool = False) -> None:
        self._is_late = is_late
        self._hub = hub
        self._wire = wire
        self._topics: dict[str, JoinedTopic] = {}
        self.codec = codec
        self.participant_id = participant_id
        self.send_text: Callable[[bytes], None] = wire.send_text

    def send(self, message: Message) -> None:
        """Send one message."""
        self.send_text(self.codec.encode(message))

    def flush(self) -> None:
        """Give sent bytes to the kernel now."""
        self._wire.flush_now()

    def close(self, code: int) -> None:
        """Close the socket."""
        self._wire.close(code)

    def receive(self, frame: bytes) -> None:
        """Take one text frame. Raises FrameError if it is not a Phoenix message."""
        message = self.codec.decode(frame)
        topic, event = message.topic, message.event
        channel = self._topics.get(topic) if type(topic) is str else None
        if channel is None:
            self._unjoined(message)
        elif event == JOIN:
            self._join(message, channel)
        elif event == LEAVE:
            self._leave(message, channel)
        elif not channel.handle(message):
            self._forget(channel)
            self.send(Message(channel.join_ref, channel.join_ref, topic, ERROR, EMPTY))

    def closed(self) -> None:
        """Stop listening on all channels: the connection is gone."""
        for channel in self._topics.values():
            channel.close()
        self._topics.clear()

    def _unjoined(self, message: Message) -> None:
        join_ref, ref, topic, event, _ = message
        if topic == PHOENIX_TOPIC and event == HEARTBEAT:
            self._hub.counters.heartbeats += 1
            self.send(Message(None, ref, topic, REPLY, OK_EMPTY))
        elif event == JOIN and type(topic) is str:
            self._join(message, None)
        elif event == LEAVE:
            self.send(Message(join_ref, ref, topic, REPLY, OK_EMPTY))
        else:
            self.send(Message(None, ref, topic, REPLY, UNMATCHED))

    def _join(self, message: Message, old: JoinedTopic | None) -> None:
        join_ref, ref, topic, _, payload = message
        joiner = joiner_for(topic, self._is_late)
        if joiner is None or (old is None and len(self._topics) >= MAX_TOPICS):
            self.send(Message(None, ref, topic, REPLY, UNMATCHED))
            return
        try:
            channel, response = joiner(self._hub, self, topic, join_ref, payload)
        except Refused as refused:
            self._hub.counters.joins_refused += 1
            error = {"response": {"reason": refused.reason}, "status": "error"}
            self.send(Message(join_ref, ref, topic, REPLY, error))
            return
        self._topics[topic] = channel
        self.send(Message(join_ref, ref, topic, REPLY, {"response": response, "status": "ok"}))
        if old is not None:  # the new reply first, then the end of the old channel (wire record, double join)
            old.close()
            self.send(Message(old.join_ref, old.join_ref, topic, CLOSE, EMPTY))

    def _leave(self, message: Message, channel: JoinedTopic) -> None:
        if message.join_ref != channel.join_ref:
            return  # a stale leave is swallowed (wire record)
        channel.count_leave()
        self._forget(channel)
        self.send(Message(message.join_ref, message.ref, channel.topic, REPLY, OK_EMPTY))
        self.send(Message(channel.join_ref, channel.join_ref, channel.topic, CLOSE, EMPTY))

    def _forget(self, channel: JoinedTopic) -> None:
        channel.close()
        del self._topics[channel.topic]


Joiner = Callable[[Hub, UserSocket, str, Any, Any], tuple[JoinedTopic, Any]]


def joiner_for(topic: str, is_late: bool) -> Joiner | None:
    """Return the function that joins `topic` in one of the protocols, or None if no channel matches."""
    if topic.startswith(SESSION_PREFIX):
        return late_session_channel.join if is_late else session_channel.join
    return inbox_channel.join if topic.startswith(INBOX_PREFIX) else None
