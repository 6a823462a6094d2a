"""A timer that is exact to the microsecond: a few timerfds (timerfd_create(2)) for all users of a process.

gevent's timers wait in epoll, whose timeout is whole milliseconds rounded up (libev ev_epoll.c), so every send would be
about 1 ms late, which is more than FleetLM takes to answer. Where there is no timerfd, gevent's own timers are used,
and the lateness in the report shows it.

There are several timerfds, set to the earliest moments, because setting one has a price: for the earliest moment of its
core the kernel must set the core's own timer as well, which on a virtual machine is the hypervisor's work (9 against
2 µs). A timerfd that is set while others expire before it does not need that.
"""

import contextlib
import ctypes
import heapq
import itertools
import os
import sys
import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import gevent

CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1
TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
"""TFD_NONBLOCK and TFD_CLOEXEC have the values of O_NONBLOCK and O_CLOEXEC (timerfd_create(2))."""

READ = 1
"""gevent's and libev's EV_READ."""


class Itimerspec(ctypes.Structure):
    """The C `struct itimerspec`: interval, then the moment of expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timerfd:
    """One timerfd: from the moment to which it is set it calls `ring(self)` in each turn of the event loop, until it
    is set again or cleared. `moment_s` is of CLOCK_MONOTONIC.

    Raises:
        OSError: The kernel gives none.
    """

    __slots__ = ("_fd", "_settime", "_spec", "_spec_ref", "_watcher", "moment_s")

    def __init__(self, libc: Any, ring: Callable[["Timerfd"], None]) -> None:
        self.moment_s = 0.0
        self._settime = libc.timerfd_settime
        self._spec = Itimerspec()
        self._spec_ref = ctypes.byref(self._spec)
        self._fd = libc.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS)
        if self._fd < 0:
            raise OSError("the kernel gives no timerfd")
        self._watcher = gevent.get_hub().loop.io(self._fd, READ)
        self._watcher.start(ring, self)

    def __repr__(self) -> str:
        return f"Timerfd({self.moment_s:.6f})"

    def set(self, moment_s: float) -> None:
        """Set it to a moment; it expires at once if that has passed.

        This also clears its readiness (timerfd_create(2): settime forgets expirations that were not read), which saves
        a read for each message.
        """
        self.moment_s = moment_s
        seconds = int(moment_s)
        self._spec.value_s = seconds
        self._spec.value_ns = max(1, int((moment_s - seconds) * 1e9) + 1)  # up, so that it never rings early
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def clear(self) -> None:
        """Disarm it."""
        self._spec.value_s = self._spec.value_ns = 0
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def close(self) -> None:
        """Free it."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)
        self._fd = -1  # setting it after all must not reach another file


def timerfds(count: int, ring: Callable[[Timerfd], None]) -> list[Timerfd]:
    """Return that many timerfds, or as many as the kernel gives; none where it knows none."""
    timers: list[Timerfd] = []
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        with contextlib.suppress(OSError):
            while len(timers) < count:
                timers.append(Timerfd(libc, ring))
    return timers


MOMENT = attrgetter("moment_s")
TIMERS = 8
"""Timerfds of one timer: enough that the next moment has its own before the last one expires; more gave nothing."""


class PreciseTimer:
    """Callbacks at moments of `time.perf_counter`, which is CLOCK_MONOTONIC on Linux. Make it after any fork.

    `_due` holds all pending callbacks. A moment is in `_unset` as well while no timerfd is set to it; no such moment is
    earlier than one that a timerfd is set to.
    """

    def __init__(self, timers: int = TIMERS) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._unset: list[float] = []
        self._latest_s = 0.0  # no timer is set to a later moment
        self._timers = timerfds(timers, self._ring)
        self._free = list(self._timers)

    def __repr__(self) -> str:
        return f"PreciseTimer(waiting={len(self._due)}, timers={len(self._timers)})"

    @property
    def is_exact(self) -> bool:
        """Whether it has timerfds."""
        return bool(self._timers)

    def at(self, moment_s: float, ring: Callable[[], None]) -> None:
        """Call `ring` from the event loop at the moment, never before it; at once if it has passed."""
        if not self._timers:
            _ring_later(max(0.0, moment_s - time.perf_counter()), ring)
            return
        heapq.heappush(self._due, (moment_s, next(self._order), ring))
        if self._free:
            self._set(self._free.pop(), moment_s)
        elif moment_s < self._latest_s:
            self._set_before_others(moment_s)
        else:
            heapq.heappush(self._unset, moment_s)

    def close(self) -> None:
        """Free the timerfds; pending callbacks are dropped."""
        for timer in self._timers:
            timer.close()
        self._timers, self._free, self._due, self._unset = [], [], [], []

    def _set(self, timer: Timerfd, moment_s: float) -> None:
        self._latest_s = max(self._latest_s, moment_s)
        timer.set(moment_s)

    def _set_before_others(self, moment_s: float) -> None:
        """Use the timerfd with the latest moment, if that is later."""
        last = max(self._timers, key=MOMENT)
        heapq.heappush(self._unset, max(moment_s, last.moment_s))
        if moment_s < last.moment_s:
            last.set(moment_s)
        self._latest_s = max(map(MOMENT, self._timers))

    def _ring(self, timer: Timerfd) -> None:
        """Call everything that is due, in order, and set the timerfd to its next moment. Runs in the event loop."""
        now_s = time.perf_counter()
        while self._due and self._due[0][0] <= now_s:
            heapq.heappop(self._due)[2]()
        while self._unset and self._unset[0] <= now_s:
            heapq.heappop(self._unset)
        if self._unset:
            self._set(timer, heapq.heappop(self._unset))
        else:
            timer.clear()
            self._free.append(timer)


def _ring_later(delay_s: float, ring: Callable[[], None]) -> None:
    timer = gevent.get_hub().loop.timer(delay_s)

    def rung() -> None:
        timer.close()
        ring()

    timer.start(rung)
