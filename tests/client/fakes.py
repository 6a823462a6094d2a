"""Scripted servers for the client's tests: a fake does what its script says, nothing more, in gevent's hub.

A script is a function of one `Peer`, the server's end of one connection; raising in a script fails the test.
"""

import base64
import hashlib
import json
import pathlib
import struct
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket, ssl
from gevent.event import Event
from gevent.server import StreamServer

CERTIFICATE = pathlib.Path(__file__).with_name("self_signed.pem")  # certificate and key, for tests only
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Gone(Exception):
    """The client closed its end."""


def frame(payload: bytes, opcode: int = TEXT, *, final: bool = True, mask: bytes = b"", rsv: int = 0) -> bytes:
    """Return a server's frame, with the requested violation."""
    first = (0x80 if final else 0) | rsv << 4 | opcode
    masked = 0x80 if mask else 0
    length = len(payload)
    if length < 126:
        head = bytes((first, masked | length))
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, masked | 126, length)
    else:
        head = struct.pack("!BBQ", first, masked | 127, length)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else head + payload


def text(*parts: Any) -> bytes:
    """A text frame with a Phoenix message."""
    return frame(json.dumps(list(parts)).encode())


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.buffer = b""
        self.request_line = ""
        self.headers: dict[str, str] = {}

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _more(self) -> None:
        try:
            chunk = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not chunk:
            raise Gone
        self.buffer += chunk

    def read_head(self) -> None:
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.request_line, *lines = head.decode().split("\r\n")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def read_request(self) -> Any:
        """One HTTP request; its JSON body, or None."""
        self.read_head()
        body = self.read(int(self.headers.get("content-length", "0")))
        return json.loads(body) if body else None

    def answer(self, status: str, body: bytes = b"", *headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def upgrade(self, *headers: str, behind: bytes = b"") -> None:
        """Reads the handshake and accepts it; `behind` are bytes that follow the 101 in one piece."""
        self.read_head()
        self.accept(*headers, behind=behind)

    def accept(self, *headers: str, behind: bytes = b"") -> None:
        """Accepts the handshake that was read."""
        key = self.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade"]
        lines += [f"sec-websocket-accept: {accept}", *headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + behind)

    def read_frame(self) -> tuple[int, bytes]:
        """A client's frame: always final and masked."""
        first, second = self.read(2)
        assert first & 0x80, "the client never fragments"
        assert second & 0x80, "a client must mask"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        mask = self.read(4)
        payload = self.read(length)
        whole = (mask * (length // 4 + 1))[:length]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
        return first & 0x0F, masked.to_bytes(length, "big")

    def read_message(self) -> list[Any]:
        opcode, payload = self.read_frame()
        if opcode == CLOSE:
            raise Gone
        assert opcode == TEXT, opcode
        return json.loads(payload)

    def expect(self, event: str) -> list[Any]:
        """The next message, which must be of this event."""
        message = self.read_message()
        assert message[3] == event, message
        return message

    def reply(self, message: list[Any], response: Any = None, status: str = "ok") -> None:
        join_ref, ref, topic, _, _ = message
        self.send(text(join_ref, ref, topic, "phx_reply", {"response": response or {}, "status": status}))

    def reset(self) -> None:
        """Ends the connection with a TCP RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class FakeServer:
    """Runs a script per connection on a free loopback port."""

    def __init__(self, script: Callable[[Peer], None], *, tls: bool = False) -> None:
        self.errors: list[BaseException] = []
        self.accepted = 0
        self.finished = Event()
        self._script = script
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self.server_names: list[str | None] = []
            context.sni_callback = lambda _sock, name, _context: self.server_names.append(name)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        options = {"ssl_context": context} if context else {}
        self._server = StreamServer(listener, self._handle, **options)
        self._server.start()
        scheme = "s" if tls else ""
        self.port = self._server.server_port
        self.ws_url = f"ws{scheme}://localhost:{self.port}/socket/websocket"
        self.http_url = f"http{scheme}://127.0.0.1:{self.port}"

    def _handle(self, sock: Any, _address: Any) -> None:
        self.accepted += 1
        try:
            self._script(Peer(sock))
        except (Gone, BrokenPipeError, ConnectionResetError):
            pass
        except (Exception, gevent.Timeout) as error:
            self.errors.append(error)
        finally:
            sock.close()
            self.finished.set()

    def stop(self) -> None:
        self._server.stop(timeout=0.1)


def hold(peer: Peer) -> None:
    """Reads until the client goes."""
    while True:
        peer.read(1)


def phoenix(peer: Peer) -> None:
    """A polite Phoenix: replies to joins, leaves, heartbeats and calls; a `send` is broadcast and echoed."""
    peer.upgrade()
    while True:
        opcode, payload = peer.read_frame()
        if opcode == CLOSE:
            peer.send(frame(struct.pack("!H", 1000), CLOSE))
            return
        message = json.loads(payload)
        join_ref, _, topic, event, body = message
        if event == "send":
            peer.send(text(join_ref, None, topic, "message", body) + text(join_ref, None, topic, "message", body))
            continue
        peer.reply(message, {"echo": body})
        if event == "phx_leave":
            peer.send(text(join_ref, join_ref, topic, "phx_close", {}))


def accept_join(peer: Peer, *, behind: bytes = b"") -> None:
    """Upgrades and accepts the join; `behind` follows the reply in the same packet."""
    peer.upgrade()
    join_ref, ref, topic, _, _ = peer.expect("phx_join")
    peer.send(text(join_ref, ref, topic, "phx_reply", {"response": {}, "status": "ok"}) + behind)
