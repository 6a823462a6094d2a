"""One connected socket below WebSocket and HTTP: stamped bytes in, whole writes out, without gevent's socket layer.

That layer tries each read before it waits for one, has two watchers per socket and starts one for each wait. Here one
watcher lives as long as the socket, a reader waits first, and a write that finds room is one system call.
"""

import _socket
import contextlib
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import socket

from fleetlm_users.client.net.arrival import CONTROL_BYTES, Arrival, ask_for_stamps

READ_BYTES: Final = 64 * 1024
WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stream:
    """The bytes of one connection. One greenlet may `receive`, or one callback `read`; reads and writes raise OSError.

    `sock` is a socket of the C module `_socket`, or one of gevent's with TLS. `arrived_s` (perf_counter) is when the
    newest bytes of the last read came: by the kernel's stamp where there is one, else by the clock right after it.
    """

    __slots__ = ("_arrival", "_readable", "_sock", "arrived_s")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        sock.settimeout(0.0)  # all waiting is done here
        self._arrival = Arrival() if isinstance(sock, _socket.socket) and ask_for_stamps(sock) else None
        self._readable = gevent.get_hub().loop.io(sock.fileno(), 1)
        self.arrived_s = 0.0

    def watch(self, callback: Callable[[], None]) -> None:
        """From now on the event loop calls back whenever bytes can be read; `read` takes them."""
        self._readable.start(callback)

    def unwatch(self) -> None:
        """Ends `watch`; may be repeated."""
        self._readable.stop()

    def read(self) -> bytes | None:
        """What is there, in one read; None when nothing is, b"" at the end of the stream."""
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
        return chunk

    def receive(self) -> bytes:
        """The next bytes, b"" at the end of the stream; waits without bound.

        It goes through the hub even when bytes are there: a server that sends faster than we decode must not keep the
        other sockets of the process from their turn. It also saves the read that would find nothing.
        """
        while True:
            gevent.get_hub().wait(self._readable)
            chunk = self.read()
            if chunk is not None:
                return chunk

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes the kernel took at once; 0 when it has no room."""
        try:
            return int(self._sock.send(data))
        except WOULD_BLOCK:
            return 0

    def await_room(self, timeout_s: float | None = None) -> None:
        """Waits until the kernel has room again. Raises TimeoutError."""
        socket.wait_write(self._sock.fileno(), timeout_s)

    def write_all(self, data: bytes) -> None:
        """Writes all of it; waits for room without bound."""
        written = self.write(data)
        while written < len(data):
            self.await_room()
            written += self.write(memoryview(data)[written:])

    def is_quiet(self) -> bool:
        """True for a connection with nothing to read; what an idle one has is its end, or was never asked for."""
        peek = _socket.socket.recv if isinstance(self._sock, _socket.socket) else socket.socket.recv
        try:
            peek(self._sock, 1, socket.MSG_PEEK)  # the TCP stream below TLS, whose own recv knows no flags
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def shut_down(self) -> None:
        """Ends both directions, for whoever reads or writes too."""
        with contextlib.suppress(OSError):  # it is gone already
            self._sock.shutdown(socket.SHUT_RDWR)

    def stop_reading(self) -> None:
        """Frees the watcher: nobody reads any more. May be repeated."""
        self._readable.close()

    def close(self) -> None:
        """Frees everything; nobody may wait for room any more."""
        self.stop_reading()
        self._sock.close()

    def __repr__(self) -> str:
        return f"<Stream {self._sock!r}>"
