"""The first protocol of every TCP connection: it handles upgrades itself and hands anything else to aiohttp for good.

aiohttp cannot go on serving a connection after a refused upgrade, but FleetLM does; and frames must not pay for
aiohttp's layers.
"""

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Final

from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.http.edge import CACHE_CONTROL
from fleetlm_users.standin.http.replies import REASONS, reason_phrase
from fleetlm_users.standin.phoenix.user_socket import UserSocket
from fleetlm_users.standin.websocket.connection import Connection, Outbox, SocketLimits
from fleetlm_users.standin.websocket.deflate import Deflate, negotiate
from fleetlm_users.standin.websocket.handshake import PARAMETERS, PATH, Refusal, Upgrade, UpgradeHead, judge, parse_head

START: Final = b"GET " + PATH.encode()
END: Final = b"\r\n\r\n"
MAX_HEAD_BYTES: Final = 64 * 1024
HEAD_TIMEOUT_S: Final = 60.0  # Bandit's read timeout
BUSY: Final = Refusal(503, REASONS[503])


class Sockets:
    """Makes connections from granted upgrades, keeps the open ones, and ends them all at shutdown."""

    def __init__(self, hub: Hub, limits: SocketLimits, *, origin_host: str, max_connections: int) -> None:
        self._hub = hub
        self._limits = limits
        self._origin_host = origin_host
        self._parameters = PARAMETERS[hub.protocol]
        self._max_connections = max_connections
        self._outbox = Outbox()
        self.open: set[Connection] = set()

    def judge(self, head: UpgradeHead) -> Upgrade | Refusal:
        """Decide on this upgrade request, taking faults and the cap on connections into account."""
        verdict = judge(head, self._origin_host, self._parameters)
        full = len(self.open) >= self._max_connections
        if self._hub.faults.faults.unavailable or (full and isinstance(verdict, Upgrade)):
            verdict = BUSY
        self._hub.counters.connections_refused += isinstance(verdict, Refusal)
        return verdict

    def connect(self, upgrade: Upgrade, deflate: Deflate | None) -> Connection:
        """Return the connection for a granted upgrade."""
        connection = Connection(self._hub, self._limits, deflate, self._outbox, self.open.discard)
        connection.user = UserSocket(
            self._hub, connection, upgrade.codec, upgrade.participant_id, is_late=upgrade.is_late
        )
        self.open.add(connection)
        return connection

    def cut_all(self) -> None:
        """Cut every open socket."""
        for connection in list(self.open):
            connection.cut()

    def close_all(self, code: int) -> None:
        """Send CLOSE to every open socket."""
        for connection in list(self.open):
            connection.close(code)


class Gateway(asyncio.Protocol):
    """Reads request heads until it knows who serves this connection; `http` creates aiohttp's protocol."""

    __slots__ = ("_buffer", "_http", "_sockets", "_timeout", "_transport")

    def __init__(self, sockets: Sockets, http: Callable[[], asyncio.Protocol]) -> None:
        self._sockets = sockets
        self._http = http
        self._buffer = b""
        self._transport: Any = None  # an asyncio.Transport, from connection_made on
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await a request head on a new TCP connection, with a time limit."""
        self._transport = transport
        self._timeout = asyncio.get_running_loop().call_later(HEAD_TIMEOUT_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting: the connection closed before it was handed over."""
        del exc
        self._stop_timeout()

    def data_received(self, data: bytes) -> None:
        """Collect heads; answer upgrades; hand over the rest."""
        self._buffer += data
        while self._buffer:
            if not is_upgrade_path(self._buffer) or len(self._buffer) > MAX_HEAD_BYTES:
                self._hand_over(self._http(), self._buffer)
                return
            head_text, end, rest = self._buffer.partition(END)
            if not end:
                return
            head = parse_head(head_text)
            if head is None:
                self._hand_over(self._http(), self._buffer)
                return
            self._buffer = rest
            if self._upgraded(head):
                return

    def _upgraded(self, head: UpgradeHead) -> bool:
        """Answer one upgrade request; return True if the connection is now a WebSocket."""
        verdict = self._sockets.judge(head)
        if isinstance(verdict, Refusal):
            self._transport.write(refusal_bytes(verdict))
            return False
        deflate = negotiate(",".join(head.headers.get("sec-websocket-extensions", [])))
        self._transport.write(upgrade_bytes(verdict, deflate))
        self._hand_over(self._sockets.connect(verdict, deflate), self._buffer)
        return True

    def _hand_over(self, protocol: asyncio.Protocol, data: bytes) -> None:
        self._stop_timeout()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if data:
            protocol.data_received(data)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()


def is_upgrade_path(data: bytes) -> bool:
    """Return whether `data` begins, or may yet begin, a request for the WebSocket path."""
    if len(data) <= len(START):
        return START.startswith(data)
    return data.startswith(START) and data[len(START)] in b"? "


def upgrade_bytes(upgrade: Upgrade, deflate: Deflate | None) -> bytes:
    """Return the 101 response, its headers in FleetLM's order."""
    lines = ["upgrade: websocket", "connection: Upgrade", f"sec-websocket-accept: {upgrade.accept}"]
    if deflate is not None:
        lines.append(f"sec-websocket-extensions: {deflate.answer}")
    return _response(101, lines, "")


def refusal_bytes(refusal: Refusal) -> bytes:
    """Return a refusal: a plain body without a content type, the connection kept open."""
    body = refusal.body
    return _response(refusal.status, [f"content-length: {len(body.encode())}", "vary: accept-encoding"], body)


def _response(status: int, lines: list[str], body: str) -> bytes:
    first = [f"HTTP/1.1 {status} {reason_phrase(status)}", f"date: {formatdate(time.time(), usegmt=True)}"]
    return "\r\n".join([*first, *lines, f"cache-control: {CACHE_CONTROL}", "", body]).encode()
