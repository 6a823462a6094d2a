"""From a URL to a connected gevent socket, TLS included; and the one word by which statistics count what went wrong.

gevent's own socket and ssl are named here, so that it works whether or not the process is monkey-patched.
"""

import contextlib
import functools
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


def deadline(seconds: float) -> gevent.Timeout:
    """Raises Overdue in its block when that takes longer than `seconds`, however many waits it consists of."""
    return gevent.Timeout(max(seconds, 0.0), Overdue)


def resolve(endpoint: Endpoint) -> list[tuple[Any, ...]]:
    """The addresses of a host, as getaddrinfo lists them; raises gaierror or UnicodeError."""
    for family in (constants.AF_INET, constants.AF_INET6):
        with contextlib.suppress(OSError):  # an address needs no trip to the resolver's threads: a fifth of a connect
            constants.inet_pton(family, endpoint.host)
            return [(family, constants.SOCK_STREAM, 0, "", (endpoint.host, endpoint.port))]
    return list(socket.getaddrinfo(endpoint.host, endpoint.port, 0, constants.SOCK_STREAM))


def connect_tcp(addresses: list[tuple[Any, ...]], sources: SourceAddresses | None = None) -> Any:
    """A connected gevent socket with TCP_NODELAY to the first address that answers; raises the last OSError.

    With `sources` it leaves from the next of them.
    """
    problem: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            # Without it a second small frame waits for the first one's TCP acknowledgement, up to 40 ms.
            sock.setsockopt(constants.IPPROTO_TCP, constants.TCP_NODELAY, 1)
            if sources is not None:
                sources.bind(sock)
            sock.connect(address)
            return sock
        except OSError as error:
            problem = error
            sock.close()
        except BaseException:  # a deadline or a kill must not leave the socket behind
            sock.close()
            raise
    raise problem


def wrap_tls(sock: Any, endpoint: Endpoint, insecure: bool) -> Any:
    """The socket after the TLS handshake; raises SSLError. `insecure` trusts any certificate but still sends SNI."""
    try:
        return tls_context(insecure).wrap_socket(sock, server_hostname=endpoint.host)
    except BaseException:
        sock.close()
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
