"""From a URL to a connected socket, TLS included; and the one word by which statistics count what went wrong.

gevent's own socket and ssl are named here, so that it works whether or not the process is monkey-patched.
"""

import _socket
import contextlib
import errno
import functools
import os
import socket as constants
import ssl as stdlib_ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import socket, ssl

from fleetlm_users.client.source_addresses import SourceAddresses
from fleetlm_users.errors import UsageError

DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
SECURE_SCHEMES = ("https", "wss")
CONNECTING = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)
CONNECTED = (0, errno.EISCONN)


class Overdue(Exception):
    """A deadline of ours passed. Not an OSError on purpose: whoever tries the next address must not swallow it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a URL points: `host` without brackets, `target` the path and query as they go into a request line."""

    url: str
    host: str
    port: int
    target: str
    secure: bool

    @property
    def host_header(self) -> str:
        """The Host header (RFC 9112 §3.2): a default port is left out, an IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_endpoint(url: str, what: str, schemes: tuple[str, str], example: str) -> Endpoint:
    """The endpoint of a URL whose scheme is one of `schemes`; raises UsageError naming `what` for any other."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, brackets that do not close
        host, port = None, None
    if not host or parts.scheme not in schemes or "".join(url.split()) != url:
        raise UsageError(what, url, f"a URL {schemes[0]}://HOST[:PORT]/PATH or {schemes[1]}://…", example)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii():  # escaped as browsers do; what is escaped already stays as it is
        target = "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in target)
    return Endpoint(url, host, port or DEFAULT_PORTS[parts.scheme], target, parts.scheme in SECURE_SCHEMES)


def kind_of(error: BaseException) -> str:
    """dns, tls, refused, reset, eof, timeout or network: what a foreign error of the socket layer counts as."""
    if isinstance(error, (socket.gaierror, UnicodeError)):  # UnicodeError: a host name that no DNS can hold
        return "dns"
    if isinstance(error, stdlib_ssl.SSLEOFError):
        return "eof"
    if isinstance(error, stdlib_ssl.SSLError):  # certificate errors too
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return "reset"
    if isinstance(error, (Overdue, TimeoutError)):
        return "timeout"
    return "network"


def words_of(error: BaseException) -> str:
    """What a foreign error says, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Deadline:
    """Raises Overdue in its block when that takes longer than `seconds`, however many waits it consists of.

    As gevent.Timeout, which also has a name, a state and a text, at half the price.
    """

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.0)

    def __enter__(self) -> None:
        self._timer = gevent.get_hub().loop.timer(self._seconds)
        self._timer.start(gevent.getcurrent().throw, Overdue)

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._timer.close()

    def __repr__(self) -> str:
        return f"Deadline({self._seconds:g} s)"


def resolve(endpoint: Endpoint) -> list[tuple[Any, ...]]:
    """The addresses of a host, as getaddrinfo lists them; raises gaierror or UnicodeError."""
    for family in (constants.AF_INET, constants.AF_INET6):
        with contextlib.suppress(OSError):  # an address needs no trip to the resolver's threads: a fifth of a connect
            constants.inet_pton(family, endpoint.host)
            return [(family, constants.SOCK_STREAM, 0, "", (endpoint.host, endpoint.port))]
    return list(socket.getaddrinfo(endpoint.host, endpoint.port, 0, constants.SOCK_STREAM))


def connect_tcp(addresses: list[tuple[Any, ...]], sources: SourceAddresses | None = None) -> _socket.socket:
    """A connected socket with TCP_NODELAY, to the first address that answers; raises the last OSError.

    It does not block: who waits for its bytes is stream.py. With `sources` it leaves from the next of them.
    """
    problem: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        sock = _socket.socket(family, kind, protocol)
        try:
            sock.settimeout(0.0)
            # Without it a second small frame waits for the first one's TCP acknowledgement, up to 40 ms.
            sock.setsockopt(constants.IPPROTO_TCP, constants.TCP_NODELAY, 1)
            if sources is not None:
                sources.bind(sock)
            _connect(sock, address)
            return sock
        except OSError as error:
            problem = error
            sock.close()
        except BaseException:  # a deadline or a kill must not leave the socket behind
            sock.close()
            raise
    raise problem


def _connect(sock: _socket.socket, address: Any) -> None:
    """Connects, and waits for it where it takes time. Raises OSError."""
    problem = sock.connect_ex(address)
    if problem in CONNECTING:
        problem = sock.connect_ex(address)  # within one machine the other end has answered meanwhile
    if problem in CONNECTING:
        socket.wait_write(sock.fileno())
        problem = sock.getsockopt(constants.SOL_SOCKET, constants.SO_ERROR) or sock.connect_ex(address)
    if problem not in CONNECTED:
        raise OSError(problem, os.strerror(problem))


def wrap_tls(sock: _socket.socket, endpoint: Endpoint, insecure: bool) -> Any:
    """The socket after the TLS handshake; raises SSLError. `insecure` trusts any certificate but still sends SNI."""
    layered = socket.socket(sock.family, sock.type, sock.proto, sock.detach())  # gevent's: it waits in the handshake
    try:
        return tls_context(insecure).wrap_socket(layered, server_hostname=endpoint.host)
    except BaseException:
        layered.close()
        raise


@functools.cache  # reading the system's CAs takes tens of milliseconds: once per process, not once per socket
def tls_context(insecure: bool) -> Any:
    """The TLS settings of all connections: the system's CAs (SSL_CERT_FILE is heeded), or no verification."""
    # Not create_default_context: where nothing is monkey-patched it makes a context whose sockets block the whole hub.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
