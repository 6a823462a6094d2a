"""An HTTP request as the routes see it, and replies in FleetLM's format; rendered errors follow Accept. Pure."""

from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

JSON: Final = "application/json; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
REASONS: Final = {
    400: "Bad Request",
    404: "Not Found",
    406: "Not Acceptable",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
RENAMED: Final = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""Reason phrases as Plug sends them; Python 3.13 renamed these after RFC 9110."""


class HttpReply(NamedTuple):
    """Status, body and special headers; `body` None is a reply without one (204)."""

    status: int
    body: bytes | None
    content_type: str | None = JSON
    request_id: bool = True


def reason_phrase(status: int) -> str:
    """Return the reason phrase that follows `status` in the first line of a response."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def json_reply(status: int, value: Any) -> HttpReply:
    """Return `value` as JSON."""
    return HttpReply(status, orjson.dumps(value))


def error(status: int, text: str) -> HttpReply:
    """Return `{"error": "text"}`, the shape of FleetLM's controllers."""
    return json_reply(status, {"error": text})


def rendered(status: int, *, as_json: bool = True, request_id: bool = True) -> HttpReply:
    """Return an error page of Phoenix: `{"errors": {"detail": ...}}`, or the bare reason as text/html."""
    reason = REASONS[status]
    if as_json:
        return HttpReply(status, orjson.dumps({"errors": {"detail": reason}}), JSON, request_id)
    return HttpReply(status, reason.encode(), HTML, request_id)


def media_types(accept: str | None) -> list[str]:
    """Return the types of an Accept header in order, without parameters; no header accepts everything."""
    types = [part.split(";")[0].strip().lower() for part in (accept or "").split(",")]
    return [name for name in types if name] or ["*/*"]


def takes_json(accept: str | None) -> bool:
    """Return whether the `accepts ["json"]` plug lets the request pass; if not, it is answered 406."""
    return any(name in ("*/*", "application/*", "application/json") for name in media_types(accept))


def renders_json(accept: str | None) -> bool:
    """Return whether an error outside the API's pipeline is rendered as JSON: html is the first choice."""
    for name in media_types(accept):
        if name in ("*/*", "text/html", "text/*"):
            return False
        if name in ("application/json", "application/*"):
            return True
    return False


class Request(NamedTuple):
    """A request with its parameters decoded; `method` is never HEAD (that is a GET whose body is not sent)."""

    method: str
    path: str
    params: dict[str, Any]
    accept: str | None = None
