"""The webhook agent that FleetLM calls during a load test: it echoes the newest user message as JSON lines.

A program of its own: Flask on gevent's WSGI server, importing nothing of this package. Read it in the order of a call:
the options, the answer to a webhook, the application, the HTTP server, the process. A real FleetLM silently drops a
line without its newline, requires `content` to be an object, and may send a history that is not the true tail.
"""

import argparse
import contextlib
import errno
import gc
import io
import ipaddress
import os
import random
import re
import signal
import socket as blocking_socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
import orjson
from flask import Flask, Request, Response, request
from gevent import socket
from gevent.event import Event
from gevent.pywsgi import Input, WSGIHandler, WSGIServer
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.routing import MapAdapter

AGENT_ID = "bench-echo-agent"
MAX_BODY_BYTES = 1 << 20
MAX_HEAD_BYTES = 64 << 10
MAX_DELAY_MS = 600_000  # FleetLM gives up on a webhook after ten minutes
MAX_CHUNKS = 1_000
FORMATS = ("auto", "lines", "ui")
MAX_REPLIES = 100  # with MAX_BODY_BYTES this bounds one answer at about 100 MiB
DRAIN_S = 5.0  # how long open webhooks may take once the agent is asked to stop
DISCARD_BYTES = 8 << 20  # of a refused body, so that its sender sees the answer instead of a reset
DISCARD_S = 2.0
MAX_QUOTED = 200  # characters of a bad value in a message

_WEBHOOK_FIELDS = (("agent_id", str), ("session_id", str), ("user_id", str), ("messages", list))
_MESSAGE_FIELDS = (("seq", int), ("sender_id", str), ("content", dict), ("kind", str), ("inserted_at", str))
_JSON_NAMES = {str: "a string", list: "an array", int: "an integer", dict: "an object"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^`|~0-9a-zA-Z-]+")  # an RFC 9110 token, less "_", which WSGI confuses with "-"


# The options


@dataclass(frozen=True)
class Options:
    """The options: where to serve and how to answer."""

    host: str = "127.0.0.1"
    port: int = 4001
    delay_ms: float = 0.0
    delay_jitter_ms: float = 0.0
    replies: int = 1
    format: str = "auto"
    chunks: int = 1
    first_chunk_delay_ms: float = 0.0
    chunk_delay_ms: float = 0.0
    exit_with_parent: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "" if "invalid value" in message else "; expected is what --help lists, for example --port=4001"
        self.exit(2, f"echo agent: {message.removeprefix('argument ')}{hint}\n")


def parse_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Return the options: a flag beats its environment variable (PORT, HOST, …), which beats the default.

    An invalid value or flag ends the program: one line, exit code 2. An empty variable counts as unset. Shells and
    platforms use the names HOST and PORT too: a warning says whether they move the agent.
    """
    variables = {name: text for name, value in environment.items() if (text := _trimmed(value))}
    if not _is_address(variables.get("HOST", "localhost")):
        _warn(f"HOST={variables.pop('HOST')[:MAX_QUOTED]!r} is not an address, so it is ignored as another program's")
    parser = _Parser(prog="echo_agent.py", description="Echo webhook agent for FleetLM.", allow_abbrev=False)

    def option(name: str, accepted: str, example: str, read: Callable[[str], object]) -> None:
        flag, variable, default = "--" + name.replace("_", "-"), name.upper(), getattr(Options, name)

        def checked(text: str) -> object:
            try:
                return read(_trimmed(text))
            except ValueError as error:
                hint = f"for example {flag}={example}, or {variable}={example} in the environment"
                problem = f"invalid value {text[:MAX_QUOTED]!r}: expected {accepted}; {hint}"
                raise argparse.ArgumentTypeError(problem) from error

        text = f"{accepted} (default {default}; environment {variable})"
        parser.add_argument(flag, type=checked, default=variables.get(variable) or default, help=text)

    option("host", "a host name or address to listen on", "127.0.0.1", _host)
    option("port", "a port from 1 to 65535, or 0 for any free one", "4001", _within(int, 0, 65535))
    milliseconds = _within(float, 0, MAX_DELAY_MS)
    option("delay_ms", f"milliseconds before an answer, 0 to {MAX_DELAY_MS}", "250", milliseconds)
    option("delay_jitter_ms", f"± milliseconds, drawn uniformly, 0 to {MAX_DELAY_MS}", "50", milliseconds)
    option("replies", f"messages per answer, 1 to {MAX_REPLIES}", "3", _within(int, 1, MAX_REPLIES))
    option("format", "the lines of an answer: lines, ui, or auto for what FleetLM's version expects", "ui", _format)
    option(
        "chunks", f"pieces that the text of a ui answer comes in, 1 to {MAX_CHUNKS}", "20", _within(int, 1, MAX_CHUNKS)
    )
    option("first_chunk_delay_ms", f"milliseconds before the first piece, 0 to {MAX_DELAY_MS}", "300", milliseconds)
    option("chunk_delay_ms", f"milliseconds between two pieces, 0 to {MAX_DELAY_MS}", "20", milliseconds)
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when stdin ends")
    options = Options(**vars(parser.parse_args(arguments)))
    for name, flag in (("HOST", "--host"), ("PORT", "--port")):
        if name in variables and not any(word.partition("=")[0] == flag for word in arguments):
            _warn(f"{flag} is {variables[name]!r} by the variable {name}")
    return options


def _is_address(host: str) -> bool:
    """Return whether a HOST means a server: conda sets it to a machine's kind, some shells to its name."""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return host == "localhost"


def _format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(text)
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.:%_-]{1,255}", text):
        raise ValueError(text)
    return text


def _within(kind: type[int] | type[float], low: int, high: int) -> Callable[[str], int | float]:
    def read(text: str) -> int | float:
        number = kind(text)
        if not low <= number <= high:  # NaN is not within either
            raise ValueError(text)
        return number

    return read


def _trimmed(text: str) -> str:
    """Return a value without the space, carriage return, byte-order mark and quotes that came with it from a file."""
    text = text.removeprefix("\ufeff").strip()
    return text[1:-1].strip() if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1 else text


def _warn(text: str) -> None:
    print(f"echo agent: {text}; --help lists all options", file=sys.stderr, flush=True)


# The answer to a webhook


class WebhookError(BadRequest):
    """A webhook that cannot be answered: a 400 whose description says what is wrong with it."""


def read_webhook(body: bytes) -> dict[str, Any]:
    """Return one webhook body. Raises WebhookError: not JSON, a field is missing or of the wrong type."""
    try:
        webhook: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WebhookError(f"not JSON: {error}") from error
    _require(webhook, _WEBHOOK_FIELDS, "the webhook")
    return webhook


def answer_pieces(webhook: Mapping[str, Any], options: Options) -> list[bytes]:
    """Return the answer to a webhook, in the pieces that are sent one after the other.

    A FleetLM of 2025-10-24 or later sends a `context` and expects the chunks of a UI message; earlier ones expect whole
    messages. Raises WebhookError.
    """
    is_ui = options.format == "ui" or (options.format == "auto" and "context" in webhook)
    if is_ui:
        return ui_chunks(webhook, options.chunks) * options.replies
    return [echo_lines(webhook, options.replies)]


def ui_chunks(webhook: Mapping[str, Any], chunks: int) -> list[bytes]:
    """Return the lines of one streaming answer: its text in that many pieces, then `finish`. Raises WebhookError."""
    newest = newest_user_message(webhook["messages"], webhook["user_id"])
    text = _echo_content(newest["content"])["text"]
    size = max(1, -(-len(text) // chunks))
    deltas = [text[at : at + size] for at in range(0, len(text), size)]
    lines: list[dict[str, Any]] = [
        {"type": "text-start", "id": "part_1"},
        *({"type": "text-delta", "id": "part_1", "delta": delta} for delta in deltas),
        {"type": "text-end", "id": "part_1"},
        {"type": "finish"},
    ]
    return [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines]


def echo_lines(webhook: Mapping[str, Any], replies: int = 1) -> bytes:
    """Return the answer to one webhook: `replies` equal JSON lines, each ended by a newline. Raises WebhookError."""
    newest = newest_user_message(webhook["messages"], webhook["user_id"])
    metadata = {"echoed_seq": newest["seq"], "session_id": webhook["session_id"], "user_id": webhook["user_id"]}
    try:
        echo = {"kind": "text", "content": _echo_content(newest["content"]), "metadata": metadata}
        return orjson.dumps(echo, option=orjson.OPT_APPEND_NEWLINE) * replies
    except orjson.JSONEncodeError as error:  # orjson reads 1024 levels of nesting but writes only 254
        raise WebhookError(f"the content cannot be echoed: {error}") from error


def newest_user_message(messages: Sequence[Any], user_id: str) -> dict[str, Any]:
    """Return the message of `user_id` with the highest seq, wherever it is in the list.

    Raises WebhookError for a malformed message, or if the user has none. The last message of the list need not be the
    user's newest: with several sends in flight, an agent's message can follow it.
    """
    newest: dict[str, Any] | None = None
    for index, message in enumerate(messages):
        _require(message, _MESSAGE_FIELDS, "messages", index)
        if message["seq"] < 1:
            raise WebhookError(f"messages[{index}].seq must be 1 or more")
        if message["sender_id"] == user_id and (newest is None or message["seq"] >= newest["seq"]):
            newest = message
    if newest is None:
        raise WebhookError("messages holds no message of user_id")
    return newest


def _echo_content(content: dict[str, Any]) -> dict[str, Any]:
    text = content.get("text")
    echo: dict[str, Any] = {"text": f"Echo: {text if type(text) is str else orjson.dumps(content).decode()}"}
    if "client_ref" in content:
        echo["client_ref"] = content["client_ref"]
    return echo


def _require(record: Any, fields: Sequence[tuple[str, type]], where: str, index: int | None = None) -> None:
    # type() and not isinstance: a JSON true must not pass as an integer.
    problem = "must be an object"
    if type(record) is dict:
        for name, wanted in fields:
            if type(record.get(name)) is not wanted:
                problem = f"needs {name}, {_JSON_NAMES[wanted]}"
                break
        else:
            return
    raise WebhookError(f"{where} {problem}" if index is None else f"{where}[{index}] {problem}")


# The application


class EchoResponse(Response):
    """A response whose body is known when it is created, so that its headers are already final."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Hand it to the WSGI server as it is; werkzeug would copy the headers and wrap the body again."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response


class EchoFlask(Flask):
    """Flask without host names in routing, which took a tenth of the time and which this agent does not need."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return an adapter that matches the path of a request, whatever its Host header says."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", "http", request.path, request.method)


def create_app(options: Options) -> Flask:
    """Return the Flask application: GET /health and POST /webhook; every error is JSON `{"error": text}`."""
    app = EchoFlask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # /a//b is an unknown route, not a redirect

    @app.get("/health")
    def health() -> Response:
        body = orjson.dumps({"status": "ok", "agent": AGENT_ID})
        return EchoResponse(body, content_type="application/json")

    @app.post("/webhook")
    def webhook() -> Response:
        pieces = answer_pieces(read_webhook(_read_json_body(request.environ)), options)
        if options.delay_ms or options.delay_jitter_ms:
            gevent.sleep(draw_delay_s(options))
        is_streamed = len(pieces) > 1 and (options.first_chunk_delay_ms or options.chunk_delay_ms)
        answer = streamed(pieces, options) if is_streamed else b"".join(pieces)
        return EchoResponse(answer, content_type="application/x-ndjson")

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        body = orjson.dumps({"error": error.description or error.name})
        response = EchoResponse(body, error.code, error.get_headers())  # Allow, with a 405
        response.content_type = "application/json"
        return response

    return app


def streamed(pieces: Sequence[bytes], options: Options) -> Iterator[bytes]:
    """Yield the pieces as a model would: the first after a delay, the others with pauses in between."""
    gevent.sleep(options.first_chunk_delay_ms / 1000)
    for number, piece in enumerate(pieces):
        if number:
            gevent.sleep(options.chunk_delay_ms / 1000)
        yield piece


def draw_delay_s(options: Options) -> float:
    """Return the seconds before one answer: the delay ± a uniform jitter, never below zero."""
    return max(0.0, options.delay_ms + random.uniform(-1, 1) * options.delay_jitter_ms) / 1000


def _read_json_body(environ: dict[str, Any]) -> bytes:
    # Read from the WSGI environment: werkzeug's own reader cuts a chunked body at its limit instead of refusing it.
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("the content-type must be application/json")
    announced_bytes = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        body: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1) if announced_bytes <= MAX_BODY_BYTES else b""
    except (OSError, ValueError) as error:
        raise WebhookError("the body ended early or its chunks are malformed") from error
    if max(announced_bytes, len(body)) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge(f"the body must not exceed {MAX_BODY_BYTES} bytes")
    return body


# The HTTP server


class RequestHead:
    """Request headers in the form pywsgi reads, parsed without email.parser, which took a sixth of the time.

    Raises ValueError, which becomes a 400, for anything that two readers could interpret differently (RFC 9112 §5, §6).
    """

    status = ""  # pywsgi would find the text of a parse error here

    def __init__(self, rfile: Any, _seekable: int = 0) -> None:
        self.values: dict[str, str] = {}
        left_bytes = MAX_HEAD_BYTES
        while (line := rfile.readline(left_bytes)) not in (b"\r\n", b"\n"):
            left_bytes -= len(line)
            name, _, value = line.decode("latin-1").partition(":")
            if left_bytes <= 0 or line[-1:] != b"\n" or not (_HEADER_NAME.fullmatch(name) or "_" in name):
                raise ValueError("malformed or oversize header")
            key, value = name.lower(), value.strip()
            self.values[key] = f"{self.values[key]},{value}" if key in self.values else value
        if not re.fullmatch("[0-9]{1,18}", self.get("content-length", "0")):
            raise ValueError("malformed content-length")
        if self.get("transfer-encoding", "chunked").lower() != "chunked":
            raise ValueError("unsupported transfer-encoding")
        self.typeheader = self.values.get("content-type")

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a header, whatever the case of its name."""
        return self.values.get(name.lower(), default)

    getheader = get

    def __delitem__(self, name: str) -> None:
        del self.values[name]


class BodyInput(Input):  # type: ignore[misc]  # gevent ships no types
    """A request body; data that the application did not read is discarded within bounds, or the connection is
    closed.
    """

    lost = False

    def _discard(self) -> None:
        if not self.chunked_input and self.position >= (self.content_length or 0):
            return
        self.lost, left_bytes = True, DISCARD_BYTES
        if self.socket is not None:  # it waits for "100 Continue" and may well send no body now
            return
        with contextlib.suppress(OSError, ValueError), gevent.Timeout(DISCARD_S, False):
            while left_bytes > 0 and (chunk := self.read(65536)):
                left_bytes -= len(chunk)
            self.lost = left_bytes <= 0


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent ships no types
    """gevent's WSGI handler with a lean head parser, one send per answer, no log line, and a count of open requests.

    One send, because with two the body waits for the client's delayed ACK of the head: 40 ms (Nagle).
    """

    MessageClass = RequestHead
    wsgi_input: Any

    def log_request(self) -> None:
        """Write nothing; pywsgi would format its log line even if nobody reads it."""

    def get_environ(self) -> dict[str, Any]:
        """Return the WSGI environment, with a body that is discarded within bounds."""
        environ: dict[str, Any] = super().get_environ()
        body = self.wsgi_input
        self.wsgi_input = BodyInput(body.rfile, body.content_length, body.socket, body.chunked_input)
        environ["wsgi.input"] = self.wsgi_input
        return environ

    def handle_one_response(self) -> None:
        """Run the application, counted as an open request."""
        self.server.open_requests += 1
        try:
            super().handle_one_response()
        finally:
            self.server.open_requests -= 1
        if self.wsgi_input.lost or self.server.draining:
            self.close_connection = True

    def _headers(self) -> Iterator[tuple[str, str]]:
        for name, value in self.headers.values.items():
            if name not in ("content-type", "content-length") and "_" not in name:
                yield "HTTP_" + name.replace("-", "_").upper(), value

    def _write_with_headers(self, data: bytes) -> None:
        self.headers_sent = True
        self.finalize_headers()
        if self.server.draining:
            self.response_headers.append((b"Connection", b"close"))
        lines = [b"HTTP/1.1 " + self.status, *(name + b": " + value for name, value in self.response_headers)]
        if data and self.response_use_chunked:  # a streaming answer; pywsgi frames all pieces but the first
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._sendall(b"\r\n".join(lines) + b"\r\n\r\n" + data)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        body = orjson.dumps({"error": f"malformed HTTP request: {ex}"})
        head = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: "
        return "400", f"{head}{len(body)}\r\n\r\n".encode() + body


class Server(WSGIServer):  # type: ignore[misc]  # gevent ships no types
    """gevent's WSGI server, able to finish open requests."""

    handler_class = Handler
    open_requests = 0
    draining = False

    def drain(self, timeout_s: float) -> None:
        """Stop accepting, then wait at most `timeout_s` for the answers to open requests."""
        self.draining = True
        self.close()
        with gevent.Timeout(timeout_s, False):
            gevent.sleep(0.01)  # requests that have already arrived are still read and counted
            while self.open_requests:
                gevent.sleep(0.01)


# The process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent; return 0 after a clean stop, 1 if it cannot listen; a bad option exits with 2."""
    sys.stdout, sys.stderr = _Output(sys.stdout), _Output(sys.stderr)
    return serve(parse_options(sys.argv[1:] if arguments is None else arguments, os.environ))


def serve(options: Options) -> int:
    """Serve until SIGTERM, SIGINT or, if so requested, the end of stdin; return the exit code."""
    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    gevent.signal_handler(signal.SIGINT, stop.set)
    try:
        listener = _listen(options.host, options.port)
    except (OSError, UnicodeError) as error:
        hint = "; choose another, for example --port=4002" if getattr(error, "errno", 0) == errno.EADDRINUSE else ""
        print(f"echo agent: cannot listen on {options.host} port {options.port}: {error}{hint}", file=sys.stderr)
        return 1
    # A given SERVER_NAME spares a reverse look-up of the address.
    server = Server(listener, create_app(options), log=None, environ={"SERVER_NAME": options.host})
    server.start()
    gc.freeze()  # objects loaded by now stay: full collections need not visit them again
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"echo agent ready on http://{host}:{server.server_port}", flush=True)
    if options.exit_with_parent:
        gevent.spawn(_await_end_of_stdin, stop)
    stop.wait()
    server.drain(DRAIN_S)
    return 0


def _listen(host: str, port: int) -> Any:
    family, *_, address = blocking_socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = WSGIServer.get_listener(address, family=family)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    return listener


def _await_end_of_stdin(stop: Event) -> None:
    with contextlib.suppress(OSError, AttributeError):  # no stdin at all, or one that cannot be read, has ended too
        socket.wait_read(sys.stdin.fileno())
        while os.read(sys.stdin.fileno(), 65536):  # readable: does not block
            socket.wait_read(sys.stdin.fileno())
    stop.set()


class _Output(io.TextIOBase):
    """A standard stream that never fails, not even at the end of the process: closed, full, or lacking a character."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(AttributeError, LookupError, OSError, ValueError):
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        return len(text)


if __name__ == "__main__":
    sys.exit(main())
