"""The opening handshake: one deadline over TCP, TLS and HTTP upgrade; every failure becomes a ConnectFailed.

The name look-up comes first and has its own limit, because it is not the server's time (resolver.py).

websocket-client's handshake is not used: it reads the answer byte by byte, follows redirects outside the deadline,
sends an Origin header (which a production FleetLM refuses) and keeps cookies for the whole process, so that one user's
load-balancer cookie would steer all other users.
"""

import binascii
import contextlib
import functools
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from geventhttpclient.response import HTTPParseError

from fleetlm_users.client.http.content_coding import Oversize
from fleetlm_users.client.http.error_body import error_detail
from fleetlm_users.client.http.failure_advice import RequestedUrl, explained
from fleetlm_users.client.http.response import Response
from fleetlm_users.client.http.response_head import MAX_HEAD_BYTES, end_of_head, fields_of, may_be_http, tokens_of
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import Endpoint
from fleetlm_users.client.net.socket_errors import NotResolved, kind_of, words_of
from fleetlm_users.client.net.stream import Stream
from fleetlm_users.client.net.waits import Deadline, Overdue
from fleetlm_users.errors import ConnectFailed, UsageError

ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
ANY_ACCEPT = b"A" * 27 + b"="  # of the form of an accept value
SWITCHING_PROTOCOLS = 101
FIRST_STATUS, FIRST_FINAL = 100, 200
Headers = tuple[str, ...]
"""Lines of a request's head, such as `Authorization: Bearer …`; their creator has checked them."""

NO_HEADERS: Headers = ()
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2: token
OWN_HEADERS = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade", "user-agent"})
STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3})(?:[ \r\n]|$)")


class Upgraded(msgspec.Struct, frozen=True):
    """A connection after the 101. `rest` are the bytes that followed it, at `connected_s`; stamps are perf_counter.

    `started_s` is when the successful attempt began; of several addresses, the one that won (racing.py).
    """

    stream: Stream
    rest: bytes
    started_s: float
    connected_s: float


class _UpgradeRefused(Exception):
    """The answer was HTTP, or nothing at all, but not an upgrade."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


def header_lines(headers: Mapping[str, str]) -> Headers:
    """Return the lines of further headers of the request.

    Raise UsageError for a header that the handshake sets itself, or that is invalid (RFC 9110 §5.5: visible ASCII).
    """
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in OWN_HEADERS or name.lower().startswith("sec-websocket-"):
            accepted = f"a header's name; {', '.join(sorted(OWN_HEADERS))} and Sec-WebSocket-* are the handshake's own"
            raise UsageError("header", name, accepted, "Authorization")
        if not value.isascii() or not value.isprintable():
            raise UsageError(f"header {name}", value, "printable ASCII on one line", "Bearer abc123")
    return tuple(f"{name}: {value}" for name, value in headers.items())


def open_websocket(
    endpoint: Endpoint, timeout_s: float, connector: Connector, headers: Headers = NO_HEADERS
) -> Upgraded:
    """Return the upgraded connection within `timeout_s` seconds; `headers` are sent with the request.

    Raise ConnectFailed, which lists its kinds.
    """
    phase = "address"
    sock: Any = None
    try:
        addresses = connector.addresses(endpoint)
        phase = "TCP connection"
        with Deadline(timeout_s):
            won = connector.connect(endpoint, addresses)
            sock = won.sock
            if endpoint.secure:
                phase = "TLS handshake"
                sock = connector.secure(sock, endpoint)
            phase = "answer to the upgrade"
            sock = stream = Stream(sock)
            return Upgraded(stream, _upgrade(stream, endpoint, headers), won.began_s, stream.arrived_s)
    except BaseException as error:
        if sock is not None:
            sock.close()
        failure = _translate(endpoint, error, phase, timeout_s)
        if failure is None:
            raise
        try:
            raise failure from error
        finally:
            del failure  # its traceback holds this frame, so it would hold itself


def _translate(endpoint: Endpoint, error: BaseException, phase: str, timeout_s: float) -> ConnectFailed | None:
    if isinstance(error, _UpgradeRefused):
        kind = "upgrade" if error.status in (None, SWITCHING_PROTOCOLS) else f"upgrade_{error.status}"
        return ConnectFailed(endpoint.url, kind, error.detail, error.status)
    if isinstance(error, Overdue):
        return ConnectFailed(endpoint.url, "timeout", f"no {phase} within {timeout_s:g} s")
    if isinstance(error, NotResolved):
        return ConnectFailed(endpoint.url, "dns", words_of(error))
    if isinstance(error, OSError):
        kind = kind_of(error)
        kind = "network" if kind in ("reset", "eof") else kind
        return ConnectFailed(endpoint.url, kind, f"no {phase}: {words_of(error)}")
    return None  # a kill, or a mistake of ours: not the server's fault


def _upgrade(stream: Stream, endpoint: Endpoint, headers: Headers = NO_HEADERS) -> bytes:
    """Ask for the upgrade and return the bytes that followed the answer."""
    key = binascii.b2a_base64(os.urandom(16), newline=False)
    stream.write_all(_request(endpoint, key, headers))
    received = b""
    while True:
        head, received = _next_head(stream, received)
        status = _status_of(head)
        if status == SWITCHING_PROTOCOLS:
            _require_accepted(head, key)
            return received
        if not FIRST_STATUS <= status < FIRST_FINAL:  # RFC 9110 §15.2: 100 and 103 come before the answer
            raise _UpgradeRefused(_refusal(endpoint, status, head, received), status)


def _next_head(stream: Stream, received: bytes) -> tuple[bytes, bytes]:
    """Return the next head and the bytes that followed it. Raise _UpgradeRefused."""
    searched = end = 0
    while not received or not (end := end_of_head(received, searched)):
        if len(received) > MAX_HEAD_BYTES:
            raise _UpgradeRefused(f"an answer head of more than {MAX_HEAD_BYTES} bytes")
        if received and not may_be_http(received):
            raise _UpgradeRefused(f"the answer is not HTTP: {_first_line(received)[:80]!r}")
        searched = len(received)
        chunk = stream.receive()
        if not chunk:
            raise _UpgradeRefused(
                "the server closed the connection without an answer" if not received else "a cut answer"
            )
        received += chunk
    return received[:end], received[end:]


def _request(endpoint: Endpoint, key: bytes, headers: Headers = NO_HEADERS) -> bytes:
    lines = (
        f"GET {endpoint.target} HTTP/1.1",
        f"Host: {endpoint.host_header}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        "User-Agent: fleetlm-locust",
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _status_of(head: bytes) -> int:
    """Return the status of the status line (RFC 9112 §4), which may lack a reason phrase. Raise _UpgradeRefused."""
    matched = STATUS_LINE.match(head.lstrip(b"\r\n"))
    if matched is None:
        raise _UpgradeRefused(f"the answer is not HTTP: {_first_line(head)[:80]!r}")
    return int(matched[1])


def _first_line(received: bytes) -> str:
    return received.lstrip(b"\r\n").partition(b"\n")[0].decode("latin-1").rstrip("\r")


def _refusal(endpoint: Endpoint, status: int, head: bytes, behind: bytes) -> str:
    """Return what the answer says: what to do about it, its reason phrase, and the part of its body that has
    arrived.
    """
    response = Response("GET")
    with contextlib.suppress(HTTPParseError, Oversize):
        response.receive(head + behind)
    phrase = _first_line(head).partition(" ")[2].partition(" ")[2]
    body = response.raw_body()
    said = ": ".join(filter(None, (phrase, error_detail(body) if body.strip() else "")))
    requested = RequestedUrl(endpoint.url, endpoint.url.partition("?")[0], "--ws-url")
    return explained(status, fields_of(head), requested, said) or "no reason given"


def _require_accepted(head: bytes, key: bytes) -> None:
    """Raise _UpgradeRefused unless the head is the 101 that belongs to `key` (RFC 6455 §4.1)."""
    digest = hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest()
    accept = binascii.b2a_base64(digest, newline=False)
    before, is_there, after = head.partition(accept)
    if not is_there or not _is_accepting(before, after):
        _require_fields(head, accept)


@functools.lru_cache(maxsize=16)  # the answers of one server differ only in the accept value and the second
def _is_accepting(before: bytes, after: bytes) -> bool:
    """Return whether a head with the right accept value between these two is a 101 to be accepted."""
    try:
        _require_fields(before + ANY_ACCEPT + after, ANY_ACCEPT)
    except _UpgradeRefused:
        return False
    return True


def _require_fields(head: bytes, accept: bytes) -> None:
    fields = fields_of(head)
    upgrades, options = tokens_of(fields.get("upgrade", "")), tokens_of(fields.get("connection", ""))
    if "websocket" not in upgrades or "upgrade" not in options:
        raise _UpgradeRefused("101 without Upgrade: websocket", SWITCHING_PROTOCOLS)
    if not hmac.compare_digest(fields.get("sec-websocket-accept", "").encode("latin-1"), accept):
        raise _UpgradeRefused("101 with a wrong Sec-WebSocket-Accept", SWITCHING_PROTOCOLS)
    if fields.get("sec-websocket-extensions") or fields.get("sec-websocket-protocol"):
        raise _UpgradeRefused("101 with an extension or subprotocol that was not offered", SWITCHING_PROTOCOLS)
