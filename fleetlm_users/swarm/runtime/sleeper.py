"""The sleep of a user: until a moment, exact to the microsecond, or until woken."""

import math

import gevent

from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer


class Sleeper:
    """The sleep of one greenlet. It may wake early, so the caller must check the clock again.

    The event loop switches straight to the sleeper: a gevent Event would go through two more callbacks, which cost 3 µs
    per message.
    """

    __slots__ = ("_sleeping", "_timer")

    def __init__(self, timer: PreciseTimer) -> None:
        self._timer = timer
        self._sleeping: gevent.Greenlet | None = None

    def __repr__(self) -> str:
        return f"Sleeper({'awake' if self._sleeping is None else 'asleep'})"

    def sleep(self, until_s: float = math.inf) -> None:
        """Sleep until the moment, or until woken before it."""
        if until_s < math.inf:
            self._timer.at(until_s, self._rouse)
        self._sleeping = gevent.getcurrent()
        try:
            gevent.get_hub().switch()
        finally:
            self._sleeping = None

    def wake(self) -> None:
        """End the sleep, if there is one."""
        if self._sleeping is not None:
            gevent.get_hub().loop.run_callback(self._rouse)

    def _rouse(self) -> None:
        """Switch to the sleeper, which may have been woken meanwhile. Runs in the event loop."""
        if self._sleeping is not None:
            self._sleeping.switch()
