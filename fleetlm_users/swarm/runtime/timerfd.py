"""The kernel's timers, exact to the microsecond (timerfd_create(2)).

A timerfd is not subject to the kernel's timer slack, which adds 50 µs to a plain sleep (prctl(2): PR_SET_TIMERSLACK).
"""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent

from fleetlm_users.units import NS_PER_S

CLOCK_MONOTONIC: Final = 1
TFD_TIMER_ABSTIME: Final = 1
TFD_FLAGS: Final = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
"""TFD_NONBLOCK and TFD_CLOEXEC have the values of O_NONBLOCK and O_CLOEXEC (timerfd_create(2))."""

READ: Final = 1
"""gevent's and libev's EV_READ."""

AFTER_READS: Final = -1
"""The priority of a timer in the event loop: what has arrived is read first (libev: priorities from -2 to 2)."""


class Timer(Protocol):
    """A timer that rings from its moment on until it is set again or cleared."""

    moment_s: float

    def set(self, moment_s: float, early_s: float) -> None:
        """Set it for a moment, to ring that much before it; at once if that has passed."""

    def clear(self) -> None:
        """Disarm it."""

    def close(self) -> None:
        """Free it."""


Ring = Callable[[Timer], None]


class Kernel(Protocol):
    """The clock and the timers of a machine."""

    def now_s(self) -> float:
        """Return the time of the clock that moments are of."""

    def timers(self, count: int, ring: Ring) -> list[Timer]:
        """Return that many timers, or as many as there are; the event loop calls `ring(timer)` while one rings."""


class Itimerspec(ctypes.Structure):
    """The C `struct itimerspec`: interval, then the moment of expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timerfd:
    """One timerfd; `moment_s` is of CLOCK_MONOTONIC.

    Raises:
        OSError: The kernel gives none.
    """

    __slots__ = ("_settime", "_spec", "_spec_ref", "_watcher", "fd", "moment_s")

    def __init__(self, libc: Any, ring: Ring) -> None:
        self.moment_s = 0.0
        self._settime = libc.timerfd_settime
        self._spec = Itimerspec()
        self._spec_ref = ctypes.byref(self._spec)
        self.fd = libc.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS)
        if self.fd < 0:
            raise OSError("the kernel gives no timerfd")
        self._watcher = gevent.get_hub().loop.io(self.fd, READ)
        self._watcher.priority = AFTER_READS
        self._watcher.start(ring, self)

    def __repr__(self) -> str:
        return f"Timerfd({self.moment_s:.6f})"

    def set(self, moment_s: float, early_s: float) -> None:
        """Set it for a moment, to ring that much before it; at once if that has passed.

        This also clears its readiness (timerfd_create(2): settime forgets expirations that were not read), which saves
        a read for each message.
        """
        self.moment_s = moment_s
        rings_ns = max(1, int((moment_s - early_s) * 1e9) + 1)  # up, so that it never rings early; 0 would disarm it
        self._spec.value_s, self._spec.value_ns = divmod(rings_ns, NS_PER_S)
        self._settime(self.fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def clear(self) -> None:
        """Disarm it."""
        self._spec.value_s = self._spec.value_ns = 0
        self._settime(self.fd, TFD_TIMER_ABSTIME, self._spec_ref, None)

    def close(self) -> None:
        """Free it."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self.fd)
        self.fd = -1  # setting it after all must not reach another file


class LinuxKernel:
    """The machine of this process. A system other than Linux gives no timers."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)

    now_s = staticmethod(time.perf_counter)  # CLOCK_MONOTONIC on Linux; no call of ours, it is asked in a loop

    def timers(self, count: int, ring: Ring) -> list[Timer]:
        """Return that many timerfds, or as many as the kernel gives; none where it knows none."""
        made: list[Timer] = []
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                while len(made) < count:
                    made.append(Timerfd(self._libc, ring))
        return made
