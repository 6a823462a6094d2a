"""Further devices in a session that its user has joined: some only listen, others also write."""

import logging
from typing import Any, Final, Protocol

from fleetlm_users.client.phoenix.socket import PhoenixSocket
from fleetlm_users.client.phoenix.types import Joined
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol import message as names
from fleetlm_users.protocol.fan_out import FanOut, Spread

logger = logging.getLogger(__name__)

KNOWN_BYTES: Final = 1 << 20
"""The most bytes of frames that are recognised by their bytes; the newest frame always is, whatever its length."""


class DeviceObserver(Protocol):
    """The callbacks of a device, called in the event loop: they must not block."""

    def phase_at(self, moment_s: float) -> str:
        """Return the phase of an event first seen at that moment."""

    def heard(self, done_s: float) -> None:
        """Note that a message was pushed to a writing device."""

    def chunk(self, done_s: float) -> None:
        """Note that a piece of an answer was pushed to a listener."""

    def replied(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take the reply to a push by another device; its ref has that device's mark."""

    def refused(self, payload: Any, done_s: float) -> None:
        """Take the push by which a session refuses another device's message."""

    def device_lost(self, device: "Device", down: Disconnected) -> None:
        """Note that a device is gone and that we did not end it ourselves."""

    def anomaly(self, kind: str) -> None:
        """Count an unexpected push."""


class Device:
    """One more socket on a session's topic; implements the socket's ChannelHandler.

    Attributes:
        place: Its number among the devices of its kind, from 0.
        mark: The mark that distinguishes its refs from those of others.
        is_joined: Whether it has joined the session.
    """

    __slots__ = ("_observer", "is_joined", "mark", "place", "socket", "topic")

    def __init__(self, socket: PhoenixSocket, session_id: str, place: int, observer: DeviceObserver) -> None:
        self.socket = socket
        self.topic = names.SESSION_PREFIX + session_id
        self.place = place
        self.mark = f"{place + 1}:"
        self.is_joined = False
        self._observer = observer

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.place}, {self.topic}, joined={self.is_joined})"

    def join(self, timeout_s: float) -> Joined:
        """Join the session within `timeout_s` seconds. Raise JoinRefused, ReplyTimeout or Disconnected."""
        joined = self.socket.join(self.topic, {}, self, timeout_s)
        self.is_joined = True
        return joined

    def leave(self, timeout_s: float) -> None:
        """Leave the session within `timeout_s` seconds. Raise ReplyTimeout, PushRefused or Disconnected."""
        self.socket.leave(self.topic, timeout_s)

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a server push on the topic; called by the socket."""
        raise NotImplementedError

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take a reply that nobody awaits; called by the socket."""
        self._observer.replied(self.mark + ref, status, response, done_s)

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Note that the device is gone; called once by the socket, unless we ended it ourselves."""
        logger.debug("%r went down at %.6f: %s", self, done_s, down)
        self.is_joined = False
        self.socket.shorten(None)
        self._observer.device_lost(self, down)


class WriterDevice(Device):
    """A device that sends messages; pushes to it are counted, but the session's first device reports them."""

    __slots__ = ()

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a server push on the topic; called by the socket."""
        if event == names.MESSAGE:
            self._observer.heard(done_s)
        elif event == names.BACKPRESSURE:
            self._observer.refused(payload, done_s)


class KnownFrames:
    """The meanings of frames that one listener of a session has already decoded, by their bytes.

    Every listener of a session receives the same bytes if its join has the same ref: on sockets of their own, all joins
    have the first ref. A look-up costs a fifth of decoding. `meaning(frame)` is the message of a frame, or its event;
    None if it has to be decoded.
    """

    __slots__ = ("_bytes", "_meanings", "join_ref", "meaning")

    def __init__(self) -> None:
        self.join_ref = ""
        self._meanings: dict[bytes, Spread | str] = {}
        self._bytes = 0
        self.meaning = self._meanings.get

    def __repr__(self) -> str:
        return f"KnownFrames({len(self._meanings)}, {self._bytes} bytes)"

    def add(self, frame: bytes, meaning: Spread | str) -> None:
        """Add a frame that was unknown, with its message or event; the oldest ones are forgotten."""
        self._meanings[frame] = meaning
        self._bytes += len(frame)
        while self._bytes > KNOWN_BYTES and len(self._meanings) > 1:
            oldest = next(iter(self._meanings))
            self._bytes -= len(oldest)
            del self._meanings[oldest]


class ListenerDevice(Device):
    """A device that only listens and reports each message to the fan-out with its time of arrival."""

    __slots__ = ("_fan_out", "_frame", "_known")

    def __init__(  # noqa: PLR0913, PLR0917  # as of every device, and what the listeners of a session share
        self,
        socket: PhoenixSocket,
        session_id: str,
        place: int,
        observer: DeviceObserver,
        fan_out: FanOut,
        known: KnownFrames,
    ) -> None:
        super().__init__(socket, session_id, place, observer)
        self._fan_out = fan_out
        self._known = known
        self._frame: bytes | None = None  # the frame being decoded

    def join(self, timeout_s: float) -> Joined:
        """Join the session and from then on recognise frames by their bytes. Raise as `Device.join` does."""
        joined = super().join(timeout_s)
        self._known.join_ref = self._known.join_ref or joined.join_ref
        if self._known.join_ref == joined.join_ref and self.is_joined:
            self.socket.shorten(self.take_known)
        return joined

    def leave(self, timeout_s: float) -> None:
        """Leave the session. Raise as `Device.leave` does."""
        super().leave(timeout_s)
        self.socket.shorten(None)
        self._frame = None

    def take_known(self, frame: bytes, arrived_s: float) -> bool:
        """Take a frame that another listener has decoded; return False for any other."""
        meaning = self._known.meaning(frame)
        if meaning is None:
            self._frame = frame
            return False
        if isinstance(meaning, Spread):
            self._fan_out.take(meaning, self.place, arrived_s)
        else:
            self._observer.chunk(arrived_s)
        return True

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a server push on the topic; called by the socket."""
        if event == names.MESSAGE:
            spread = self._fan_out.find(payload, self._observer.phase_at(done_s), done_s)
            if spread is not None:
                self._know(spread)
                self._fan_out.take(spread, self.place, done_s)
        elif event == names.STREAM_CHUNK:
            self._know(event)
            self._observer.chunk(done_s)
        elif event != names.BACKPRESSURE:
            self._observer.anomaly("unknown_event")

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Count a reply as an anomaly: nothing is sent here."""
        del ref, status, response, done_s
        self._observer.anomaly("unexpected_reply")

    def _know(self, meaning: Spread | str) -> None:
        if self._frame is not None:
            self._known.add(self._frame, meaning)
            self._frame = None
