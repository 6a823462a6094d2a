"""A machine whose clock is moved by the test, with timers like the kernel's, to put below a PreciseTimer."""

import math
from collections.abc import Callable
from itertools import cycle


class PlayedTimer:
    """A timer that expires at its moment, or earlier if told to."""

    def __init__(self):
        self.moment_s = 0.0
        self.rings_s = math.inf

    def set(self, moment_s, early_s):
        """Set it."""
        self.moment_s, self.rings_s = moment_s, moment_s - early_s

    def clear(self):
        """Disarm it."""
        self.rings_s = math.inf

    def close(self):
        """Free it."""
        self.clear()


class PlayedKernel:
    """Waking up takes one of `wake_ups_s` after the other; each look at the clock takes `look_s`.

    `turn` is one turn of an event loop.
    """

    def __init__(self, wake_ups_s=(20e-6,), look_s=50e-9):
        self._wake_ups_s = cycle(wake_ups_s)
        self._look_s = look_s
        self.timers_made = []
        self._ring: Callable[[PlayedTimer], None] = lambda _: None
        self.clock_s = 1000.0

    def now_s(self):
        """Look at the clock."""
        self.clock_s += self._look_s
        return self.clock_s

    def timers(self, count, ring):
        """Return its timers."""
        self.timers_made, self._ring = [PlayedTimer() for _ in range(count)], ring
        return list(self.timers_made)

    def turn(self):
        """Sleep until a timer rings, then call for each one that does; return False when none is set."""
        rings_s = min(timer.rings_s for timer in self.timers_made)
        if rings_s == math.inf:
            return False
        self._sleep_until(rings_s)
        for timer in [timer for timer in self.timers_made if timer.rings_s <= self.clock_s]:
            self._ring(timer)
        return True

    def _sleep_until(self, rings_s):
        if rings_s > self.clock_s:
            self.clock_s = rings_s + next(self._wake_ups_s)
