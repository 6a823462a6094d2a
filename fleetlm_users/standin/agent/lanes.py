"""Webhooks that wait their turn: one at a time for the whole node or for each session, each with a service time.

The clock of a lane is ideal. A webhook begins when the one before it should have ended, or when it came if that is
later, and takes the service time from there. An event loop that wakes up late catches up, so a busy stand-in keeps its
stated rate: with one lane and 2.5 ms it answers 400 messages a second, in the order of their arrival.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from fleetlm_users.standin.chat.hub import Hub, Responder
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage
from fleetlm_users.standin.faults.delivery import Later

NODE: Final = "node"
SESSION: Final = "session"
NONE: Final = "none"
ORDERS: Final = (NODE, SESSION, NONE)

AT_ONCE: Final = 100  # webhooks that end in one turn of the event loop, when it has to catch up
ROUNDING_S: Final = 0.0005  # uvloop rounds to the nearest millisecond: a webhook must not end early


class QueuedWebhook(NamedTuple):
    """One user message to be answered, and when it came."""

    arrived_s: float
    session: Session
    message: StoredMessage
    content: dict[str, Any]


class Lane:
    """Webhooks one after the other; the first of `jobs` is in service since `began_s`."""

    __slots__ = ("began_s", "jobs", "key", "ticket")

    def __init__(self, key: object, job: QueuedWebhook) -> None:
        self.key = key
        self.jobs = deque([job])
        self.began_s = job.arrived_s
        self.ticket = 0  # of the timer that counts; earlier ones are stale


class Lanes:
    """Gives each message to `responder` when its service ends; the queue is bounded by `max_pending` alone.

    Args:
        hub: Its faults hold the service time, which may change at any moment; then call `retime`.
        responder: What answers in the end.
        order: One of ORDERS: one lane for the node, one for each session, or one for each message.
        timer: Wakes the lanes.
        max_pending: Messages that wait here or at the responder; a further one is dropped and counted as failed.
        clock: Monotonic seconds.
    """

    def __init__(  # noqa: PLR0913  # what the composition decides
        self,
        hub: Hub,
        responder: Responder,
        *,
        order: str,
        timer: Later,
        max_pending: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._responder = responder
        self._order = order
        self._timer = timer
        self._max_pending = max_pending
        self._clock = clock
        self._lanes: dict[object, Lane] = {}
        self._waiting = 0

    @property
    def pending(self) -> int:
        """User messages that are not answered yet."""
        return self._waiting + self._responder.pending

    def asked(self, session: Session, message: StoredMessage, content: dict[str, Any]) -> None:
        """Queue one webhook."""
        if self.pending >= self._max_pending:
            self._hub.counters.webhooks_failed += 1
            return
        key: object = {NODE: "", SESSION: session.id}.get(self._order, message)
        lane = self._lanes.get(key)
        if lane is None and not self._service_s():
            self._responder.asked(session, message, content)
            return
        self._waiting += 1
        job = QueuedWebhook(self._clock(), session, message, content)
        if lane is not None:
            lane.jobs.append(job)
            return
        lane = self._lanes[key] = Lane(key, job)
        self._arm(lane)

    def retime(self) -> None:
        """Apply a changed service time to what waits and to what is in service."""
        for lane in self._lanes.values():
            self._arm(lane)

    def clear(self) -> None:
        """Forget all that waits."""
        for lane in self._lanes.values():
            lane.ticket += 1
        self._lanes.clear()
        self._waiting = 0

    def _service_s(self) -> float:
        return self._hub.faults.faults.webhook_service_ms / 1000

    def _arm(self, lane: Lane) -> None:
        """Wake when the webhook in service ends."""
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
            job = lane.jobs.popleft()
            self._waiting -= 1
            if lane.jobs:
                lane.began_s = max(ended_s, lane.jobs[0].arrived_s)
            else:
                del self._lanes[lane.key]
            self._responder.asked(job.session, job.message, job.content)
            if not lane.jobs:
                return
        self._arm(lane)
