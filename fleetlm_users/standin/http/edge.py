"""The HTTP edge: convert aiohttp's requests to ours, and replies to aiohttp's responses with the headers of Bandit and
Phoenix.
"""

import base64
import random
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson
from aiohttp import web

from fleetlm_users.http_access import AccessRules, Asked
from fleetlm_users.standin.http.control import READ_ONLY, Control, is_own
from fleetlm_users.standin.http.params import BadParams, Params, decode_query
from fleetlm_users.standin.http.replies import HttpReply, Request, error, reason_phrase, rendered, renders_json
from fleetlm_users.standin.http.rest import Rest
from fleetlm_users.standin.websocket import handshake
from fleetlm_users.standin.websocket.handshake import Refusal, Upgrade, UpgradeHead

CACHE_CONTROL: Final = "max-age=0, private, must-revalidate"
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})  # Plug.Parsers reads no other bodies
REQUEST_ID_LENGTHS: Final = range(20, 201)  # Plug.RequestId keeps a client's id of 20 to 200 characters
CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE,OPTIONS",
    "access-control-max-age": "600",
}
"""The headers that the late protocol adds to each answer of its router (late wire record)."""

GZIP_WBITS: Final = 31
GZIP_LEVEL: Final = 6


class TooLarge(Exception):
    """The body is longer than allowed."""


class Edge:
    """The aiohttp handler for everything that is not a WebSocket."""

    def __init__(  # noqa: PLR0913  # what the edge stands before, each under its own name
        self,
        rest: Rest,
        control: Control,
        judge: Callable[[UpgradeHead], Upgrade | Refusal],
        max_body_bytes: int,
        rules: AccessRules,
        *,
        is_late: bool,
    ) -> None:
        self._rest = rest
        self._is_late = is_late
        self._control = control
        self._rules = rules
        self._judge = judge
        self._max_body_bytes = max_body_bytes
        self._random = random.Random()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.path == handshake.PATH:
            return self._refuse_upgrade(request)
        accept = request.headers.get("Accept")
        try:
            path = unquote_to_bytes(request.rel_url.raw_path).decode()
            body = await self._body(request) if request.method in BODY_METHODS else b""
            params = decode_query(request.rel_url.raw_query_string) | parse_body(request.headers, body)
        except TooLarge:
            reply = rendered(413, as_json=self._is_late or renders_json(accept), request_id=False)
        except ValueError:  # BadParams, broken JSON, a path that is not UTF-8
            reply = rendered(400, as_json=self._is_late or renders_json(accept), request_id=False)
        else:
            method = "GET" if request.method == "HEAD" else request.method
            reply = self._refusal(request, path) or await self._answer(Request(method, path, params, accept))
        return self._response(request, reply)

    def _refuse_upgrade(self, request: web.BaseRequest) -> web.Response:
        """Refuse a request for the WebSocket path that is not a GET or not the first on its connection.

        Even a valid one is refused: only the gateway can give a connection to a socket.
        """
        headers = {name.lower(): request.headers.getall(name) for name in request.headers}
        verdict = self._judge(UpgradeHead(request.method, request.path_qs, headers))
        if isinstance(verdict, Upgrade):
            verdict = Refusal(400, "the stand-in upgrades only a connection that has not served REST")
        reply = HttpReply(verdict.status, verdict.body.encode(), None, request_id=False)
        response = self._response(request, reply)
        response.force_close()  # aiohttp cannot continue after an upgrade that it did not make
        return response

    def _refusal(self, request: web.BaseRequest, path: str) -> HttpReply | None:
        """Refuse a page of another origin the routes that are not FleetLM's; FleetLM itself refuses none."""
        if not is_own(path):
            return None
        access = Asked.with_headers(request.method, lambda name: ",".join(request.headers.getall(name, [])) or None)
        problem = self._rules.refusal(access, any_host=path in READ_ONLY)
        return None if problem is None else error(403, f"refused: {problem}")

    async def _answer(self, request: Request) -> HttpReply:
        own = await self._control.answer(request) if is_own(request.path) else None
        return own or self._rest.answer(request)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Return the whole body. Raises TooLarge beyond the limit, without having read the rest."""
        if (request.content_length or 0) > self._max_body_bytes:
            raise TooLarge
        parts = bytearray()
        async for chunk in request.content.iter_any():
            parts += chunk
            if len(parts) > self._max_body_bytes:
                raise TooLarge
        return bytes(parts)

    def _response(self, request: web.BaseRequest, reply: HttpReply) -> web.Response:
        headers = {"cache-control": CACHE_CONTROL}
        if reply.request_id:
            headers["x-request-id"] = self._request_id(request.headers.get("X-Request-Id", ""))
            if self._is_late and not is_own(request.path):  # no page of another origin may read our own routes
                asked = request.headers.get("Access-Control-Request-Headers", "*")
                headers |= {**CORS, "access-control-allow-headers": asked}
        body = reply.body
        if body is not None:
            headers["vary"] = "accept-encoding"
            if reply.content_type is not None:
                headers["content-type"] = reply.content_type
            if reply.status == 200 and "gzip" in request.headers.get("Accept-Encoding", ""):
                headers["content-encoding"] = "gzip"
                packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WBITS)
                body = packer.compress(body) + packer.flush()
        response = web.Response(status=reply.status, reason=reason_phrase(reply.status), body=body, headers=headers)
        response.headers.setdefault("Server", "fleetlm-standin")
        if reply.status == 413:
            response.force_close()  # the rest of the body is not read
        return response

    def _request_id(self, given: str) -> str:
        if len(given) in REQUEST_ID_LENGTHS:
            return given
        return base64.urlsafe_b64encode(self._random.randbytes(15)).decode()


def parse_body(headers: Mapping[str, str], body: bytes) -> Params:
    """Return the parameters in a body: JSON objects, other JSON as `_json`, forms; other types give none.

    Raises ValueError for broken JSON and BadParams for a broken form.
    """
    content_type = headers.get("Content-Type", "").split(";")[0].strip().lower()
    if not body:
        return {}
    if content_type == "application/x-www-form-urlencoded":
        try:
            return decode_query(body.decode())
        except UnicodeDecodeError as problem:
            raise BadParams(str(problem)) from problem
    if content_type == "application/json" or content_type.endswith("+json"):
        value: Any = orjson.loads(body)
        return value if isinstance(value, dict) else {"_json": value}
    return {}
