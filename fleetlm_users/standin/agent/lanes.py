"""Webhooks that wait their turn: one at a time for the node or for each session, each with a service time."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fleetlm_users.standin.chat.hub import Hub, Responder
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage
from fleetlm_users.standin.faults.delivery import Later
from fleetlm_users.standin.lanes import Lanes

NODE: Final = "node"
SESSION: Final = "session"
NONE: Final = "none"
ORDERS: Final = (NODE, SESSION, NONE)


class WebhookLanes:
    """Gives each message to `responder` when its service ends; the queue is bounded by `max_pending` alone.

    Args:
        hub: Its faults hold the service time, which may change at any moment; then call `retime`.
        responder: The responder that finally answers.
        order: One of ORDERS: one lane for the node, one for each session, or one for each message.
        timer: Wakes the lanes.
        max_pending: The most messages waiting here or at the responder; a further one is dropped and counted as failed.
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
        self._max_pending = max_pending
        self._lanes = Lanes(lambda: hub.faults.faults.webhook_service_ms / 1000, timer, clock)
        self.retime, self.clear = self._lanes.retime, self._lanes.clear

    @property
    def pending(self) -> int:
        """The number of user messages not answered yet."""
        return self._lanes.waiting + self._responder.pending

    def asked(self, session: Session, message: StoredMessage, content: dict[str, Any]) -> None:
        """Queue one webhook."""
        if self.pending >= self._max_pending:
            self._hub.counters.webhooks_failed += 1
            return
        key: object = {NODE: "", SESSION: session.id}.get(self._order, message)
        self._lanes.put(key, partial(self._responder.asked, session, message, content))
