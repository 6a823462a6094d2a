"""The state of one Phoenix connection: pushes awaiting a reply, joined topics, the meaning of each message. Pure.

Sources: phoenix `assets/js/phoenix/{socket,channel,push}.js` (refs, stale join_ref, one join per topic) and the wire
record of FleetLM. Unlike in phoenix.js, nothing is buffered, retried or rejoined automatically: that would hide waits.
"""

import enum
from typing import Any, Final, NamedTuple

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.protocol.binary_frames import encode_binary_push
from fleetlm_users.protocol.message import (
    CLOSE,
    ERROR,
    HEARTBEAT,
    JOIN,
    LEAVE,
    PARTS,
    PHOENIX_TOPIC,
    REPLY,
    Message,
    encode,
    encode_parts,
)

OK: Final = "ok"

Bytes = bytes | bytearray | memoryview

HEARTBEAT_REF: Final = "0"
"""The ref of every heartbeat: at most one is unanswered, and the refs of pushes start at "1". Servers echo any
string.
"""

HEARTBEAT_FRAME: Final = encode_parts(None, HEARTBEAT_REF, PHOENIX_TOPIC, HEARTBEAT, {})

HEARTBEAT_REPLY_FRAME: Final = encode_parts(None, HEARTBEAT_REF, PHOENIX_TOPIC, REPLY, {"response": {}, "status": OK})
"""The reply as Phoenix writes it, byte for byte (wire record). A reply in any other form goes through `receive`."""


class Meaning(enum.Enum):
    """The meaning of a received message; each comment names the `subject` that comes with it."""

    REPLY = enum.auto()  # answers an awaited push, join or leave: Awaited
    UNAWAITED_REPLY = enum.auto()  # a reply on a joined topic that nobody waits for: TopicState
    BROADCAST = enum.auto()  # the server's own message on a joined topic: TopicState
    CHANNEL_ERROR = enum.auto()  # phx_error: the channel process crashed, the topic is no longer joined: TopicState
    CHANNEL_CLOSE = enum.auto()  # phx_close that we did not ask for, the topic is no longer joined: TopicState
    LEFT = enum.auto()  # phx_close that ends our own leave: None
    HEARTBEAT_REPLY = enum.auto()  # None
    STALE_JOIN_REF = enum.auto()  # belongs to an earlier join of a topic: dropped, as phoenix.js does: None
    UNKNOWN_TOPIC = enum.auto()  # a topic that is not joined on this connection: None
    MALFORMED = enum.auto()  # five elements, but not of a shape that Phoenix sends: None


class TopicState:
    """One topic of the connection from its join to its end. `listener` is the caller's own object, never used here."""

    __slots__ = ("join_ref", "joined", "listener", "topic")

    def __init__(self, topic: str, join_ref: str, listener: Any) -> None:
        self.topic = topic
        self.join_ref = join_ref
        self.joined = False
        self.listener = listener

    def __repr__(self) -> str:
        return f"<TopicState {self.topic} join_ref={self.join_ref} {'joined' if self.joined else 'joining'}>"


class Awaited(msgspec.Struct, frozen=True):
    """A push that awaits its reply. `waiter` is the caller's own object, never used here."""

    ref: str
    topic: str
    event: str
    waiter: Any


class Received(NamedTuple):
    """The meaning of one message, and the topic or push it concerns."""

    meaning: Meaning
    subject: Any = None


_NO_BROADCASTS: Final = frozenset((REPLY, ERROR, CLOSE))
_BROADCAST = Meaning.BROADCAST  # looked up once, not for each message
_LEFT = Received(Meaning.LEFT)
_HEARTBEAT_REPLY = Received(Meaning.HEARTBEAT_REPLY)
_STALE = Received(Meaning.STALE_JOIN_REF)
_UNKNOWN = Received(Meaning.UNKNOWN_TOPIC)
_MALFORMED = Received(Meaning.MALFORMED)


class ConnectionState:
    """Refs, awaited pushes and joined topics of one connection.

    The methods that make frames return `(ref, frame)`; a ref is a string, counted "1", "2", … as in phoenix.js, and a
    join's ref is its join_ref. `receive` says what a message means and changes the state accordingly.
    """

    __slots__ = ("_channels", "_in_flight", "_last_ref", "_left", "heartbeat_unanswered")

    def __init__(self) -> None:
        self._last_ref = 0
        self.heartbeat_unanswered = False
        self._in_flight: dict[str, Awaited] = {}
        self._channels: dict[str, TopicState] = {}
        self._left: dict[str, str] = {}  # topics that we left -> join_ref: their phx_close is still to come

    @property
    def joined(self) -> dict[str, str]:
        """The joined topics and their join_refs; a join still awaiting its reply is not among them."""
        return {channel.topic: channel.join_ref for channel in self._channels.values() if channel.joined}

    @property
    def in_flight(self) -> int:
        """The number of pushes, joins and leaves that await a reply."""
        return len(self._in_flight)

    def is_joined(self, topic: str) -> bool:
        """Return whether a topic is joined: from the ok reply until the leave's reply, phx_error or phx_close."""
        channel = self._channels.get(topic)
        return channel is not None and channel.joined

    def join(self, topic: str, payload: Any, listener: Any = None, waiter: Any = None) -> tuple[str, bytes]:
        """Return the join_ref and frame of phx_join.

        Raise UsageError if this connection has joined or is joining the topic: the server would answer the second join
        and close the first (`Phoenix.Socket`, duplicate joins).
        """
        if topic in self._channels:
            accepted = "each topic at most once per socket, because the server closes the first join on the second"
            raise UsageError("join", topic, accepted, "leave the topic first, or open another socket")
        join_ref = self._next_ref()
        frame = encode(Message(join_ref, join_ref, topic, JOIN, payload))
        self._last_ref += 1
        self._channels[topic] = TopicState(topic, join_ref, listener)
        self._in_flight[join_ref] = Awaited(join_ref, topic, JOIN, waiter)
        return join_ref, frame

    def push(self, topic: str, event: str, payload: Any) -> tuple[str, bytes]:
        """Return the ref and frame of a push whose reply nobody awaits, such as FleetLM's `send`."""
        channel = self._channels.get(topic)
        ref = str(self._last_ref + 1)  # as _next_ref, without a call for each message
        frame = encode_parts(None if channel is None else channel.join_ref, ref, topic, event, payload)
        self._last_ref += 1
        return ref, frame

    def call(self, topic: str, event: str, payload: Any, waiter: Any = None) -> tuple[str, bytes]:
        """Return the ref and frame of an awaited push, such as phx_leave.

        It stays in flight until its reply, `forget` or the channel's end. While a leave is in flight, broadcasts are
        still delivered.
        """
        ref, frame = self.push(topic, event, payload)
        self._in_flight[ref] = Awaited(ref, topic, event, waiter)
        return ref, frame

    def call_binary(self, topic: str, event: str, payload: Bytes, waiter: Any = None) -> tuple[str, bytes]:
        """Return the ref and the binary frame of an awaited push of bytes. Raise UsageError for a name that is too
        long.
        """
        channel = self._channels.get(topic)
        ref = self._next_ref()
        frame = encode_binary_push("" if channel is None else channel.join_ref, ref, topic, event, bytes(payload))
        self._last_ref += 1
        self._in_flight[ref] = Awaited(ref, topic, event, waiter)
        return ref, frame

    def awaited(self, ref: str) -> Awaited:
        """Return the push, join or leave in flight with this ref; raise KeyError if there is none."""
        return self._in_flight[ref]

    def heartbeat(self) -> bytes:
        """Return the frame of a heartbeat, which counts as unanswered from now on."""
        self.heartbeat_unanswered = True
        return HEARTBEAT_FRAME

    def heartbeat_answered(self) -> bool:
        """Note that HEARTBEAT_REPLY_FRAME came; return whether it was awaited."""
        is_awaited, self.heartbeat_unanswered = self.heartbeat_unanswered, False
        return is_awaited

    def forget(self, ref: str) -> None:
        """Stop awaiting this ref. A join forgotten before its reply is not joined; a leave counts as done."""
        awaited = self._in_flight.pop(ref, None)
        if awaited is None:
            return
        channel = self._channels.get(awaited.topic)
        if channel is None:
            return
        if awaited.event == LEAVE or (awaited.event == JOIN and channel.join_ref == ref):
            del self._channels[awaited.topic]
            self._left[awaited.topic] = channel.join_ref

    def orphans(self, topic: str) -> list[Awaited]:
        """Remove and return the awaited pushes of a topic that has ended: they will never be answered."""
        lost = [awaited for awaited in self._in_flight.values() if awaited.topic == topic]
        for awaited in lost:
            del self._in_flight[awaited.ref]
        return lost

    def end(self) -> tuple[list[Awaited], list[TopicState]]:
        """Remove and return everything in flight, and every topic joined or being joined: the connection is gone."""
        lost, ended = list(self._in_flight.values()), list(self._channels.values())
        self._in_flight.clear()
        self._channels.clear()
        self._left.clear()
        return lost, ended

    def topic_of_broadcast(self, parts: Any) -> TopicState | None:
        """Return the topic of a decoded broadcast frame; None for any other frame, which `receive` interprets.

        Nearly all frames are broadcasts: this spares them the Message and the Received.
        """
        if type(parts) is not list or len(parts) != PARTS:
            return None
        join_ref, _, topic, event, _ = parts
        if type(topic) is not str or type(event) is not str or event in _NO_BROADCASTS:
            return None
        channel = self._channels.get(topic)
        if channel is None or (join_ref is not None and join_ref != channel.join_ref):
            return None
        return channel

    def receive(self, message: Message) -> Received:
        """Return what a message means; never raise, whatever its five parts hold."""
        join_ref, _, topic, event, _ = message
        if type(topic) is not str or type(event) is not str:
            return _MALFORMED
        if event == REPLY:
            return self._receive_reply(message)
        channel = self._channels.get(topic)
        if channel is None or (join_ref is not None and join_ref != channel.join_ref):
            return self._receive_stray(message, channel)
        if event == ERROR:
            del self._channels[topic]
            return Received(Meaning.CHANNEL_ERROR, channel)
        if event == CLOSE:
            return self._receive_close(channel)
        # A broadcast may carry no join_ref (Phoenix's fastlane) and may overtake the join's reply: both are delivered.
        return tuple.__new__(Received, (_BROADCAST, channel))  # half the price of calling it

    def _next_ref(self) -> str:
        """Return the next ref; it is used up only once its frame could be made."""
        return str(self._last_ref + 1)

    def _receive_reply(self, message: Message) -> Received:
        join_ref, ref, topic, _, payload = message
        if type(ref) is not str or type(payload) is not dict or type(payload.get("status")) is not str:
            return _MALFORMED
        if topic == PHOENIX_TOPIC and ref == HEARTBEAT_REF and self.heartbeat_unanswered:
            self.heartbeat_unanswered = False
            return _HEARTBEAT_REPLY
        channel = self._channels.get(topic)
        if channel is not None and join_ref is not None and join_ref != channel.join_ref:
            return _STALE
        awaited = self._in_flight.get(ref)
        if awaited is not None and awaited.topic == topic:
            self._settle(awaited, channel, payload["status"] == OK)
            return Received(Meaning.REPLY, awaited)
        if channel is None:
            return self._receive_stray(message, None)
        return Received(Meaning.UNAWAITED_REPLY, channel)

    def _settle(self, awaited: Awaited, channel: TopicState | None, is_ok: bool) -> None:
        del self._in_flight[awaited.ref]
        if channel is None:
            return
        if awaited.event == JOIN:
            channel.joined = is_ok
            if not is_ok:
                del self._channels[awaited.topic]
        elif awaited.event == LEAVE and is_ok:
            del self._channels[awaited.topic]
            self._left[awaited.topic] = channel.join_ref

    def _receive_close(self, channel: TopicState) -> Received:
        del self._channels[channel.topic]
        # The server replies to a leave first and then closes; should it ever swap them, the close is still our own
        # leave's.
        ours = any(awaited.event == LEAVE and awaited.topic == channel.topic for awaited in self._in_flight.values())
        return _LEFT if ours else Received(Meaning.CHANNEL_CLOSE, channel)

    def _receive_stray(self, message: Message, channel: TopicState | None) -> Received:
        """Return the meaning of a message outside any current join: our own leave's close, an earlier join's, or
        neither.
        """
        left_ref = self._left.get(message.topic)
        if left_ref is not None and left_ref == message.join_ref:
            if message.event != CLOSE:
                return _STALE
            del self._left[message.topic]
            return _LEFT
        return _UNKNOWN if channel is None else _STALE

    def __repr__(self) -> str:
        return f"<ConnectionState refs={self._last_ref} in_flight={len(self._in_flight)} joined={len(self.joined)}>"
