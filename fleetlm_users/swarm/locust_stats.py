"""Feeds Locust's own statistics, in milliseconds: its tables and charts show the same events under few names.

A message that was sent and never appended is a failed "append" without a time: None means not measured, and 0 would
drag the percentiles down (locust stats.py:391).
"""

from typing import Any

from locust.env import Environment

from fleetlm_users.swarm.events import FleetEvents

WS = "WS"
REST = "REST"
MS_PER_S = 1000.0


class LocustStats:
    """Listens to the facts of a run and fires Locust's `request` event for those that a person wants in the table."""

    def __init__(self, environment: Environment) -> None:
        self._request = environment.events.request

    def listen(self, events: FleetEvents) -> None:
        """Registers for every fact that belongs in Locust's table."""
        events.session_created.add_listener(self._timed(REST, "POST /api/sessions"))
        events.session_deleted.add_listener(self._timed(REST, "DELETE /api/sessions/:id"))
        events.connected.add_listener(self._timed(WS, "connect"))
        events.joined.add_listener(self._timed(WS, "join"))
        events.message_appended.add_listener(self.on_appended)
        events.message_failed.add_listener(self.on_failed)
        events.agent_replied.add_listener(self.on_replied)
        events.agent_unanswered.add_listener(self.on_unanswered)
        events.disconnected.add_listener(self.on_disconnected)

    def on_appended(self, message: Any, done_s: float, **_: Any) -> None:
        """Latency from due, as in our own ledger."""
        self._fire(WS, "append", (done_s - message.due_s) * MS_PER_S)

    def on_replied(self, message: Any, done_s: float, **_: Any) -> None:
        """From the own broadcast to the agent's."""
        self._fire(WS, "agent reply", (done_s - message.appended_s) * MS_PER_S)

    def on_failed(self, fate: str, reason: str, **_: Any) -> None:
        """Rejected and lost messages are failures; one left in flight at the end is neither."""
        if fate != "in_flight":
            self._fire(WS, "append", None, f"{fate}: {reason}")

    def on_unanswered(self, reason: str, **_: Any) -> None:
        """An appended message that the agent did not answer in time."""
        self._fire(WS, "agent reply", None, f"unanswered: {reason}")

    def on_disconnected(self, kind: str, **_: Any) -> None:
        """A joined session that lost its channel or socket."""
        self._fire(WS, "session lost", None, f"disconnected: {kind}")

    def _timed(self, request_type: str, name: str) -> Any:
        def listener(started_s: float, done_s: float, exception: Exception | None, **_: Any) -> None:
            self._fire(request_type, name, (done_s - started_s) * MS_PER_S, exception)

        return listener

    def _fire(self, request_type: str, name: str, response_time_ms: float | None, exception: Any = None) -> None:
        self._request.fire(
            request_type=request_type,
            name=name,
            response_time=response_time_ms,
            response_length=0,
            exception=exception,
            context={},
        )
