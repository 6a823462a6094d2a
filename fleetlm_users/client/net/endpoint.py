"""The target of a URL: host, port and request target, as a connection needs them."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from fleetlm_users.errors import UsageError

DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
SECURE_SCHEMES: Final = ("https", "wss")


class Endpoint(msgspec.Struct, frozen=True):
    """The target of a URL: `host` without brackets, `target` the path and query as in a request line."""

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
    """Return the endpoint of a URL whose scheme is one of `schemes`; raise UsageError naming `what` for any other."""
    try:
        parts = urlsplit(url)
        host, port = host_of(url), parts.port
    except ValueError:  # a port that is not a number, unclosed brackets, a name that IDNA does not know
        host, port = None, None
    if not host or parts.scheme not in schemes or "".join(url.split()) != url:
        raise UsageError(what, url, f"a URL {schemes[0]}://HOST[:PORT]/PATH or {schemes[1]}://…", example)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii():  # escaped as browsers do; text already escaped stays as it is
        target = "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in target)
    return Endpoint(url, host, port or DEFAULT_PORTS[parts.scheme], target, parts.scheme in SECURE_SCHEMES)


def host_of(url: str) -> str:
    """Return the host of a URL as it goes over the wire: to the resolver, in the Host header, in SNI; empty for none.

    Raise ValueError for a text that is not a URL, or a name that IDNA does not allow.
    """
    host = urlsplit(url).hostname or ""
    return host if host.isascii() else host.encode("idna").decode("ascii")
