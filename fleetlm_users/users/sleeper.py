"""How a user sleeps: until a moment, to the microsecond, or until somebody wakes it."""

import math

from gevent.event import Event

from fleetlm_users.swarm.alarm import Alarm


class Sleeper:
    """The sleep of one greenlet; wakes may come early, so who sleeps looks at the clock again."""

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        self._wake = Event()

    def sleep(self, until_s: float = math.inf) -> None:
        """Returns at the moment, or when woken before it."""
        self._wake.clear()
        if until_s < math.inf:
            self._alarm.at(until_s, self._wake)
        self._wake.wait()

    def wake(self) -> None:
        """Ends the sleep."""
        self._wake.set()
