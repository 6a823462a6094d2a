"""Linux's timers as file descriptors (timerfd_create(2)): they wake an event loop to the microsecond."""

import contextlib
import ctypes
import os
import sys
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


class Timerfd:
    """One timer: from the moment to which it is set it calls `ring(self)` in each turn of the event loop, until it is
    set anew or cleared. `moment_s` is of CLOCK_MONOTONIC. Raises OSError when the kernel gives none.
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
        """Rings at the moment, at once when it has passed.

        That also takes back its readiness (timerfd_create(2): settime forgets expirations that were not read), which
        saves a read for each message.
        """
        self.moment_s = moment_s
        seconds = int(moment_s)
        self._spec.value_s = seconds
        self._spec.value_ns = max(1, int((moment_s - seconds) * 1e9) + 1)  # up, so that it never rings early
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def clear(self) -> None:
        """Rings no more."""
        self._spec.value_s = self._spec.value_ns = 0
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def close(self) -> None:
        """Frees it."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)
        self._fd = -1  # who sets it after all reaches no stranger


def timerfds(count: int, ring: Callable[[Timerfd], None]) -> list[Timerfd]:
    """So many, or as many as the kernel gives; none where it knows none."""
    made: list[Timerfd] = []
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        with contextlib.suppress(OSError):
            while len(made) < count:
                made.append(Timerfd(libc, ring))
    return made
