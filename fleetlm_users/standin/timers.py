"""Two ways to run something later on the event loop: as exactly as the machine allows, and by the loop's own timers."""

import asyncio
import heapq
import itertools
import signal
import threading
import time
from collections.abc import Callable

SLACK_S = 0.00005  # the thread waits awake for anything due this soon: a nap would end later
LEARNING = 0.1  # the share of an observed lateness by which the next wake-up moves
EARLIEST_S = 0.001  # a wake-up never moves further than this
LONGEST_NAP_S = 0.005  # a shorter delay may be set while the thread sleeps, so it checks this often

Action = Callable[[], None]


def leave_signals_to_main() -> None:
    """Block all signals in a helper thread: those that the main thread blocks at its end must not arrive here."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


class LoopTimer:
    """The loop's own timers: whole milliseconds under uvloop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def after(self, delay_s: float, action: Action) -> None:
        """Run `action` `delay_s` seconds from now, or up to a millisecond off."""
        self._loop.call_later(delay_s, action)


class ExactTimer:
    """Delays kept to about 0.1 ms: a thread sleeps until just before the due time and wakes the loop.

    It wakes the loop earlier by as much as it was late before. uvloop (libuv) and epoll count whole milliseconds, too
    coarse for a delay that serves as the reference of a measurement. The thread starts with the first use.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[float, int, Action]] = []  # only used on the loop, except for a peek at the first time
        self._numbers = itertools.count()
        self._next_s = float("inf")
        self._early_s = 0.0001
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def at(self, due_s: float, action: Action) -> None:
        """Run `action` at that moment of `time.perf_counter`, never before it; equal ones in the order given."""
        heapq.heappush(self._due, (due_s, next(self._numbers), action))
        self._next_s = self._due[0][0]
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._sleep, name="exact-timer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; anything still due is dropped."""
        self._stopped = True
        self._wake.set()

    def _sleep(self) -> None:
        """Sleep until the first due time, then have the loop run everything due; the thread's own loop."""
        leave_signals_to_main()
        while not self._stopped:
            self._wake.wait()
            left_s = self._next_s - time.perf_counter() - self._early_s
            if left_s > 0:
                time.sleep(min(left_s, LONGEST_NAP_S))
                continue
            self._wake.clear()
            if not self._stopped:
                self._loop.call_soon_threadsafe(self._run_due)

    def _run_due(self) -> None:
        late_s = time.perf_counter() - self._next_s
        if abs(late_s) < EARLIEST_S:  # a busy loop's own lateness teaches nothing, nor does -inf (nothing due)
            self._early_s = min(EARLIEST_S, max(0.0, self._early_s + LEARNING * late_s))
        while self._due and self._due[0][0] <= time.perf_counter() + SLACK_S:
            while time.perf_counter() < self._due[0][0]:
                pass
            heapq.heappop(self._due)[2]()
        self._next_s = self._due[0][0] if self._due else float("inf")
        if self._due:
            self._wake.set()
