"""WebSocket messages over a stream: buffered reads, stamped arrivals, whole writes, foreign errors translated.

This module parses the frames that make up nearly all of a load: text frames that have arrived whole, and the close
frame. Everything else (fragments, pings, long frames, violations) is left to websocket-client, which is slower (8
against 1 µs a frame) and strict.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

import gevent
from gevent.lock import Semaphore
from websocket import ABNF, WebSocketException

from fleetlm_users.client.net.socket_errors import kind_of, words_of
from fleetlm_users.client.websocket.frames import (
    FIN_BINARY,
    FIN_CLOSE,
    FIN_TEXT,
    LENGTH_16,
    LENGTH_64,
    MAX_CONTROL_BYTES,
    Frames,
    MessageTooLarge,
    close_code,
    close_frame,
    masked,
)
from fleetlm_users.client.websocket.handshake import Upgraded
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol.observer import UpperBound

TEXT: Final = ABNF.OPCODE_TEXT
BINARY: Final = ABNF.OPCODE_BINARY
PROTOCOL_ERROR = 1002  # RFC 6455 §7.4.1
TOO_BIG = 1009
CLOSE_CODES = range(1000, 5000)  # RFC 6455 §7.4.2
SHORTEST_HEADER = 2  # RFC 6455 §5.2: the bytes before a short payload
LONGER_HEADER = 4  # and before one whose length takes two more bytes


def copy_of(down: Disconnected) -> Disconnected:
    """Return a new error that says the same, to raise or to keep.

    One instance raised in many greenlets would collect all their tracebacks, and a kept instance would keep alive
    everything that its traceback holds.
    """
    return Disconnected(down.kind, down.code, down.detail)


class Transport:
    """One upgraded connection: one greenlet may `receive`, or one callback `read` and take `texts`; any may send.

    `arrived_s` (perf_counter) is when the newest bytes of the last received message arrived (stream.py): an UpperBound
    if more had arrived behind it when it was read. `failure` says why this side gave the connection up.
    """

    __slots__ = (
        "_chunk",
        "_close_sent",
        "_closed",
        "_frames",
        "_lock",
        "_max_bytes",
        "_position",
        "_read_s",
        "_send_timeout_s",
        "_stream",
        "_writers",
        "arrived_s",
        "failure",
    )

    def __init__(self, upgraded: Upgraded, max_message_bytes: int, send_timeout_s: float) -> None:
        self._stream = upgraded.stream
        self._chunk = upgraded.rest
        self._position = 0
        self._frames: Frames | None = None  # these two are made when first needed: most sockets never need them
        self._lock: Semaphore | None = None
        self._writers = 0
        self._max_bytes = max_message_bytes
        self._send_timeout_s = send_timeout_s
        self._close_sent = False
        self._closed = False
        self.arrived_s = self._read_s = upgraded.connected_s
        self.failure: Disconnected | None = None

    # -- reading

    def receive(self) -> tuple[int, bytes]:
        """Return the next message as (TEXT or BINARY, payload); the wait has no limit. Raise Disconnected.

        A close frame, the end of the stream, a violation of RFC 6455 and a message over the limit all end the
        connection: kinds closed_<code>, eof, reset, protocol_error, oversize, tls, timeout, network.
        """
        if self._position >= len(self._chunk):
            self._fill()
        text = next(self.texts(), None)
        if text is not None:
            return TEXT, text
        message = self._receive_any()
        self.arrived_s = self._read_s if self._position == len(self._chunk) else UpperBound(self._read_s)
        return message

    def texts(self) -> Iterator[bytes]:
        """Yield each next message as long as it is a text frame that has arrived whole; never wait."""
        if self._frames is not None and self._frames.in_fragments:
            return
        chunk, start, read_s = self._chunk, self._position, self._read_s
        size, bound = len(chunk), None
        while size - start >= SHORTEST_HEADER and chunk[start] == FIN_TEXT:
            length, body = chunk[start + 1], start + SHORTEST_HEADER
            if length >= LENGTH_16:
                if length != LENGTH_16 or size - start < LONGER_HEADER:
                    return  # a length of eight bytes, or a mask, which is a violation
                length, body = chunk[start + 2] << 8 | chunk[start + 3], start + LONGER_HEADER
            end = body + length
            if end > size or length > self._max_bytes:
                return
            if end == size:
                self.arrived_s = read_s
            else:
                self.arrived_s = bound = bound or UpperBound(read_s)
            self._position = start = end
            yield chunk[body:end]

    def take_close(self) -> Disconnected | None:
        """Answer a close frame that has arrived whole and return the end of the connection; None for anything else.

        Every session ends with one, so it should not take the slow path through `receive`.
        """
        chunk, start = self._chunk, self._position
        if len(chunk) - start < SHORTEST_HEADER or chunk[start] != FIN_CLOSE:
            return None
        length, body = chunk[start + 1], start + SHORTEST_HEADER
        if length > MAX_CONTROL_BYTES or length == 1 or body + length > len(chunk):
            return None  # a violation, or not complete yet
        code, reason = close_code(chunk[body : body + length])
        if code not in CLOSE_CODES:
            return None
        self._position = body + length
        self._answer_close()
        return Disconnected(f"closed_{code}", code, reason)

    @property
    def is_odd(self) -> bool:
        """True if the bytes so far are for `receive`: `texts` will never yield them, however much follows."""
        chunk, start = self._chunk, self._position
        ready = len(chunk) - start
        if not ready:
            return False
        if chunk[start] != FIN_TEXT or (self._frames is not None and self._frames.in_fragments):
            return True
        if ready < SHORTEST_HEADER or (chunk[start + 1] == LENGTH_16 and ready < LONGER_HEADER):
            return False
        length = chunk[start + 1]
        if length == LENGTH_16:
            length = chunk[start + 2] << 8 | chunk[start + 3]
        elif length >= LENGTH_64:
            return True
        return length > self._max_bytes

    def watch(self, callback: Callable[[], None]) -> None:
        """Have the event loop call back whenever bytes can be read; `read` takes them."""
        self._stream.watch(callback)

    def unwatch(self) -> None:
        """End `watch`; may be repeated."""
        self._stream.unwatch()

    def read(self) -> None:
        """Append the bytes that have arrived, in one read, to the rest of the last one. Raise Disconnected."""
        try:
            chunk = self._stream.read()
        except OSError as error:
            raise self._broken(error) from error
        if chunk is not None:
            self._keep(chunk, behind=self._chunk[self._position :])

    def _receive_any(self) -> tuple[int, bytes]:
        if self._frames is None:
            self._frames = Frames(self._pull, self._write_soon, self._answer_close, self._max_bytes)
        try:
            opcode, frame = self._frames.recv_data_frame()
        except MessageTooLarge as problem:
            raise self._violated("oversize", TOO_BIG, problem) from problem
        except WebSocketException as problem:
            raise self._violated("protocol_error", PROTOCOL_ERROR, problem) from problem
        if opcode == ABNF.OPCODE_CLOSE:
            code, reason = close_code(frame.data)
            raise Disconnected(f"closed_{code}", code, reason)
        return opcode, frame.data

    def _violated(self, kind: str, code: int, problem: Exception) -> Disconnected:
        self._answer_close(code)
        return self._given_up() or Disconnected(kind, None, str(problem))

    def _pull(self, count: int) -> bytes:
        """Return up to `count` bytes: websocket-client asks for header, length and payload one by one."""
        if self._position >= len(self._chunk):
            self._fill()
        piece = self._chunk[self._position : self._position + count]
        self._position += len(piece)
        return piece

    def _fill(self) -> None:
        """Wait for bytes and take those that have arrived, in one read."""
        try:
            chunk = self._stream.receive()
        except OSError as error:
            raise self._broken(error) from error
        self._keep(chunk)

    def _keep(self, chunk: bytes, behind: bytes = b"") -> None:
        """Keep the bytes read, with the stamp of their read. Raise Disconnected at the stream's end."""
        if not chunk:
            raise self._given_up() or Disconnected("eof")
        self._read_s = self._stream.arrived_s
        self._chunk, self._position = behind + chunk if behind else chunk, 0

    def _broken(self, error: OSError) -> Disconnected:
        return self._given_up() or Disconnected(kind_of(error), None, words_of(error))

    def _given_up(self) -> Disconnected | None:
        """Return why this side gave the connection up, as an error to raise."""
        return None if self.failure is None else copy_of(self.failure)

    # -- writing

    def send_text(self, text: bytes) -> None:
        """Write one text message. Raise Disconnected; after `send_timeout_s` without room the connection is over."""
        self._write(masked(FIN_TEXT, text), self._send_timeout_s)

    def send_binary(self, payload: bytes) -> None:
        """Write one binary message, as `send_text` writes a text."""
        self._write(masked(FIN_BINARY, payload), self._send_timeout_s)

    def send_soon(self, text: bytes) -> None:
        """Write one text message without blocking the caller: if there is no room, a greenlet waits for it."""
        self._write_soon(masked(FIN_TEXT, text))

    def send_close(self, code: int, timeout_s: float) -> None:
        """Write our close frame, once. Raise Disconnected."""
        if not self._close_sent:
            self._close_sent = True
            self._write(close_frame(code), min(timeout_s, self._send_timeout_s))

    def _answer_close(self, code: int = 1000) -> None:
        """Answer with our close frame if there is room for it: the connection is over either way."""
        if not self._close_sent:
            self._close_sent = True
            with contextlib.suppress(OSError):
                if not self._writers:
                    self._stream.write(close_frame(code))

    def _write(self, frame: bytes, timeout_s: float) -> None:
        if self.failure is not None:
            raise copy_of(self.failure)
        # A frame that goes out in one piece needs no lock: there is no moment at which another greenlet could run.
        sent = 0 if self._writers else self._write_now(frame)
        if sent < len(frame):
            self._writers += 1
            self._write_rest(frame, sent, timeout_s)

    def _write_soon(self, frame: bytes) -> None:
        if self.failure is not None:
            raise copy_of(self.failure)
        sent = 0 if self._writers else self._write_now(frame)
        if sent < len(frame):
            self._writers += 1
            gevent.spawn(self._write_rest_quietly, frame, sent)

    def _write_now(self, data: bytes | memoryview) -> int:
        """Write and return how many bytes the kernel took at once; 0 if it has no room."""
        try:
            return self._stream.write(data)
        except OSError as error:
            # The server's last words, such as its close code, may still be unread: the receiver finds them.
            self.abort(Disconnected(kind_of(error), None, words_of(error)))
            raise copy_of(self.failure or Disconnected("reset")) from error

    def _write_rest(self, frame: bytes, sent: int, timeout_s: float) -> None:
        """Wait for its turn and for room; the caller has raised `_writers`, so no other write gets in between."""
        give_up_s = time.perf_counter() + timeout_s
        if self._lock is None:
            self._lock = Semaphore(1)
        rest = memoryview(frame)[sent:]
        is_our_turn = False
        try:
            is_our_turn = self._lock.acquire(timeout=timeout_s)
            if not is_our_turn:
                raise TimeoutError
            try:
                while rest:
                    if self.failure is not None:
                        raise copy_of(self.failure)
                    self._stream.await_room(max(give_up_s - time.perf_counter(), 0.0))
                    rest = rest[self._write_now(rest) :]
            finally:
                self._lock.release()
        except TimeoutError as error:
            self.abort(Disconnected("send_timeout", None, f"no room for {len(rest)} bytes within {timeout_s:g} s"))
            raise copy_of(self.failure or Disconnected("send_timeout")) from error
        except BaseException:
            if is_our_turn:  # a kill in the middle of a frame: anything that followed would not be a frame
                self.abort(Disconnected("send_interrupted"))
            raise
        finally:
            self._writers -= 1
            self._release()

    def _write_rest_quietly(self, frame: bytes, sent: int) -> None:
        with contextlib.suppress(Disconnected):  # the receiver reports it
            self._write_rest(frame, sent, self._send_timeout_s)

    # -- ending

    def abort(self, reason: Disconnected) -> None:
        """Give up the connection: writers fail at once, the reader after the data that has arrived."""
        if self.failure is None:
            self.failure = reason
        self._stream.shut_down()

    def abort_politely(self, code: int) -> None:
        """Write a close frame if there is room for it, and give up the connection; never block."""
        self._answer_close(code)
        self.abort(Disconnected("closed_by_client", code))

    def close(self) -> None:
        """Release the socket; called by the receiving greenlet, or by any other if there is none."""
        if self.failure is None:
            self.failure = Disconnected("closed_by_client")
        if self._writers:
            self._stream.shut_down()  # for greenlets that wait for room; otherwise the release ends both directions
        if not self._closed:
            self._closed = True
            self._stream.stop_reading()
            self._frames = None
            self._release()

    def _release(self) -> None:
        """Close the file descriptor once nobody waits on it."""
        if self._closed and not self._writers:
            self._stream.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"given up: {self.failure.kind}" if self.failure else "open"
        return f"<Transport {state} writers={self._writers} buffered_bytes={len(self._chunk) - self._position}>"
