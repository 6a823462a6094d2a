"""One timer that keeps all sockets of a process alive.

A heartbeat costs little, but waking up for it costs several times as much. So the heartbeats of a group of sockets are
sent in one turn of the event loop, and the groups are spread over the interval: a server that closes silent sockets
after minutes does not mind a heartbeat that comes seconds sooner. A turn is bounded, so no message waits.
"""

import heapq
import logging
import math
import time
from typing import Any, Final, Protocol

import gevent

from fleetlm_users.errors import ClientError

logger = logging.getLogger(__name__)

GOLDEN_RATIO: Final = 0.6180339887498949  # its multiples modulo 1 spread evenly for any number of groups (Weyl)
GROUP: Final = 25
"""The most sockets in a group: about 0.3 ms of CPU."""

TURN_S: Final = 0.0005
"""The longest that a turn lasts; the rest of its group follows after a pause."""

PAUSE_S: Final = 0.001


class Beating(Protocol):
    """A socket to keep alive: `beat` sends one heartbeat without blocking, or gives up a silent socket."""

    def beat(self) -> None:
        """Send a heartbeat; called once per interval, from the event loop."""


class Heartbeats:
    """Sends a heartbeat on every added socket once per `interval_s` seconds, in groups spread evenly over the interval.

    The timer runs only while there are sockets: nothing starts at import or construction, because Locust may fork
    after both. phoenix.js beats every 30 s; FleetLM closes a socket that is silent for 120 s.
    """

    def __init__(self, interval_s: float = 30.0) -> None:
        self.interval_s = interval_s
        self._opened = 0
        self._groups: dict[int, dict[int, Beating]] = {}  # by number; a group's sockets by their id
        self._group_of: dict[int, int] = {}  # id of a socket -> the number of its group
        self._roomy: list[int] = []  # the groups that are not full, each once; the last one is filled first
        self._due: list[tuple[float, int]] = []  # a heap of the groups
        self._rest: list[Beating] = []  # the rest of the last turn's group
        self._timer: Any = None
        self._fires_s = 0.0

    def __len__(self) -> int:
        return len(self._group_of)

    def add(self, socket: Beating) -> None:
        """Keep a socket alive from now on: its first heartbeat is sent within one interval."""
        if not self._roomy:
            self._open_group()
        number = self._roomy[-1]
        group = self._groups[number]
        group[id(socket)] = socket
        self._group_of[id(socket)] = number
        if len(group) == GROUP:
            self._roomy.pop()
        if self._timer is None or self._due[0][0] < self._fires_s:
            self._set_timer()

    def remove(self, socket: Beating) -> None:
        """Stop keeping a socket alive; do nothing for one that was never added."""
        number = self._group_of.pop(id(socket), None)
        if number is None:
            return
        group = self._groups[number]
        if len(group) == GROUP:
            self._roomy.append(number)
        del group[id(socket)]
        if not self._group_of:
            self.stop()

    def stop(self) -> None:
        """Forget all sockets and stop the timer; a later `add` starts another."""
        for kept in (self._groups, self._group_of, self._roomy, self._due, self._rest):
            kept.clear()
        self._clear_timer()

    def _open_group(self) -> None:
        self._opened += 1
        self._groups[self._opened] = {}
        self._roomy.append(self._opened)
        due_s = time.perf_counter() + self.interval_s * (self._opened * GOLDEN_RATIO % 1.0)
        heapq.heappush(self._due, (due_s, self._opened))

    def _turn(self) -> None:
        """Send the heartbeats that are due, within bounds; the event loop calls this."""
        began_s = now_s = time.perf_counter()
        while now_s - began_s < TURN_S and (self._rest or self._take_group(now_s)):
            socket = self._rest.pop()
            if id(socket) in self._group_of:
                self._beat(socket)
            now_s = time.perf_counter()
        if self._group_of:
            self._set_timer()

    def _take_group(self, now_s: float) -> bool:
        """Take the sockets of the next group that is due; return whether there is one."""
        while self._due and self._due[0][0] <= now_s:
            due_s, number = self._due[0]
            group = self._groups[number]
            if group:
                heapq.heapreplace(self._due, (self._next_due_s(due_s, now_s), number))
                self._rest.extend(group.values())
                return True
            heapq.heappop(self._due)
            del self._groups[number]
            self._roomy.remove(number)
        return False

    def _next_due_s(self, due_s: float, now_s: float) -> float:
        """Return the next due time: after a stall, intervals are skipped until the server has half of one to answer."""
        late_s = max(now_s - self.interval_s / 2 - due_s, 0.0)
        return due_s + self.interval_s * (1 + math.ceil(late_s / self.interval_s))

    def _beat(self, socket: Beating) -> None:
        try:
            socket.beat()
        except ClientError as error:  # it just went down; its own reader reports that
            logger.debug("no heartbeat on %r: %s", socket, error)
        except Exception:  # one broken socket must not end the heartbeats of all others
            logger.exception("heartbeat failed on %r", socket)

    def _set_timer(self) -> None:
        """Schedule the next turn in the event loop, in place of the one scheduled before."""
        self._clear_timer()
        now_s = time.perf_counter()
        self._fires_s = now_s + PAUSE_S if self._rest else max(self._due[0][0], now_s + PAUSE_S)
        self._timer = gevent.get_hub().loop.timer(self._fires_s - now_s)
        self._timer.start(self._turn)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def __repr__(self) -> str:
        return f"<Heartbeats every {self.interval_s:g} s sockets={len(self)}>"
