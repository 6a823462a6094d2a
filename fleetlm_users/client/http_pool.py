"""HTTP/1.1 requests over keep-alive connections that all users of a process share; parsing is geventhttpclient's.

Its own HTTPClient is not used because it gives no stamp of the write, repeats an idempotent request once per pool slot,
asks select() whether a connection lives, which always says no above file descriptor 1023 (so no keep-alive beside a
thousand sockets), and keeps a slot for ever when a user is killed while sending.
"""

import time
from typing import NamedTuple

from gevent.lock import BoundedSemaphore
from geventhttpclient.response import HTTPParseError, HTTPResponse

from fleetlm_users.client.dial import Deadline, Endpoint, Overdue, connect_tcp, kind_of, resolve, words_of, wrap_tls
from fleetlm_users.client.source_addresses import SourceAddresses
from fleetlm_users.client.stream import Stream

IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE"))  # RFC 9110 §9.2.2
MAX_BODY_BYTES = 8 * 1024 * 1024


class Answer(NamedTuple):
    """A complete answer. `sent_s` (perf_counter) is just before the first write, `done_s` when its last bytes came."""

    status: int
    body: bytes
    sent_s: float
    done_s: float


class NoAnswer(Exception):
    """No complete answer came; `kind` is dns, refused, timeout, tls, reset, eof, protocol_error, oversize or network.

    `sent_s` is None when not even a connection was there to write to.
    """

    def __init__(self, kind: str, detail: str, sent_s: float | None, done_s: float) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.sent_s = sent_s
        self.done_s = done_s


class _Response(HTTPResponse):
    """The parser with a bounded body; headers are not kept, as what they decide is known to the parser itself."""

    @property
    def is_complete(self) -> bool:
        """True when the final answer is there; an interim 1xx is not it."""
        return bool(self.message_complete) and self.get_code() >= 200

    @property
    def body(self) -> bytes:
        """What has come of the body."""
        return bytes(self._body_buffer)

    @property
    def body_bytes(self) -> int:
        """How much has come of the body."""
        return len(self._body_buffer)

    def _on_header_field(self, string: str) -> None:
        pass

    def _on_header_value(self, string: str) -> None:
        pass


class _Attempt:
    """How far one request got: it decides whether it may be repeated, and is reported when it fails."""

    __slots__ = ("received", "sent_s", "written")

    def __init__(self) -> None:
        self.sent_s: float | None = None
        self.written = False
        self.received = False


class _Oversize(Exception):
    pass


class HttpPool:
    """Connections to one host and port, at most `concurrency` in use; idle ones are taken newest first."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        insecure: bool,
        concurrency: int,
        sources: SourceAddresses | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.opened = 0
        self._insecure = insecure
        self._sources = sources
        self._slots = BoundedSemaphore(concurrency)
        self._idle: list[Stream] = []
        self._is_closed = False

    def exchange(self, method: str, target: str, body: bytes | None) -> Answer:
        """The server's answer to one request, whatever its status. Raises NoAnswer within `timeout_s`.

        A kept connection that the server has closed meanwhile is replaced. If that shows only while asking, the request
        is repeated, once, when no byte of an answer came and it is either idempotent or provably not sent.
        """
        attempt = _Attempt()
        request = self._request(method, target, body)
        try:
            with Deadline(self.timeout_s), self._slots:
                return self._exchange(method, request, attempt)
        except Overdue as error:
            detail = f"no {'answer' if attempt.written else 'connection'} within {self.timeout_s:g} s"
            raise self._no_answer("timeout", detail, attempt) from error
        except (OSError, UnicodeError) as error:
            raise self._no_answer(kind_of(error), words_of(error), attempt) from error
        except HTTPParseError as error:
            raise self._no_answer("protocol_error", str(error), attempt) from error
        except _Oversize as error:
            raise self._no_answer("oversize", str(error), attempt) from error
        except EOFError as error:
            raise self._no_answer("eof", str(error), attempt) from error

    def close(self) -> None:
        """Closes the idle connections now and those in use when their answers are there."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, request: bytes, attempt: _Attempt) -> Answer:
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._ask(kept, method, request, attempt)
            except (ConnectionError, EOFError):
                if attempt.received or (attempt.written and method not in IDEMPOTENT):
                    raise
        return self._ask(self._open(), method, request, attempt)

    def _ask(self, stream: Stream, method: str, request: bytes, attempt: _Attempt) -> Answer:
        is_kept = False
        try:
            if attempt.sent_s is None:
                attempt.sent_s = time.perf_counter()
            written = stream.write(request)
            attempt.written = True
            if written < len(request):
                stream.write_all(request[written:])
            response = _Response(method)
            while not response.is_complete:
                self._read_into(stream, response, attempt)
            is_kept = response.should_keep_alive() and not self._is_closed
            return Answer(response.get_code(), response.body, attempt.sent_s, stream.arrived_s)
        finally:
            if is_kept:
                self._idle.append(stream)
            else:
                stream.close()

    def _read_into(self, stream: Stream, response: _Response, attempt: _Attempt) -> None:
        data = stream.receive()
        attempt.received = attempt.received or bool(data)
        response.feed(data)  # no bytes tell the parser that the stream ended, which may complete a body without length
        if not data and not response.is_complete:
            raise EOFError("the server closed the connection before its answer was complete")
        if response.body_bytes > MAX_BODY_BYTES:
            raise _Oversize(f"a body of more than {MAX_BODY_BYTES} bytes")

    def _take_idle(self) -> Stream | None:
        while self._idle:
            stream = self._idle.pop()
            if stream.is_quiet():
                return stream
            stream.close()
        return None

    def _open(self) -> Stream:
        sock = connect_tcp(resolve(self.endpoint), self._sources)
        stream = Stream(wrap_tls(sock, self.endpoint, self._insecure) if self.endpoint.secure else sock)
        self.opened += 1
        return stream

    def _request(self, method: str, target: str, body: bytes | None) -> bytes:
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.endpoint.host_header}\r\nUser-Agent: fleetlm-locust\r\n"
        head += "Accept: application/json\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode("latin-1") + b"\r\n" + (body or b"")

    def _no_answer(self, kind: str, detail: str, attempt: _Attempt) -> NoAnswer:
        return NoAnswer(kind, detail, attempt.sent_s, time.perf_counter())

    def __repr__(self) -> str:
        return f"<HttpPool {self.endpoint.host}:{self.endpoint.port} opened={self.opened} idle={len(self._idle)}>"
