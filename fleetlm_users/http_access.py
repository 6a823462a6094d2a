"""Which HTTP requests our own pages answer: none that a page of another origin makes a browser send.

A browser sends requests for any open page, even to servers that only its machine can reach. It states the page's origin
in `Origin` (RFC 6454; with every POST, and with each script's request to another origin), and how the two are related
in `Sec-Fetch-Site` (Fetch Metadata; only to https and loopback). If neither is sent, as in a page's requests to its own
origin, `Host` holds the page's name, which its owner may meanwhile have pointed to our address (DNS rebinding).
Programs send neither header, and in `Host` the name or address they were given.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote

_NAME: Final = r"\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}"
_AUTHORITY: Final = re.compile(rf"({_NAME})(?::([0-9]{{1,5}}))?")
_ORIGIN: Final = re.compile(rf"(https?)://({_NAME})(?::([0-9]{{1,5}}))?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_SAFE_METHODS: Final = ("GET", "HEAD")
_MAX_QUOTED: Final = 100

Authority = tuple[str, str]
"""A name in lower case, or an address, and a port; no port for 80 and 443."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request that identify its origin: its method, and headers as received, None for a missing one."""

    method: str
    host: str | None
    origin: str | None = None
    fetch_site: str | None = None
    fetch_mode: str | None = None
    fetch_dest: str | None = None

    @classmethod
    def with_headers(cls, method: str, header: Callable[[str], str | None]) -> "Asked":
        """Return the contents of the headers, which `header` looks up by name."""
        names = ("Host", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")
        return cls(method, *(header(name) for name in names))


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The rules of one server: `bound` is the name or address it listens on, `allowed` are further hosts.

    Loopback names and addresses, `bound` and `allowed` are known. A server that listens on more than loopback also
    answers to addresses, which cannot be rebound, and to names without a dot, such as a container's or a machine's on
    the same network, which nobody outside can redirect. An entry of `allowed` with a port is known with that port; its
    origin may send requests too, since a proxy need not pass on the name by which it was called.
    """

    bound: str
    allowed: tuple[str, ...] = ()

    def refusal(self, asked: Asked, *, any_host: bool = False) -> str | None:
        """Return why a request is refused, for a person; None if it is answered.

        `any_host`: the page accepts no commands, so beyond loopback it may be requested by any name.
        """
        host = authority(asked.host or "")
        if not (any_host and self._is_beyond_loopback) and (host is None or not self._knows(host)):
            return f"{quote(asked.host or '', _MAX_QUOTED)} is not a host name of this server"
        if asked.origin is not None:
            origin = _authority_of_origin(asked.origin)
            if origin is not None and origin in self._allowed:
                return None
            if origin is None or origin != host:
                return f"the request comes from a page of another origin: {quote(asked.origin, _MAX_QUOTED)}"
        if asked.fetch_site in (None, "same-origin", "none") or _is_navigation(asked):
            return None
        site = quote(asked.fetch_site, _MAX_QUOTED)
        return f"the request comes from a page of another origin (Sec-Fetch-Site: {site})"

    @property
    def _allowed(self) -> tuple[Authority | None, ...]:
        return tuple(authority(text) for text in self.allowed)

    @property
    def _is_beyond_loopback(self) -> bool:
        return not _is_loopback(self.bound.lower().strip("[]"))

    def _knows(self, host: Authority) -> bool:
        name, _ = host
        if _is_loopback(name) or name == self.bound.lower().strip("[]"):
            return True
        if host in self._allowed or (name, "") in self._allowed:
            return True
        return self._is_beyond_loopback and (_is_address(name) or "." not in name)


def authority(text: str) -> Authority | None:
    """Return name and port of a `Host` header; None if it is invalid."""
    match = _AUTHORITY.fullmatch(text)
    return None if match is None else _normal(match[1], match[2] or "", ("80", "443"))


def parse_hosts(text: str, what: str, example: str) -> tuple[str, ...]:
    """Return the hosts in a list, each with or without a port; IPv6 addresses in brackets. Raises UsageError."""
    hosts = tuple(f"[{host}]" if ":" in host and _is_address(host) else host for host in text.replace(",", " ").split())
    for host in hosts:
        if authority(host) is None:
            accepted = "names or addresses, each with a port or without, separated by commas"
            raise UsageError(what, host, accepted, example)
    return hosts


def _authority_of_origin(text: str) -> Authority | None:
    """Return the name and port of an origin; None if it is no server's: `null`, a file, an extension."""
    match = _ORIGIN.fullmatch(text)
    return None if match is None else _normal(match[2], match[3] or "", (_DEFAULT_PORTS[match[1]],))


def _normal(name: str, port: str, defaults: tuple[str, ...]) -> Authority:
    name = name.lower().strip("[]").removesuffix(".")
    return name, "" if port in defaults else port


def _is_navigation(asked: Asked) -> bool:
    """Return whether a person follows a link to our page: the page with the link sees nothing of the answer."""
    return asked.method in _SAFE_METHODS and (asked.fetch_mode, asked.fetch_dest) == ("navigate", "document")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    if not _is_address(name):
        return False
    address = ip_address(name)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
