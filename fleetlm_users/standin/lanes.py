"""Work that waits its turn in lanes: one piece at a time in each, and each takes a service time.

The clock of a lane is ideal. A piece begins when the previous one should have ended, or when it arrived if that is
later, and takes the service time from there. An event loop that wakes up late catches up, so a busy stand-in keeps its
stated rate: a lane with 2.5 ms does 400 pieces a second, in order of arrival.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from fleetlm_users.standin.faults.delivery import Action, Later

LOG = logging.getLogger(__name__)
AT_ONCE: Final = 100  # the most pieces that end in one turn of the event loop when it has to catch up
ROUNDING_S: Final = 0.0005  # uvloop rounds to the nearest millisecond: no piece may end early


class Lane:
    """Pieces of work with their times of arrival; the first has been in service since `began_s`."""

    __slots__ = ("began_s", "key", "pieces", "ticket")

    def __init__(self, key: object, arrived_s: float, action: Action) -> None:
        self.key = key
        self.pieces = deque([(arrived_s, action)])
        self.began_s = arrived_s
        self.ticket = 0  # of the timer in force; earlier ones are stale


class Lanes:
    """Lanes by key; a lane exists while it holds work.

    Args:
        service_s: Returns the present service time in seconds; when it has changed, call `retime`.
        timer: Wakes the lanes.
        clock: Monotonic seconds.
    """

    def __init__(
        self, service_s: Callable[[], float], timer: Later, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service_s = service_s
        self._timer = timer
        self._clock = clock
        self._lanes: dict[object, Lane] = {}
        self.waiting = 0

    def put(self, key: object, action: Action) -> None:
        """Run `action` when its service in the lane `key` ends: at once, if there is no service time and no queue."""
        lane = self._lanes.get(key)
        if lane is None and not self._service_s():
            action()
            return
        self.waiting += 1
        if lane is not None:
            lane.pieces.append((self._clock(), action))
            return
        lane = self._lanes[key] = Lane(key, self._clock(), action)
        self._arm(lane)

    def retime(self) -> None:
        """Apply a changed service time to the queue and to the piece in service."""
        for lane in self._lanes.values():
            self._arm(lane)

    def clear(self) -> None:
        """Forget everything that waits."""
        for lane in self._lanes.values():
            lane.ticket += 1
        self._lanes.clear()
        self.waiting = 0

    def _arm(self, lane: Lane) -> None:
        """Wake when the piece in service ends."""
        lane.ticket += 1
        ticket = lane.ticket
        left_s = lane.began_s + self._service_s() - self._clock()
        self._timer.after(left_s + ROUNDING_S if left_s > 0 else 0.0, lambda: self._run(lane, ticket))

    def _run(self, lane: Lane, ticket: int) -> None:
        """End what is due, at most AT_ONCE, so that a long queue does not hold the event loop."""
        if ticket != lane.ticket:
            return
        service_s, now_s = self._service_s(), self._clock()
        for _ in range(AT_ONCE):
            ended_s = lane.began_s + service_s
            if ended_s > now_s:
                break
            _, action = lane.pieces.popleft()
            self.waiting -= 1
            if not lane.pieces:
                del self._lanes[lane.key]
                _do(action)
                return
            lane.began_s = max(ended_s, lane.pieces[0][0])
            _do(action)
        self._arm(lane)


def _do(action: Action) -> None:
    """Run a piece of work: its failure does not affect those behind it."""
    try:
        action()
    except Exception:
        LOG.exception("a piece of work failed")
