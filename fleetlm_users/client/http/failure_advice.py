"""Advice on unsuccessful answers: where a redirect leads, what a login page or a ban means. Pure.

Redirects are never followed, because a load silently sent elsewhere would measure another server; for the upgrade RFC
6455 §4.1 leaves the choice to the client.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from fleetlm_users.foreign_text import printable

MAX_URL: Final = 70
"""The most characters of a URL, so that a redirect's target and the option to set fit into one message
(foreign_text.py).
"""
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
ADVISED: Final = REDIRECTS | {401, 403, 407}
"""The statuses for which `advice` knows a remedy."""
HTTP_SCHEMES: Final = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
WS_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
HOST_FLAG: Final = "-H"
ROOTS: Final = {"--api-url": "/api", "--ws-url": "/socket/websocket"}
"""The ends of the URLs that -H derives by itself (workload/urls.py)."""
MAX_SAID: Final = 80
"""The most characters of the server's own words in front of the advice."""


class RequestedUrl(NamedTuple):
    """The URL of a request, below the `base_url` that the option `flag` sets (--api-url, --ws-url or --agent-url)."""

    url: str
    base_url: str
    flag: str


def advice(status: int, fields: Mapping[str, str], requested: RequestedUrl) -> str:
    """Return what to do about an answer with that status; empty if only its body can say."""
    if status in REDIRECTS:
        return _redirected(fields.get("location", ""), requested)
    if status == 401:
        return "it asks for a login, but the load has none: let this machine in without one"
    if status == 403:
        return "let this machine in: at the server, or at the proxy or firewall in front of it"
    if status == 407:
        return "a proxy asks for a login, but the load has none: let it reach the server without the proxy"
    return ""


def explained(status: int, fields: Mapping[str, str], requested: RequestedUrl, said: str) -> str:
    """Return the server's own words, followed by the advice.

    A redirect's own words are left out: its page only repeats its target.
    """
    what_to_do = advice(status, fields, requested)
    if what_to_do and said and status not in REDIRECTS:
        return f"{printable(said, MAX_SAID)}; {what_to_do}"
    return what_to_do or said


def _redirected(location: str, requested: RequestedUrl) -> str:
    if not location.strip():
        return "it redirects without saying where"
    try:
        to = urlsplit(urljoin(_with_scheme(requested.url, HTTP_SCHEMES), location.strip()))
        setting = _setting(to, requested)
        redirect = f"it redirects to {printable(to.geturl(), MAX_URL)} and is not followed"
    except ValueError:  # not a URL at all
        return f"it redirects to {printable(location, MAX_URL)}, which is not a URL"
    if len(setting) > MAX_URL or not setting.isprintable():
        setting = ""
    return f"{redirect}: set {setting or f'{HOST_FLAG} or {requested.flag} to where FleetLM itself answers'}"


def _setting(to: SplitResult, requested: RequestedUrl) -> str:
    """Return the option that leads to the new place; empty if the redirect leads to a different kind of place."""
    base = urlsplit(requested.base_url)
    place, new, old = to.netloc.rpartition("@")[2], to.path.rstrip("/"), base.path.rstrip("/")
    below = urlsplit(requested.url).path[len(old) :].rstrip("/")
    if to.scheme not in HTTP_SCHEMES or not place or not new.endswith(below):
        return ""
    new = new[: len(new) - len(below)]
    scheme = (WS_SCHEMES if requested.flag == "--ws-url" else HTTP_SCHEMES)[to.scheme]
    if (scheme, place, new) == (base.scheme, base.netloc, old):
        return ""
    root = ROOTS.get(requested.flag, "")
    if root and new.endswith(root) and old.endswith(root):
        return f"{HOST_FLAG} {HTTP_SCHEMES[to.scheme]}://{place}{new[: -len(root)]}"
    return f"{requested.flag} {scheme}://{place}{new}"


def _with_scheme(url: str, schemes: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    return parts._replace(scheme=schemes[parts.scheme]).geturl()
