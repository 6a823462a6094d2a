"""Python's garbage collector during a run: it must not stop users whose objects contain no garbage.

A full collection visits every object, 50–100 ms with 2,000 users in the process, and finds next to nothing: reference
counting frees sockets, sessions and users. So objects created during a ramp are frozen, and full collections of the
others are rare.
"""

import gc
from collections.abc import Callable
from typing import Final

import gevent

INTERVAL_S: Final = 0.2
"""A fast ramp takes longer than this to fill the middle generation; each collection of it visits 7,000 objects."""
TURNS: Final = 5
"""Intervals that a step of the ramp lasts: Locust spawns all users of a second at once, and they begin over it."""

YOUNG: Final = 1
FULL: Final = 2
"""The generations collected before a run. The start makes next to no garbage (118 objects), and searching everything
imported for it takes 40 ms.
"""

FULL_AFTER: Final = 100  # collections of the middle generation; Python's default is 10


class GcFreeze:
    """The garbage collector of one process; call `begin` and `end` with each run."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        self._greenlet: gevent.Greenlet | None = None
        self._is_first = True

    def begin(self, user_count: Callable[[], int]) -> None:
        """Freeze all objects now, and again for a second whenever the process has more users than ever before."""
        self.end()
        gc.collect(YOUNG if self._is_first else FULL)
        self._is_first = False
        gc.freeze()
        young, middle, _ = self._usual
        gc.set_threshold(young, middle, FULL_AFTER)
        self._greenlet = gevent.spawn(self._watch, user_count)

    def end(self) -> None:
        """Restore Python's own settings: frozen objects can be collected. Safe to call again."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
            gc.set_threshold(*self._usual)
            gc.unfreeze()

    def _watch(self, user_count: Callable[[], int]) -> None:
        most = turns = 0
        while True:
            gevent.sleep(INTERVAL_S)
            if user_count() > most:
                most, turns = user_count(), TURNS
            if turns:
                turns -= 1
                gc.freeze()
