"""One WebSocket connection: from bytes to frames to the user socket and back; idle close, orderly end."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fleetlm_users.errors import FrameError
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.phoenix.user_socket import UserSocket
from fleetlm_users.standin.websocket import frames
from fleetlm_users.standin.websocket.deflate import Deflate, DeflateProblem
from fleetlm_users.standin.websocket.frames import FrameProblem, FrameReader, Incoming

LOG = logging.getLogger(__name__)
LINGER_S: Final = 1.0
"""How long the client may take to close after our CLOSE: a hard close could destroy frames not yet read."""
ABNORMAL: Final = 1006
TEXT_HEADERS: Final = [frames.header(length) for length in range(2048)]


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Bounds of one connection; `idle_s` is the silence in both directions that ends it (0: never)."""

    max_frame_bytes: int = 8_000_000
    max_unsent_bytes: int = 16 * 1024 * 1024
    idle_s: float = 120.0


class Outbox:
    """Gathers the writes of one loop turn: a send's own push and the agent's leave in one system call."""

    __slots__ = ("_loop", "_waiting", "gathering")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Connection] = []
        self.gathering = False

    def add(self, connection: "Connection") -> None:
        """Note that `connection` has something to write."""
        if not self._waiting and not self.gathering:
            self._loop.call_soon(self.flush)
        self._waiting.append(connection)

    def flush(self) -> None:
        """Write everything."""
        self.gathering = False
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.flush()


class Connection(asyncio.Protocol):
    """Takes over the transport after the upgrade; `user` is set before it starts."""

    __slots__ = (
        "_closing",
        "_deflate",
        "_hub",
        "_idle",
        "_last_s",
        "_limits",
        "_loop",
        "_on_lost",
        "_out",
        "_outbox",
        "_reader",
        "_slow",
        "_transport",
        "code",
        "user",
    )

    def __init__(
        self,
        hub: Hub,
        limits: SocketLimits,
        deflate: Deflate | None,
        outbox: Outbox,
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._deflate = deflate
        self._on_lost = on_lost
        self._outbox = outbox
        self._out: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(limits.max_frame_bytes, deflate is not None)
        self._last_s = self._loop.time()
        self._idle: asyncio.TimerHandle | None = None
        self._closing = False
        self._slow = False
        self._transport: Any = None  # an asyncio.Transport, from connection_made on
        self.code = ABNORMAL  # the close code sent
        self.user: UserSocket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over `transport`: the upgrade is done."""
        self._transport = transport
        peer = transport.get_extra_info("peername")  # None for a client that is already gone
        self._hub.counters.opened(str(peer[0]) if peer else "")
        if self._limits.idle_s:
            self._idle = self._loop.call_later(self._limits.idle_s, self._watch_idle)

    def data_received(self, data: bytes) -> None:
        """Take bytes; any mistake by the client ends the connection with FleetLM's close code."""
        if self._closing:
            return
        self._last_s = self._loop.time()
        self._outbox.gathering = True
        self._hub.delivery.arrived_s = time.perf_counter()
        try:
            for message in self._reader.feed(data):
                if message.opcode == frames.TEXT and not message.compressed:
                    self.user.receive(message.payload)  # type: ignore[union-attr]  # set before the first byte
                else:
                    self._other(message)
                if self._closing:
                    return
        except FrameProblem as problem:
            self.close(problem.code)
        except FrameError as problem:
            self.close(frames.INTERNAL_ERROR if is_text(problem.frame) else frames.BAD_TEXT)
        except DeflateProblem:
            self.close(frames.INTERNAL_ERROR)
        except Exception:  # FleetLM's socket process would crash: 1011, and the others live on
            LOG.exception("a frame could not be handled")
            self.close(frames.INTERNAL_ERROR)
        finally:
            self._hub.delivery.arrived_s = None
            self._outbox.flush()

    def send_text(self, text: bytes) -> None:
        """Send one text frame at the end of this loop turn."""
        if self._closing:
            return
        if self._deflate is not None:
            text = self._deflate.compress(text)
            header = frames.header(len(text), frames.FIN | frames.RSV1 | frames.TEXT)
        else:
            length = len(text)
            header = TEXT_HEADERS[length] if length < 2048 else frames.header(length)
        if not self._out:
            self._outbox.add(self)
        self._out.append(header)
        self._out.append(text)

    def flush(self) -> None:
        """Write the gathered bytes."""
        if not self._out:
            return
        self._last_s = self._loop.time()
        self._transport.write(b"".join(self._out))
        self._out.clear()
        if self._slow:
            self._drop_if_stuck()

    def flush_now(self) -> None:
        """Write like `flush`, but bypass uvloop's own queue, which is written at the end of its turn: for timed
        pushes.
        """
        if not self._out or self._transport.get_write_buffer_size():
            self.flush()
            return
        data = b"".join(self._out)
        self._out.clear()
        self._last_s = self._loop.time()
        try:
            written = os.write(self._transport.get_extra_info("socket").fileno(), data)
        except OSError:  # no room, or gone: the transport finds out which
            written = 0
        if written < len(data):
            self._transport.write(data[written:])

    def close(self, code: int) -> None:
        """Send CLOSE and end our side; the transport closes when the client does, after LINGER_S at the latest."""
        if self._closing:
            return
        self._end(code)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._idle = self._loop.call_later(LINGER_S, self._transport.abort)

    def cut(self) -> None:
        """End without a CLOSE, as when the process is killed."""
        self._stop()
        self._transport.abort()

    def pause_writing(self) -> None:
        """Check the unsent bytes from now on: the client reads too slowly."""
        self._slow = True

    def resume_writing(self) -> None:
        """Stop checking: the client has caught up."""
        self._slow = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up: the TCP connection is gone."""
        del exc
        self._stop()
        self._out.clear()
        self._on_lost(self)
        if self._idle is not None:
            self._idle.cancel()
        counters = self._hub.counters
        counters.connections_now -= 1
        counters.closes_by_code[self.code] += 1
        counters.disconnects += self.code != frames.NORMAL

    def _other(self, message: Incoming) -> None:
        """Handle everything but a plain text frame."""
        if message.opcode == frames.PING:
            pong = frames.header(len(message.payload), frames.FIN | frames.PONG)
            self._transport.write(pong + message.payload)
        elif message.opcode == frames.CLOSE:
            self._end(frames.NORMAL)  # whatever code the client gave (wire record)
            self._transport.close()
        elif message.opcode == frames.TEXT and self._deflate is not None and self.user is not None:
            self.user.receive(self._deflate.decompress(message.payload, self._limits.max_frame_bytes))
        elif message.opcode == frames.BINARY:
            self.close(frames.INTERNAL_ERROR)  # FleetLM's channels know no binary pushes

    def _stop(self) -> None:
        """Accept nothing more, and leave all topics: an unsent push must not be counted as pushed."""
        self._closing = True
        if self.user is not None:
            self.user.closed()

    def _end(self, code: int) -> None:
        self._stop()
        self.code = code
        if self._idle is not None:
            self._idle.cancel()
        self.flush()
        self._transport.write(frames.close_frame(code))

    def _watch_idle(self) -> None:
        """Close after the silence, or check again when it could be over."""
        left_s = self._last_s + self._limits.idle_s - self._loop.time()
        if left_s > 0:
            self._idle = self._loop.call_later(left_s, self._watch_idle)
        else:
            self.close(frames.PROTOCOL_ERROR)

    def _drop_if_stuck(self) -> None:
        if self._transport.get_write_buffer_size() > self._limits.max_unsent_bytes:
            self.cut()


def is_text(frame: str | bytes) -> bool:
    """Return whether `frame` is valid UTF-8: if not, Bandit closes with 1007 before Phoenix sees it."""
    try:
        return isinstance(frame, str) or bool(frame.decode() or True)
    except UnicodeDecodeError:
        return False
