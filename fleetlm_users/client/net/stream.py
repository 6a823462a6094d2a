"""One connected socket below WebSocket and HTTP: stamped bytes in, whole writes out, without gevent's socket layer.

That layer tries each read before waiting for one, has two watchers per socket and starts one for each wait. Here one
watcher lives as long as the socket, a reader waits first, and a write that finds room is one system call.

The arrival of bytes at this machine is the kernel's own stamp of a read, on the clock of `time.perf_counter`.

Between the arrival of bytes and the moment when Python reads them, the process may have to wake up, or be busy with
others. That is the generator's time and not the server's, so it does not belong in a latency. Linux stamps what it
receives (socket(7): SO_TIMESTAMPNS; for TCP since 4.14, `tcp_recv_timestamp` in net/ipv4/tcp.c) and hands the stamp
over with the bytes: that of the last segment in the read.

Bytes before that segment's end came then or earlier, at an unknown time: Linux joins segments waiting in the receive
queue into one buffer and keeps the later stamp (`tcp_try_coalesce` in net/ipv4/tcp_input.c). A second segment 20 ms
after the first one leaves both with its own stamp, however they are read or peeked at (measured on Linux 6.18, messages
of 100 bytes to 5 kB). So such a stamp is marked as an UpperBound, and no difference is computed from it.
"""

import _socket
import contextlib
import ssl
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import socket

from fleetlm_users.protocol.observer import UpperBound
from fleetlm_users.units import NS_PER_S

SO_TIMESTAMPNS: Final = 35
"""asm-generic/socket.h: the option, and the type of the control message that carries the stamp."""

TIMESPEC: Final = struct.Struct("@ll")
CONTROL_BYTES: Final = _socket.CMSG_SPACE(TIMESPEC.size) if hasattr(_socket, "CMSG_SPACE") else 0
STEP_NS: Final = 100_000
"""The wall clock, by which the kernel stamps, was set if it moved this much against the monotonic one."""

Ancillary = list[tuple[int, int, bytes]]


def ask_for_stamps(sock: _socket.socket) -> bool:
    """Ask for stamps on `recvmsg` of this socket without TLS; return whether there will be any. Only Linux has them."""
    if sys.platform != "linux":
        return False
    try:
        sock.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


class Arrival:
    """Converts the kernel's stamps of one socket to seconds of `time.perf_counter`, which is CLOCK_MONOTONIC on Linux.

    A read without a stamp, or one around which the wall clock was set, gets the moment of the call instead. So does one
    with an impossible stamp: before the previous read's, before the socket existed, or after the call. In that case the
    clock was set and set back while the bytes came. No read is earlier than the one before it, as no bytes of a TCP
    stream are.
    """

    __slots__ = ("_floor_s", "_last_s", "_offset_ns")

    def __init__(self) -> None:
        self._offset_ns = wall_ahead_ns()
        self._floor_s = time.perf_counter() - STEP_NS / NS_PER_S
        self._last_s = 0.0

    def __repr__(self) -> str:
        return f"Arrival(offset_ns={self._offset_ns})"

    def moment_s(self, ancillary: Ancillary) -> float:
        """Return when the newest bytes of the read with this control message had arrived."""
        wall_ns, now_ns = time.time_ns(), time.perf_counter_ns()  # as wall_ahead_ns, without a call for each read
        offset_ns = wall_ns - now_ns
        moved_ns = offset_ns - self._offset_ns
        is_set = not -STEP_NS < moved_ns < STEP_NS
        if is_set or moved_ns > 0:  # an interruption between the two clock readings makes it too small
            self._offset_ns = offset_ns
        moment_s = now_ns / NS_PER_S
        if ancillary and not is_set:
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            stamp_s = (seconds * NS_PER_S + nanoseconds - self._offset_ns) / NS_PER_S
            if self._floor_s <= stamp_s <= moment_s:
                moment_s = stamp_s
                self._floor_s = stamp_s - STEP_NS / NS_PER_S  # how much the offset may have moved without being set
        if moment_s < self._last_s:
            return self._last_s
        self._last_s = moment_s
        return moment_s


def wall_ahead_ns() -> int:
    """Return how far the wall clock is ahead of the monotonic one; NTP slews both, so only setting the clock moves it.

    An interruption between the two readings makes it too small, never too large.
    """
    return time.time_ns() - time.perf_counter_ns()


READ_BYTES: Final = 64 * 1024
WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stream:
    """The bytes of one connection. One greenlet may `receive`, or one callback `read`; reads and writes raise OSError.

    `sock` is a socket of the C module `_socket`, or one of gevent's with TLS. `arrived_s` (perf_counter) is when the
    newest bytes of the last read arrived: by the kernel's stamp if there is one, else by the clock right after the
    read; an UpperBound if the read did not take everything that had arrived.
    """

    __slots__ = ("_arrival", "_is_tls", "_readable", "_sock", "arrived_s")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        if sock.gettimeout() != 0.0:
            sock.settimeout(0.0)  # all waiting is done here
        self._is_tls = not isinstance(sock, _socket.socket)
        self._arrival = Arrival() if not self._is_tls and ask_for_stamps(sock) else None
        self._readable = gevent.get_hub().loop.io(sock.fileno(), 1)
        self.arrived_s = 0.0

    def watch(self, callback: Callable[[], None]) -> None:
        """Have the event loop call back whenever bytes can be read; `read` takes them."""
        self._readable.start(callback)

    def unwatch(self) -> None:
        """End `watch`; may be repeated."""
        self._readable.stop()

    def read(self) -> bytes | None:
        """Return the bytes that have arrived, in one read; None for nothing, b"" at the end of the stream."""
        chunk: bytes
        try:
            if self._arrival is not None:
                chunk, ancillary, _, _ = self._sock.recvmsg(READ_BYTES, CONTROL_BYTES)
                self.arrived_s = self._arrival.moment_s(ancillary)
            else:
                chunk = self._sock.recv(READ_BYTES)
                self.arrived_s = time.perf_counter()
        except WOULD_BLOCK:
            return None  # half a TLS record
        if len(chunk) == READ_BYTES or (self._is_tls and not self._is_drained()):
            self.arrived_s = UpperBound(self.arrived_s)
        return chunk

    def _is_drained(self) -> bool:
        """Return whether a TLS connection has nothing more to read: a read takes one record, others may wait."""
        return not self._sock.pending() and self.is_quiet()

    def receive(self) -> bytes:
        """Return the next bytes, b"" at the end of the stream; the wait has no limit.

        It goes through the hub even if bytes are waiting: a server that sends faster than we decode must not starve the
        other sockets of the process. It also saves the read that would find nothing.
        """
        while True:
            gevent.get_hub().wait(self._readable)
            chunk = self.read()
            if chunk is not None:
                return chunk

    def write(self, data: bytes | memoryview) -> int:
        """Write and return how many bytes the kernel took at once; 0 if it has no room."""
        try:
            written: int = self._sock.send(data)
        except WOULD_BLOCK:
            return 0
        return written

    def await_room(self, timeout_s: float | None = None) -> None:
        """Wait until the kernel has room again. Raise TimeoutError."""
        socket.wait_write(self._sock.fileno(), timeout_s)

    def write_all(self, data: bytes) -> None:
        """Write all of it; the wait for room has no limit."""
        written = self.write(data)
        while written < len(data):
            self.await_room()
            written += self.write(memoryview(data)[written:])

    def is_quiet(self) -> bool:
        """Return whether there is nothing to read, not even the end: an idle connection can be used again."""
        peek = socket.socket.recv if self._is_tls else _socket.socket.recv
        try:
            peek(self._sock, 1, socket.MSG_PEEK)  # the TCP stream below TLS, whose own recv knows no flags
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def shut_down(self) -> None:
        """End both directions, also for greenlets that are reading or writing."""
        with contextlib.suppress(OSError):  # already gone
            self._sock.shutdown(socket.SHUT_RDWR)

    def stop_reading(self) -> None:
        """Free the watcher: nobody is reading any more. May be repeated."""
        self._readable.close()

    def close(self) -> None:
        """Free everything; no write may be waiting for room."""
        self.stop_reading()
        self._sock.close()

    def __repr__(self) -> str:
        return f"<Stream {self._sock!r}>"
