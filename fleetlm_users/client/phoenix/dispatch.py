"""Pass each received message to its handler or waiting caller; everything else counts as an anomaly."""

import logging
from collections.abc import Callable
from typing import Any, Final

from fleetlm_users.client.websocket.transport import TEXT, copy_of
from fleetlm_users.errors import Disconnected, FrameError
from fleetlm_users.protocol.binary_frames import decode_binary
from fleetlm_users.protocol.connection import HEARTBEAT_REPLY_FRAME, Awaited, ConnectionState, Meaning, TopicState
from fleetlm_users.protocol.message import JOIN, Message, message_of, parts_of

logger = logging.getLogger(__name__)

ANOMALIES: Final = {
    Meaning.STALE_JOIN_REF: "stale_join_ref",
    Meaning.UNKNOWN_TOPIC: "unknown_topic",
    Meaning.MALFORMED: "garbage",
}


class Dispatch:
    """The receiving side of one socket, called by its reader only.

    A channel's listener is a ChannelHandler; a waiter is an AnswerWait, which is given `(status, response, done_s)` or
    an error. Unexpected messages go to `on_anomaly(kind)`. No exception of a handler gets out. `shortcut(frame,
    arrived_s)` sees each text frame before it is decoded, and returns True if it has taken it.
    """

    __slots__ = ("_on_anomaly", "_state", "shortcut")

    def __init__(self, state: ConnectionState, on_anomaly: Callable[[str], None]) -> None:
        self._state = state
        self._on_anomaly = on_anomaly
        self.shortcut: Callable[[bytes, float], bool] | None = None

    def frame(self, opcode: int, payload: bytes, arrived_s: float) -> bool:
        """Take one message as it came off the wire; it is only decoded here, after its stamp.

        Return True for the reply to a join: the joining greenlet must run before later broadcasts are handed on.
        """
        if opcode != TEXT:
            return self._binary_frame(payload, arrived_s)
        if self.shortcut is not None and self.shortcut(payload, arrived_s):
            return False
        if payload == HEARTBEAT_REPLY_FRAME and self._state.heartbeat_answered():
            return False  # checking the bytes costs a twentieth of decoding them
        try:
            parts = parts_of(payload)
            channel = self._state.topic_of_broadcast(parts)
            if channel is None:
                return self._message(message_of(parts, payload), arrived_s)
        except (FrameError, ValueError):
            self._anomaly("garbage")
            return False
        try:
            channel.listener.on_broadcast(parts[3], parts[4], arrived_s)
        except Exception:
            self._handler_failed(channel)
        return False

    def _binary_frame(self, payload: bytes, arrived_s: float) -> bool:
        try:
            message = decode_binary(payload)
        except FrameError:
            self._anomaly("binary")
            return False
        return self._message(message, arrived_s)

    def end(self, down: Disconnected, done_s: float, *, handlers_too: bool) -> None:
        """Fail all waiting callers: the connection is gone. With `handlers_too` call `on_down` of the joined ones."""
        lost, channels = self._state.end()
        self._fail(lost, down)
        for channel in channels:
            if channel.joined and handlers_too:
                self._tell(channel, "on_down", copy_of(down), done_s)

    def _message(self, message: Message, done_s: float) -> bool:
        meaning, subject = self._state.receive(message)
        if meaning is Meaning.BROADCAST:
            try:
                subject.listener.on_broadcast(message.event, message.payload, done_s)
            except Exception:
                self._handler_failed(subject)
        elif meaning is Meaning.REPLY:
            subject.waiter.set((message.payload["status"], message.payload.get("response"), done_s))
            return bool(subject.event == JOIN)
        elif meaning is Meaning.UNAWAITED_REPLY:
            payload = message.payload
            self._tell(subject, "on_reply", message.ref, payload["status"], payload.get("response"), done_s)
        elif meaning in (Meaning.CHANNEL_ERROR, Meaning.CHANNEL_CLOSE):
            self._channel_down(subject, Disconnected(message.event, None, message.topic), done_s)
        elif meaning is not Meaning.LEFT and meaning in ANOMALIES:
            self._anomaly(ANOMALIES[meaning])
        return False

    def _channel_down(self, channel: TopicState, down: Disconnected, done_s: float) -> None:
        self._fail(self._state.orphans(channel.topic), down)
        if channel.joined:
            self._tell(channel, "on_down", down, done_s)

    def _fail(self, lost: list[Awaited], down: Disconnected) -> None:
        for awaited in lost:
            awaited.waiter.set_exception(copy_of(down))

    def _tell(self, channel: TopicState, method: str, *arguments: Any) -> None:
        try:
            getattr(channel.listener, method)(*arguments)
        except Exception:
            self._handler_failed(channel)

    def _handler_failed(self, channel: TopicState) -> None:
        logger.exception("a handler of %s raised", channel.topic)
        self._anomaly("handler_error")

    def _anomaly(self, kind: str) -> None:
        try:
            self._on_anomaly(kind)
        except Exception:
            logger.exception("on_anomaly(%r) raised", kind)
