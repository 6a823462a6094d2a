"""Python's garbage collector during a run: it must not stop the users that it finds nothing in.

A full collection looks at every object there is, 50–100 ms with 2,000 users in the process, and finds next to nothing:
sockets, sessions and users are freed by their reference counts. So what a ramp has made is taken out of its view, and
full collections come rarely while there is anything for them to see.
"""

import gc
from collections.abc import Callable
from typing import Final

import gevent

LOOK_S: Final = 1.0  # Locust spawns in steps of a second
FULL_AFTER: Final = 100  # collections of the middle generation, of which Python waits for 10


class GcFreeze:
    """One process's collector; `begin` with each run, `end` with it."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        self._greenlet: gevent.Greenlet | None = None

    def begin(self, user_count: Callable[[], int]) -> None:
        """Freezes what there is now, and from now on whatever the process has made when it has more users than ever."""
        self.end()
        gc.collect()
        gc.freeze()
        young, middle, _ = self._usual
        gc.set_threshold(young, middle, FULL_AFTER)
        self._greenlet = gevent.spawn(self._watch, user_count)

    def end(self) -> None:
        """As Python has it again: what was frozen can be collected. May be called again."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
            gc.set_threshold(*self._usual)
            gc.unfreeze()

    def _watch(self, user_count: Callable[[], int]) -> None:
        most = 0
        while True:
            gevent.sleep(LOOK_S)
            if user_count() > most:
                most = user_count()
                gc.freeze()
