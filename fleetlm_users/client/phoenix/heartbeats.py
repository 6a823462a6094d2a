"""One greenlet that keeps all sockets of a process alive: one for each would cost memory, and beat in step."""

import heapq
import logging
import math
import time
from typing import Protocol

import gevent
from gevent.event import Event

from fleetlm_users.errors import ClientError

logger = logging.getLogger(__name__)

GOLDEN_RATIO = 0.6180339887498949  # its multiples modulo 1 spread evenly for any number of sockets (Weyl)


class Beating(Protocol):
    """A socket to keep alive: `beat` sends one heartbeat without blocking, or gives up a silent socket."""

    def beat(self) -> None:
        """Send a heartbeat; called once per interval, from the heartbeat greenlet."""


class Heartbeats:
    """Sends a heartbeat on every added socket once per `interval_s` seconds, spread evenly over the interval.

    The greenlet runs only while there are sockets: nothing starts at import or construction, because Locust may fork
    after both. phoenix.js beats every 30 s; FleetLM closes a socket that is silent for 120 s.
    """

    def __init__(self, interval_s: float = 30.0) -> None:
        self.interval_s = interval_s
        self._added = 0
        self._sockets: dict[int, Beating] = {}  # by the number of their adding; in that order
        self._numbers: dict[int, int] = {}  # id of a socket -> that number
        self._due: list[tuple[float, int]] = []  # a heap; a number whose socket was removed is skipped when due
        self._changed = Event()
        self._greenlet: gevent.Greenlet | None = None

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Beating) -> None:
        """Keep a socket alive from now on: its first heartbeat comes within one interval."""
        self._added += 1
        number = self._added
        self._sockets[number] = socket
        self._numbers[id(socket)] = number
        due_s = time.perf_counter() + self.interval_s * (number * GOLDEN_RATIO % 1.0)
        heapq.heappush(self._due, (due_s, number))
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        elif self._due[0][1] == number:  # it is due before what the greenlet waits for
            self._changed.set()

    def remove(self, socket: Beating) -> None:
        """Stop keeping a socket alive; do nothing for one that was never added."""
        number = self._numbers.pop(id(socket), None)
        if number is not None:
            del self._sockets[number]
            if not self._sockets:
                self._changed.set()

    def stop(self) -> None:
        """Forget all sockets and end the greenlet; a later `add` starts another."""
        self._sockets.clear()
        self._numbers.clear()
        self._changed.set()

    def _run(self) -> None:
        while self._sockets:
            self._changed.clear()
            due_s, number = self._due[0]
            wait_s = due_s - time.perf_counter()
            if number in self._sockets and wait_s > 0:
                self._changed.wait(wait_s)
                continue
            heapq.heappop(self._due)
            socket = self._sockets.get(number)
            if socket is not None:
                heapq.heappush(self._due, (self._next_due_s(due_s, time.perf_counter()), number))
                self._beat(socket)
        self._due.clear()
        self._greenlet = None

    def _next_due_s(self, due_s: float, now_s: float) -> float:
        """Return the next due time: after a stall, intervals are skipped until the server has half of one to answer."""
        late_s = max(now_s - self.interval_s / 2 - due_s, 0.0)
        return due_s + self.interval_s * (1 + math.ceil(late_s / self.interval_s))

    def _beat(self, socket: Beating) -> None:
        try:
            socket.beat()
        except ClientError as error:  # it just went down, which its own reader reports
            logger.debug("no heartbeat on %r: %s", socket, error)
        except Exception:  # one broken socket must not end the heartbeats of all others
            logger.exception("heartbeat failed on %r", socket)

    def __repr__(self) -> str:
        return f"<Heartbeats every {self.interval_s:g} s sockets={len(self._sockets)}>"
