"""A timer that is exact to the microsecond, one for all users of a process.

gevent's timers wait in epoll, whose timeout is whole milliseconds rounded up (libev ev_epoll.c), so every send would be
about 1 ms late, which is more than FleetLM takes to answer. Where there is no timerfd, gevent's own timers are used,
and the lateness in the report shows it.

There are several timerfds, set to the earliest moments, because setting one can be expensive: for the earliest moment
of its core, the kernel must also set the core's own timer, which on a virtual machine is the hypervisor's work (9
against 2 µs). A timerfd set while others expire before it does not need that.

They ring before their moment, by the time that the machine takes to wake a process up (wake_up.py); the last few
microseconds are spent watching the clock.
"""

import heapq
import itertools
import math
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Final

import gevent

from fleetlm_users.swarm.runtime.timerfd import Kernel, LinuxKernel, Timer
from fleetlm_users.swarm.runtime.wake_up import LONGEST_S, WakeUp

MOMENT: Final = attrgetter("moment_s")
TIMERS: Final = 8
"""Timerfds of one timer: enough that the next moment has its own before the last one expires; more gave nothing."""

LOOK_S: Final = LONGEST_S + 1e-6
"""A moment that is as near is looked for on the clock; no timer rings earlier before its own."""


class PreciseTimer:
    """Callbacks at moments of `time.perf_counter`, which is CLOCK_MONOTONIC on Linux. Make it after any fork.

    `_due` holds all pending callbacks. A moment is in `_unset` as well while no timerfd is set to it; no such moment is
    earlier than one that a timerfd is set to.
    """

    def __init__(self, timers: int = TIMERS, kernel: Kernel | None = None) -> None:
        self._kernel = kernel or LinuxKernel()
        self._now_s = self._kernel.now_s
        self._wake_up = WakeUp()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._unset: list[float] = []
        self._latest_s = 0.0  # no timer is set to a later moment
        self._timers = self._kernel.timers(timers, self._ring)
        self._free = list(self._timers)

    def __repr__(self) -> str:
        return f"PreciseTimer(waiting={len(self._due)}, timers={len(self._timers)}, {self._wake_up})"

    @property
    def is_exact(self) -> bool:
        """Whether it has timerfds."""
        return bool(self._timers)

    def at(self, moment_s: float, ring: Callable[[], None]) -> None:
        """Call `ring` from the event loop at the moment, never before it; at once if it has passed."""
        if not self._timers:
            _ring_later(max(0.0, moment_s - self._now_s()), ring)
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

    def _set(self, timer: Timer, moment_s: float) -> None:
        self._latest_s = max(self._latest_s, moment_s)
        timer.set(moment_s, self._wake_up.early_s)

    def _set_before_others(self, moment_s: float) -> None:
        """Use the timerfd with the latest moment, if that is later."""
        last = max(self._timers, key=MOMENT)
        heapq.heappush(self._unset, max(moment_s, last.moment_s))
        if moment_s < last.moment_s:
            last.set(moment_s, self._wake_up.early_s)
        self._latest_s = max(map(MOMENT, self._timers))

    def _ring(self, timer: Timer) -> None:
        """Call everything that is due, in order, and set the timerfd to its next moment.

        Runs in the event loop, after the reads of the same turn.
        """
        self._call_until(timer.moment_s)
        next_s = self._due[0][0] if self._due else math.inf
        if next_s == timer.moment_s:
            timer.set(next_s, 0.0)  # it rang earlier than it was set to
            return
        while self._unset and self._unset[0] < next_s:  # called already
            heapq.heappop(self._unset)
        if self._unset:
            self._set(timer, heapq.heappop(self._unset))
        else:
            timer.clear()
            self._free.append(timer)

    def _call_until(self, moment_s: float) -> None:
        """Call what is due by now, and up to the moment if that is as near as a timer may ring before it."""
        due, now_s = self._due, self._now_s()
        if due and due[0][0] == moment_s:
            self._wake_up.took(now_s - moment_s + self._wake_up.early_s)
        while due and (due[0][0] <= now_s or due[0][0] <= moment_s <= now_s + LOOK_S):
            while now_s < due[0][0]:
                now_s = self._now_s()
            ring = heapq.heappop(due)[2]
            try:
                ring()
            except Exception:  # gevent stops a watcher whose callback raises, and others need this timer
                gevent.get_hub().handle_error(ring, *sys.exc_info())


def _ring_later(delay_s: float, ring: Callable[[], None]) -> None:
    timer = gevent.get_hub().loop.timer(delay_s)

    def rung() -> None:
        timer.close()
        ring()

    timer.start(rung)
