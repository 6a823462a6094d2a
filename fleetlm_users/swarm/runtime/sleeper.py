"""How a user sleeps: until a moment, to the microsecond, or until somebody wakes it."""

import math

import gevent

from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer


class Sleeper:
    """The sleep of one greenlet; wakes may come early, so who sleeps looks at the clock again.

    The event loop switches straight to the sleeper: a gevent Event would go through two more callbacks, which costs
    3 µs for each message.
    """

    __slots__ = ("_sleeping", "_timer")

    def __init__(self, timer: PreciseTimer) -> None:
        self._timer = timer
        self._sleeping: gevent.Greenlet | None = None

    def __repr__(self) -> str:
        return f"Sleeper({'awake' if self._sleeping is None else 'asleep'})"

    def sleep(self, until_s: float = math.inf) -> None:
        """Returns at the moment, or when woken before it."""
        if until_s < math.inf:
            self._timer.at(until_s, self._rouse)
        self._sleeping = gevent.getcurrent()
        try:
            gevent.get_hub().switch()
        finally:
            self._sleeping = None

    def wake(self) -> None:
        """Ends the sleep, if there is one."""
        if self._sleeping is not None:
            gevent.get_hub().loop.run_callback(self._rouse)

    def _rouse(self) -> None:
        """Runs in the event loop: gives the sleeper its turn. It may have been woken meanwhile."""
        if self._sleeping is not None:
            self._sleeping.switch()
