"""Receive one connection's messages, in the event loop's own callback.

A greenlet per socket that waits, reads and waits again costs two switches per read, and 5 KiB per idle session. So
whole text frames, which are nearly all of a load, are read and passed on in the callback itself, and so is the close
frame. For everything else (fragments, pings, violations, messages larger than a read) a greenlet is started, because it
may have to wait.
"""

import logging
import time
from collections.abc import Callable

import gevent

from fleetlm_users.client.net.waits import Wait
from fleetlm_users.client.websocket.transport import TEXT, Transport
from fleetlm_users.errors import Disconnected

logger = logging.getLogger(__name__)


class Reader:
    """The receiving half of one transport, from `start` until `on_end(down, done_s)`, which is called once.

    `on_frame(opcode, payload, arrived_s)` must not block. It returns True if it woke a greenlet that must run before
    the next message is passed on.
    """

    __slots__ = ("_helper", "_is_deaf", "_is_over", "_on_end", "_on_frame", "_transport", "_waits")

    def __init__(
        self,
        transport: Transport,
        on_frame: Callable[[int, bytes, float], bool],
        on_end: Callable[[Disconnected, float], None],
    ) -> None:
        self._transport = transport
        self._on_frame = on_frame
        self._on_end = on_end
        self._helper: gevent.Greenlet | None = None
        self._waits: tuple[Wait, ...] = ()
        self._is_deaf = False
        self._is_over = False

    def __repr__(self) -> str:
        return f"<Reader {'over' if self._is_over else 'reading'} of {self._transport!r}>"

    @property
    def is_current(self) -> bool:
        """True if this reader has called the current code, which then must not wait for the reader's end."""
        current = gevent.getcurrent()
        return current is gevent.get_hub() or current is self._helper

    def start(self) -> None:
        """Begin to receive, with the bytes that followed the upgrade."""
        gevent.get_hub().loop.run_callback(self._go_on)

    def go_deaf(self) -> None:
        """Receive nothing from now on, not even the end of the connection; only `end` does that."""
        self._is_deaf = True
        self._transport.unwatch()

    def end(self, down: Disconnected) -> None:
        """End the reader without reading what may still have arrived."""
        if not self._is_over:
            self._end(down)

    def wait_end(self, timeout_s: float) -> bool:
        """Wait until the connection is over; return False if it is not within `timeout_s` seconds."""
        if not self._is_over:
            wait = Wait()
            self._waits += (wait,)
            wait.wait(timeout_s)
        return self._is_over

    def _read(self) -> None:
        """Read and deliver; the event loop calls this when bytes have arrived."""
        try:
            self._transport.read()
        except Disconnected as down:
            self._end(down)
            return
        self._deliver()

    def _go_on(self) -> None:
        """Deliver what has arrived, then watch for more."""
        if not (self._is_over or self._is_deaf):
            self._transport.watch(self._read)
            self._deliver()

    def _deliver(self) -> None:
        transport = self._transport
        try:
            for text in transport.texts():
                if self._on_frame(TEXT, text, transport.arrived_s):
                    transport.unwatch()
                    gevent.get_hub().loop.run_callback(self._go_on)
                    return
        except Exception as error:
            self._fail(error)
            return
        if not transport.is_odd:
            return
        down = transport.take_close()
        if down is not None:
            self._end(down)
        else:
            transport.unwatch()
            self._helper = gevent.spawn(self._receive_odd)

    def _receive_odd(self) -> None:
        """Receive one message of any form; runs in a greenlet, which may wait."""
        try:
            opcode, payload = self._transport.receive()
            self._on_frame(opcode, payload, self._transport.arrived_s)
        except Disconnected as down:
            self._end(down)
        except Exception as error:
            self._fail(error)
        else:
            gevent.get_hub().loop.run_callback(self._go_on)

    def _fail(self, error: Exception) -> None:
        """Log a defect of ours, and end the reader so that nobody keeps waiting for it."""
        logger.error("the reader of %r failed", self._transport, exc_info=error)
        self._end(Disconnected("reader_error", None, repr(error)))

    def _end(self, down: Disconnected) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._transport.unwatch()
        self._on_end(down, time.perf_counter())
        for wait in self._waits:
            wait.notify()
