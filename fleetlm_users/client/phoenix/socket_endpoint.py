"""The endpoint of a Phoenix socket: its URL with the serializer version and the participant as query parameters."""

import functools
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from msgspec.structs import replace

from fleetlm_users.client.net.endpoint import Endpoint, parse_endpoint

VSN: Final = "2.0.0"
"""The serializer version of the array frames."""

_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]+")
"""The characters that need not be quoted (RFC 3986 §2.3); nearly all names consist of them."""


def socket_endpoint(url: str, participant_id: str, *parameters: str) -> Endpoint:
    """Return the URL's endpoint, with vsn and the participant set under each of `parameters`; the rest stays.

    Raise UsageError for a URL that is not ws(s).
    """
    base = _base(url, parameters)
    quoted = participant_id if _UNRESERVED.fullmatch(participant_id) else quote(participant_id, safe="")
    query = f"vsn={VSN}"
    for parameter in reversed(parameters):
        query = f"{parameter}={quoted}&{query}"
    return Endpoint(base.url + query, base.host, base.port, base.target + query, base.secure)


@functools.lru_cache(maxsize=16)  # a run has one URL: parsing it for each socket takes a seventh of a connect
def _base(url: str, parameters: tuple[str, ...]) -> Endpoint:
    """Return the endpoint up to the place of our own query parameters."""
    given = parse_endpoint(url, "WebSocket URL", ("ws", "wss"), "ws://localhost:4000/socket/websocket")
    parts = urlsplit(url)
    ours = (*parameters, "vsn")
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in ours]
    query = "?" + "".join(f"{urlencode([pair], quote_via=quote, safe='')}&" for pair in pairs)
    path = given.target.partition("?")[0]
    return replace(given, url=f"{parts.scheme}://{parts.netloc}{parts.path}{query}", target=path + query)
