"""Wakes at a moment, to the microsecond: one timerfd for all users of a process.

gevent's timers wait in epoll, whose timeout is whole milliseconds rounded up (libev ev_epoll.c), so every send would be
about 1 ms late, which is more than FleetLM takes to answer. A timerfd (timerfd_create(2)) becomes readable at its
moment. Where there is none, gevent's own timers are used, and lateness says so.
"""

import ctypes
import heapq
import itertools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent

CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1
TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
"""TFD_NONBLOCK and TFD_CLOEXEC have the values of O_NONBLOCK and O_CLOEXEC (timerfd_create(2))."""

READ = 1
"""gevent's and libev's EV_READ."""


class Itimerspec(ctypes.Structure):
    """`struct itimerspec`: interval, then the moment of expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Alarm:
    """Calls back at moments of `time.perf_counter`, which is CLOCK_MONOTONIC on Linux. Made after any fork."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._spec = Itimerspec()
        self._spec_ref = ctypes.byref(self._spec)
        self._armed_s = 0.0
        self._fd = -1
        self._watcher: Any = None
        if sys.platform == "linux":
            self._open()

    def __repr__(self) -> str:
        return f"Alarm(waiting={len(self._due)}, fd={self._fd})"

    def at(self, moment_s: float, ring: Callable[[], None]) -> None:
        """Calls `ring` from the event loop at the moment, never before it; at once when it has passed."""
        if self._fd < 0:
            _ring_later(max(0.0, moment_s - time.perf_counter()), ring)
            return
        heapq.heappush(self._due, (moment_s, next(self._order), ring))
        if self._due[0][0] < self._armed_s or not self._armed_s:
            self._arm()

    def close(self) -> None:
        """Frees the timer; what still waits is not woken."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
        self._fd, self._watcher, self._due = -1, None, []

    def _open(self) -> None:
        libc = ctypes.CDLL(None)
        self._settime = libc.timerfd_settime
        self._fd = libc.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS)
        if self._fd >= 0:
            self._watcher = gevent.get_hub().loop.io(self._fd, READ)
            self._watcher.start(self._ring)

    def _arm(self) -> None:
        """Sets the timer to the earliest moment; one that has passed fires at once."""
        self._armed_s = self._due[0][0]
        seconds = int(self._armed_s)
        self._spec.value_s = seconds
        self._spec.value_ns = max(1, int((self._armed_s - seconds) * 1e9) + 1)  # up, so that it never fires early
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def _ring(self) -> None:
        """Runs in the loop when the timer has expired, and sets it anew.

        That also takes back its readiness (timerfd_create(2): settime forgets expirations that were not read), which
        saves a read for each message.
        """
        now_s = time.perf_counter()
        while self._due and self._due[0][0] <= now_s:
            heapq.heappop(self._due)[2]()
        if self._due:
            self._arm()
        else:
            self._disarm()

    def _disarm(self) -> None:
        self._armed_s = 0.0
        self._spec.value_s = self._spec.value_ns = 0
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)


def _ring_later(delay_s: float, ring: Callable[[], None]) -> None:
    timer = gevent.get_hub().loop.timer(delay_s)

    def rung() -> None:
        timer.close()
        ring()

    timer.start(rung)
