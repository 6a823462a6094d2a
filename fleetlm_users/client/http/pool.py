"""HTTP/1.1 requests over keep-alive connections that all users of a process share; parsing is geventhttpclient's.

geventhttpclient's own HTTPClient is not used: it does not report when it wrote, repeats an idempotent request once per
pool slot, asks select() whether a connection is alive, which always fails above file descriptor 1023 (so a thousand
sockets rule out keep-alive), and never returns the slot of a user that is killed while sending.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from gevent.lock import BoundedSemaphore
from geventhttpclient.response import HTTPParseError

from fleetlm_users.client.http.content_coding import Oversize
from fleetlm_users.client.http.protocol_errors import violation
from fleetlm_users.client.http.response import Response
from fleetlm_users.client.http.usual_head import usual_head
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import Endpoint
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.socket_errors import kind_of, words_of
from fleetlm_users.client.net.stream import Stream
from fleetlm_users.client.net.waits import Deadline, Overdue

IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE"))  # RFC 9110 §9.2.2


class Answer(msgspec.Struct, frozen=True):
    """A complete answer. `sent_s` (perf_counter) is just before the first write, `done_s` when its last bytes came.

    `fields` are the few that matter (response.py). `problem` says why the body could not be read; it is then empty.
    """

    status: int
    body: bytes
    sent_s: float
    done_s: float
    fields: Mapping[str, str] = MappingProxyType({})
    problem: str = ""


class NoAnswer(Exception):
    """No complete answer came; `kind` is dns, refused, timeout, tls, reset, eof, protocol_error, oversize or network.

    `sent_s` is None if there was not even a connection to write to.
    """

    def __init__(self, kind: str, detail: str, sent_s: float | None, done_s: float) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.sent_s = sent_s
        self.done_s = done_s


class _RequestState:
    """The progress of one request: it decides whether the request may be repeated, and is reported if it fails."""

    __slots__ = ("received", "sent_s", "written")

    def __init__(self) -> None:
        self.sent_s: float | None = None
        self.written = False
        self.received = False


class HttpPool:
    """Connections to one host and port, at most `concurrency` in use; idle ones are taken newest first."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        concurrency: int,
        connector: Connector,
        accept: str = "application/json",
    ) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.opened = 0
        self._connector = connector
        self._common = (  # of all requests; RFC 9110 §12.5.3: without Accept-Encoding any coding may come
            f"Host: {endpoint.host_header}\r\nUser-Agent: fleetlm-locust\r\n"
            f"Accept: {accept}\r\nAccept-Encoding: identity\r\n"
        )
        self._slots = BoundedSemaphore(concurrency)
        self._idle: list[Stream] = []
        self._is_closed = False

    def exchange(
        self, method: str, target: str, body: bytes | None, fields: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        """Return the server's answer to one request, whatever its status. Raise NoAnswer within `timeout_s`.

        `fields` are further header fields; the caller vouches for their names and values.

        The name look-up comes first and has its own limit, because it is not the server's time (resolver.py). A kept
        connection that the server has closed meanwhile is replaced. If that only shows during the request, the request
        is repeated once, provided that no byte of an answer came and that it is idempotent or was certainly not sent.
        """
        attempt = _RequestState()
        request = self._request(method, target, body, fields)
        try:
            addresses = self._connector.addresses(self.endpoint)
            with Deadline(self.timeout_s), self._slots:
                return self._exchange(method, request, attempt, addresses)
        except Overdue as error:
            detail = f"no {'answer' if attempt.written else 'connection'} within {self.timeout_s:g} s"
            raise self._no_answer("timeout", detail, attempt) from error
        except OSError as error:
            raise self._no_answer(kind_of(error), words_of(error), attempt) from error
        except HTTPParseError as error:
            raise self._no_answer("protocol_error", violation(error), attempt) from error
        except Oversize as error:
            raise self._no_answer("oversize", str(error), attempt) from error
        except EOFError as error:
            raise self._no_answer("eof", str(error), attempt) from error

    def close(self) -> None:
        """Close the idle connections now, and those in use once their answers have arrived."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, request: bytes, attempt: _RequestState, addresses: tuple[Address, ...]) -> Answer:
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._ask(kept, method, request, attempt)
            except (ConnectionError, EOFError):
                if attempt.received or (attempt.written and method not in IDEMPOTENT):
                    raise
        return self._ask(self._open(addresses), method, request, attempt)

    def _ask(self, stream: Stream, method: str, request: bytes, attempt: _RequestState) -> Answer:
        is_kept = False
        try:
            if attempt.sent_s is None:
                attempt.sent_s = time.perf_counter()
            written = stream.write(request)
            attempt.written = True
            if written < len(request):
                stream.write_all(request[written:])
            data = self._read(stream, attempt)
            usual = usual_head(method, data)
            if usual is not None:
                status, start, end = usual
                if len(data) < end:
                    data = self._read_on(stream, attempt, data, end)
                if len(data) == end:
                    is_kept = not self._is_closed
                    return Answer(status, data[start:], attempt.sent_s, stream.arrived_s)
            response = Response(method)
            self._feed(response, data)
            while not response.is_complete:
                self._feed(response, self._read(stream, attempt))
            is_kept = response.can_be_followed() and not self._is_closed
            body, problem = response.body()
            return Answer(response.status, body, attempt.sent_s, stream.arrived_s, response.fields, problem)
        finally:
            if is_kept:
                self._idle.append(stream)
            else:
                stream.close()

    def _read(self, stream: Stream, attempt: _RequestState) -> bytes:
        data = stream.receive()
        attempt.received = attempt.received or bool(data)
        return data

    def _read_on(self, stream: Stream, attempt: _RequestState, data: bytes, end: int) -> bytes:
        """Return the data with the bytes that follow it, up to this length or to the end of the stream."""
        parts, received = [data], len(data)
        while received < end and parts[-1]:
            parts.append(self._read(stream, attempt))
            received += len(parts[-1])
        return b"".join(parts)

    def _feed(self, response: Response, data: bytes) -> None:
        response.receive(data)
        if not data and not response.is_complete:
            raise EOFError("the server closed the connection before its answer was complete")

    def _take_idle(self) -> Stream | None:
        while self._idle:
            stream = self._idle.pop()
            if stream.is_quiet():
                return stream
            stream.close()
        return None

    def _open(self, addresses: tuple[Address, ...]) -> Stream:
        sock = self._connector.connect(self.endpoint, addresses).sock
        stream = Stream(self._connector.secure(sock, self.endpoint) if self.endpoint.secure else sock)
        self.opened += 1
        return stream

    def _request(self, method: str, target: str, body: bytes | None, fields: Mapping[str, str]) -> bytes:
        head = f"{method} {target} HTTP/1.1\r\n{self._common}"
        if fields:
            head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        if body is None:
            return f"{head}\r\n".encode("latin-1")
        head = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1") + body

    def _no_answer(self, kind: str, detail: str, attempt: _RequestState) -> NoAnswer:
        return NoAnswer(kind, detail, attempt.sent_s, time.perf_counter())

    def __repr__(self) -> str:
        return f"<HttpPool {self.endpoint.host}:{self.endpoint.port} opened={self.opened} idle={len(self._idle)}>"
