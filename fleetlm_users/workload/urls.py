"""Addresses: checked before load starts, and derived from one another."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import described

API_EXAMPLE: Final = "http://localhost:4000/api"
WS_EXAMPLE: Final = "ws://localhost:4000/socket/websocket"
HOST_EXAMPLE: Final = "http://localhost:4000"
GRAFANA_EXAMPLE: Final = "https://grafana.example.org/d/fleetlm"
DATABASE_EXAMPLE: Final = "postgresql://reader:password@localhost/fleetlm_prod"

ANNOTATIONS_PATH: Final = "/api/annotations"
"""The path in Grafana's HTTP API."""

API_PATH: Final = "/api"
WS_PATH: Final = "/socket/websocket"
VSN: Final = "2.0.0"
"""The version of Phoenix's serializer that sends arrays of five; client/phoenix/socket.py uses the same."""

_WS_SCHEMES: Final[Mapping[str, str]] = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_HTTP_SCHEMES: Final[Mapping[str, str]] = {"ws": "http", "wss": "https"}


def check_http_url(text: str, what: str, example: str = API_EXAMPLE) -> str:
    """Return an http or https URL without its trailing slash; raise UsageError for anything else."""
    return _checked(text, what, ("http", "https"), example).geturl().rstrip("/")


def check_ws_url(text: str, what: str, example: str = WS_EXAMPLE) -> str:
    """Return a ws or wss URL without its trailing slash; raise UsageError for anything else."""
    return _checked(text, what, ("ws", "wss"), example).geturl().rstrip("/")


def check_database_url(text: str, what: str, example: str = DATABASE_EXAMPLE) -> str:
    """Return a PostgreSQL URL; raise UsageError, which does not quote the text, for anything else.

    Host and user may be missing, as libpq has defaults for them (PostgreSQL documentation, 32.1.1 Connection Strings).
    """
    trimmed = text.strip()
    accepted = "postgresql:// with user, password, host and database"
    if not trimmed.startswith(("postgresql://", "postgres://")) or not trimmed.isprintable() or " " in trimmed:
        raise UsageError(what, described(text), accepted, example)
    return trimmed


def check_grafana_url(text: str, what: str, example: str = GRAFANA_EXAMPLE) -> str:
    """Return the address of Grafana's annotations with the dashboard in its query: `…/api/annotations?dashboardUID=x`.

    The text is Grafana's own address with `?dashboardUID=…&panelId=…`, or a dashboard's as a browser shows it. Anything
    else in a query is dropped, as it might be a token. Raises UsageError, which quotes no password.
    """
    base, _, query = text.strip().partition("#")[0].partition("?")
    shown = described(text) if "@" in text or "?" in text else text
    try:
        parts = _checked(base, what, ("http", "https"), example)
        given = dict(parse_qsl(query))
    except ValueError as problem:  # more fields than anybody uses
        raise UsageError(what, shown, "the address of a Grafana", example) from problem
    except UsageError as problem:
        accepted = "http:// or https:// with the host of a Grafana, without user and password (its token is a variable)"
        raise UsageError(what, shown, accepted, example) from problem
    path = parts.path.rstrip("/").removesuffix(ANNOTATIONS_PATH)
    root, is_dashboard, rest = path.partition("/d/")
    place = {"dashboardUID": given.get("dashboardUID") or rest.partition("/")[0], "panelId": given.get("panelId", "")}
    if place["panelId"] and not (place["panelId"].isascii() and place["panelId"].isdigit()):
        raise UsageError(what, shown, "a panelId that is a number", example)
    chosen = {name: value for name, value in place.items() if value}
    path = (root if is_dashboard else path) + ANNOTATIONS_PATH
    return parts._replace(path=path, query=urlencode(chosen, quote_via=quote)).geturl()


def urls_of_host(host: str, what: str = "-H/--host") -> tuple[str, str]:
    """Return (API URL, WebSocket URL) of a server; a path is kept, as for a server behind a proxy's prefix.

    https gives wss, and wss https. Raises UsageError unless `host` is a URL of one of the four schemes.
    """
    parts = _checked(host, what, tuple(_WS_SCHEMES), HOST_EXAMPLE)
    base = parts._replace(path=parts.path.rstrip("/"))
    api = base._replace(scheme=_HTTP_SCHEMES.get(base.scheme, base.scheme), path=base.path + API_PATH)
    ws = base._replace(scheme=_WS_SCHEMES[base.scheme], path=base.path + WS_PATH)
    return api.geturl(), ws.geturl()


def socket_url(ws_url: str, path: str, parameters: Mapping[str, str]) -> str:
    """Return the URL of a Phoenix application's socket: `path` in place of a trailing /socket/websocket.

    A WebSocket URL that ends otherwise was given in full and keeps its path. Raises UsageError for an invalid path, and
    for a version of Phoenix's serializer that the client does not speak.
    """
    if not path.startswith("/") or any(character in path for character in "?# ") or not path.isprintable():
        raise UsageError("path of a PhoenixUser", path, "the path of a socket, without a query", WS_PATH)
    if parameters.get("vsn", VSN) != VSN:
        accepted = f"{VSN}, the one version of Phoenix's serializer that this client speaks (Phoenix 1.3 and later)"
        raise UsageError("parameter vsn", parameters["vsn"], accepted, f"leave it out, {VSN} is sent")
    base = ws_url.removesuffix(WS_PATH) + path if ws_url.endswith(WS_PATH) else ws_url
    given = {name: value for name, value in parameters.items() if name != "vsn"}
    return f"{base}?{urlencode(given, quote_via=quote, safe='')}" if given else base


def _checked(text: str, what: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    trimmed = text.strip()
    *first, last = (f"{scheme}://" for scheme in schemes)
    starts = f"{', '.join(first)} or {last}"
    accepted = f"{starts} with a host, optionally a port (1–65535) and a path"
    accepted += "; no user and password" if "@" in text else ""
    shown = described(text) if "@" in text else text
    try:
        parts = urlsplit(trimmed)
        port = parts.port
    except ValueError as error:  # a port that is no number or beyond 65535, a bracket that is not closed
        raise UsageError(what, shown, accepted, example) from error
    # urlsplit drops tabs and newlines silently, so blanks are looked for in the text itself
    odd = any(character.isspace() or not character.isprintable() for character in trimmed)
    if odd or parts.scheme not in schemes or not parts.hostname or port == 0 or _has_extras(parts):
        raise UsageError(what, shown, accepted, example)
    return parts


def _has_extras(parts: SplitResult) -> bool:
    """Return whether the URL has extras: a query or fragment would be cut or doubled by what is appended, and a
    password would show in reports.
    """
    return bool(parts.query or parts.fragment or parts.username is not None)
