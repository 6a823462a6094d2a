"""The opening handshake: one deadline over name, TCP, TLS and HTTP upgrade; every failure becomes a ConnectFailed.

It is our own and not websocket-client's because that one reads the answer byte by byte, follows redirects outside the
deadline, sends an Origin header (which a production FleetLM refuses) and keeps cookies for the whole process, so that
one user's load-balancer cookie would steer all other users.
"""

import base64
import hashlib
import hmac
import os
import time
from typing import Any, NamedTuple

from fleetlm_users.client.dial import Deadline, Endpoint, Overdue, connect_tcp, kind_of, resolve, words_of, wrap_tls
from fleetlm_users.client.error_body import error_detail
from fleetlm_users.client.source_addresses import SourceAddresses
from fleetlm_users.client.stream import Stream
from fleetlm_users.errors import ConnectFailed

ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
MAX_HEAD_BYTES = 64 * 1024  # an answer head beyond this is not one
SWITCHING_PROTOCOLS = 101


class Upgraded(NamedTuple):
    """A connection after the 101. `rest` are bytes that came behind it, at `connected_s`; stamps are perf_counter."""

    stream: Stream
    rest: bytes
    started_s: float
    connected_s: float


class _Refused(Exception):
    """The answer was HTTP, or nothing at all, but not an upgrade."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


def open_websocket(
    endpoint: Endpoint, timeout_s: float, insecure: bool, sources: SourceAddresses | None = None
) -> Upgraded:
    """The upgraded connection. Raises ConnectFailed, whose kinds are listed there."""
    phase = "address"
    sock: Any = None
    try:
        with Deadline(timeout_s):
            addresses = resolve(endpoint)
            phase, started_s = "TCP connection", time.perf_counter()
            sock = connect_tcp(addresses, sources)
            if endpoint.secure:
                phase = "TLS handshake"
                sock = wrap_tls(sock, endpoint, insecure)
            phase = "answer to the upgrade"
            sock = stream = Stream(sock)
            return Upgraded(stream, _upgrade(stream, endpoint), started_s, stream.arrived_s)
    except BaseException as error:
        if sock is not None:
            sock.close()
        failure = _translate(endpoint, error, phase, timeout_s)
        if failure is None:
            raise
        raise failure from error


def _translate(endpoint: Endpoint, error: BaseException, phase: str, timeout_s: float) -> ConnectFailed | None:
    if isinstance(error, _Refused):
        kind = "upgrade" if error.status in (None, SWITCHING_PROTOCOLS) else f"upgrade_{error.status}"
        return ConnectFailed(endpoint.url, kind, error.detail, error.status)
    if isinstance(error, Overdue):
        return ConnectFailed(endpoint.url, "timeout", f"no {phase} within {timeout_s:g} s")
    if isinstance(error, (OSError, UnicodeError)):
        kind = kind_of(error)
        kind = "network" if kind in ("reset", "eof") else kind
        return ConnectFailed(endpoint.url, kind, f"no {phase}: {words_of(error)}")
    return None  # a kill, or a mistake of ours: not the server's fault


def _upgrade(stream: Stream, endpoint: Endpoint) -> bytes:
    """Asks for the upgrade and gets it; what came behind the answer."""
    key = base64.b64encode(os.urandom(16))
    stream.write_all(_request(endpoint, key))
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > MAX_HEAD_BYTES:
            raise _Refused(f"an answer head of more than {MAX_HEAD_BYTES} bytes")
        chunk = stream.receive()
        if not chunk:
            raise _Refused("the server closed the connection without an answer" if not received else "a cut answer")
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    _check(head.decode("latin-1"), rest, key)
    return rest


def _request(endpoint: Endpoint, key: bytes) -> bytes:
    lines = (
        f"GET {endpoint.target} HTTP/1.1",
        f"Host: {endpoint.host_header}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        "User-Agent: fleetlm-locust",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _check(head: str, rest: bytes, key: bytes) -> None:
    """Raises _Refused unless the head is the 101 that belongs to `key` (RFC 6455 §4.1)."""
    status_line, *lines = head.split("\r\n")
    version, _, tail = status_line.partition(" ")
    code, _, phrase = tail.partition(" ")
    if not version.startswith("HTTP/") or not (code.isascii() and code.isdigit()):
        raise _Refused(f"the answer is not HTTP: {status_line[:80]!r}")
    if int(code) != SWITCHING_PROTOCOLS:
        body = error_detail(_unchunked(rest, lines)) if rest.strip() else ""
        raise _Refused(": ".join(filter(None, (phrase, body))) or "no reason given", int(code))
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest()).decode()
    if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("connection", "").lower():
        raise _Refused("101 without Upgrade: websocket", SWITCHING_PROTOCOLS)
    if not hmac.compare_digest(headers.get("sec-websocket-accept", "").encode("latin-1"), accept.encode()):
        raise _Refused("101 with a wrong Sec-WebSocket-Accept", SWITCHING_PROTOCOLS)
    if "sec-websocket-extensions" in headers or "sec-websocket-protocol" in headers:
        raise _Refused("101 with an extension or subprotocol that was not offered", SWITCHING_PROTOCOLS)


def _unchunked(rest: bytes, lines: list[str]) -> bytes:
    """What has come of the refusal's body, without the size before a first chunk (RFC 9112 §7.1)."""
    is_chunked = any(line.lower().replace(" ", "") == "transfer-encoding:chunked" for line in lines)
    return rest.partition(b"\r\n")[2].partition(b"\r\n")[0] if is_chunked else rest
