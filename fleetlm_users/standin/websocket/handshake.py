"""The WebSocket upgrade: what FleetLM accepts, and how it refuses. Pure.

Sources: the wire record, section WebSocket handshake; phoenix `transports/websocket.ex`; websock_adapter
`upgrade_validation.ex`.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from fleetlm_users.standin.chat.elixir_inspect import inspect
from fleetlm_users.standin.http.params import BadParams, decode_query
from fleetlm_users.standin.phoenix.codecs import Codec, codec_for

PATH: Final = "/socket/websocket"
GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
ANY_ORIGIN: Final = "any"

_LATE: Final = {"user_id": True, "agent_id": True}
_EARLY: Final = {"participant_id": False}
PARAMETERS: Final = {"early": _EARLY, "late": _LATE, "both": _EARLY | _LATE}
"""By protocol: the socket URL's parameters for its participant, and whether they are the late one's."""

Headers = dict[str, list[str]]


class Refusal(NamedTuple):
    """A status and a plain body; the connection stays open."""

    status: int
    body: str = ""


class Upgrade(NamedTuple):
    """The upgrade is granted, to a client of the late or the early protocol."""

    participant_id: Any
    codec: Codec
    accept: str
    is_late: bool


class UpgradeHead(NamedTuple):
    """The head of an HTTP request; header names in lower case, each with all its values in order."""

    method: str
    target: str
    headers: Headers


def parse_head(text: bytes) -> UpgradeHead | None:
    """Return the request head in `text` (without the empty line), or None when it is not one."""
    first, *lines = text.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        return None
    headers: Headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return UpgradeHead(parts[0], parts[1], headers)


def judge(
    head: UpgradeHead, origin_host: str, parameters: Mapping[str, bool] = PARAMETERS["early"]
) -> Upgrade | Refusal:
    """Grant or refuse an upgrade request: origin first, then the socket's connect, then the upgrade's own headers.

    `parameters` are the possible query parameters for the participant, and whether they are the late protocol's.
    """
    if head.method != "GET":
        return Refusal(400)
    try:
        params = decode_query(head.target.partition("?")[2])
    except BadParams:
        return Refusal(400, "Bad Request")
    if not _origin_passes(head.headers.get("origin", []), origin_host):
        return Refusal(403)
    vsn = params.get("vsn")
    codec = codec_for(vsn) if vsn is None or isinstance(vsn, str) else None
    parameter = next((name for name in parameters if name in params), None)
    if codec is None or parameter is None:
        return Refusal(403)
    problem = _problem(head.headers)
    if problem is not None:
        return Refusal(400, problem)
    key = head.headers["sec-websocket-key"][0]
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode("latin-1"), usedforsecurity=False).digest()).decode()
    return Upgrade(params[parameter], codec, accept, parameters[parameter])


def _origin_passes(origins: list[str], allowed: str) -> bool:
    """Return whether the Origin is absent or names FleetLM's own host (PHX_HOST)."""
    if not origins or allowed == ANY_ORIGIN:
        return True
    try:
        return urlsplit(origins[0]).hostname == allowed
    except ValueError:
        return False


def _problem(headers: Headers) -> str | None:
    if not headers.get("host"):
        return "'host' header is absent"
    for name, needle in (("connection", "upgrade"), ("upgrade", "websocket")):
        values = headers.get(name, [])
        tokens = [token.strip().lower() for value in values for token in value.split(",")]
        if needle not in tokens:
            return f"'{name}' header must contain '{needle}', got {inspect(values)}"
    if not any(headers.get("sec-websocket-key", [])):
        return "'sec-websocket-key' header is absent"
    versions = headers.get("sec-websocket-version", [])
    if versions != ["13"]:
        return f"'sec-websocket-version' header must equal '13', got {inspect(versions)}"
    return None
