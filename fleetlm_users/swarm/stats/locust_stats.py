"""Feed Locust's own statistics, in milliseconds: its tables and charts show the same events under few names.

A message is named after its path: `append` on a socket, the route of its POST over REST.

A message that was sent and never appended is a failed "append" without a time: None means not measured, and 0 would
drag the percentiles down.

Successes are collected and handed over ten times a second: Locust's `request` event with its two `StatsEntry.log` costs
6 µs, several times as much as our entire accounting of a message.
"""

import time
from collections.abc import Callable, Collection
from typing import Any

from locust.env import Environment

from fleetlm_users.swarm.locust_internals import has_foreign_listener, log_response_times
from fleetlm_users.swarm.stats.events import RunEvents, StepCounter
from fleetlm_users.swarm.stats.tally import LocustColumns
from fleetlm_users.units import MS_PER_S

WS = "WS"
REST = "REST"
APPEND = "append"
POST_MESSAGE = "POST /api/sessions/:id/messages"
REPLY = "agent reply"
FIRST_CHUNK = "agent first chunk"


class LocustStats:
    """A listener that fills Locust's table from the facts of a run; `columns_of` a scenario take its messages' times.

    `over_rest` are the scenarios whose messages are appended over REST.
    """

    def __init__(self, environment: Environment, over_rest: Collection[str] = ()) -> None:
        self._environment = environment
        self._request = environment.events.request
        self._collected: dict[tuple[str, str], list[float | None]] = {}  # by (type, name), in milliseconds
        self._over_rest = over_rest

    def listen(self, events: RunEvents) -> None:
        """Register for every fact that belongs in Locust's table."""
        events.session_created.add_counter(self._timed(REST, "POST /api/sessions"))
        events.session_deleted.add_counter(self._timed(REST, "DELETE /api/sessions/:id"))
        events.connected.add_counter(self._timed(WS, "connect"))
        events.joined.add_counter(self._timed(WS, "join"))
        events.message_failed.add_listener(self.on_failed)
        events.agent_unanswered.add_listener(self.on_unanswered)
        events.disconnected.add_listener(self.on_disconnected)

    def columns_of(self, scenario: str) -> LocustColumns:
        """Return the callbacks that take the times of a scenario's messages."""
        ways = (self._append_of(scenario), (WS, REPLY), (WS, FIRST_CHUNK))
        return LocustColumns(*(self._collect(request_type, name) for request_type, name in ways))

    def flush(self) -> None:
        """Hand over the collected times: in bulk, or by one `request` event each if anybody else listens to it."""
        is_overheard = has_foreign_listener(self._request)
        for (request_type, name), collected in self._collected.items():
            times_ms = collected[:]
            collected.clear()
            if is_overheard:
                for time_ms in times_ms:
                    self._fire(request_type, name, time_ms)
            elif times_ms:
                log_response_times(self._environment.stats, request_type, name, times_ms, time.time())

    def on_failed(self, scenario: str, fate: str, reason: str, **_: Any) -> None:
        """Count a rejected or lost message as a failure; one left in flight at the end is none."""
        if fate != "in_flight":
            self._fire(*self._append_of(scenario), None, f"{fate}: {reason}")

    def on_unanswered(self, reason: str, **_: Any) -> None:
        """Count an appended message that the agent did not answer in time."""
        self._fire(WS, REPLY, None, f"unanswered: {reason}")

    def on_disconnected(self, kind: str, **_: Any) -> None:
        """Count a joined session that lost its channel or socket."""
        self._fire(WS, "session lost", None, f"disconnected: {kind}")

    def _append_of(self, scenario: str) -> tuple[str, str]:
        return (REST, POST_MESSAGE) if scenario in self._over_rest else (WS, APPEND)

    def _collect(self, request_type: str, name: str) -> Callable[[float | None], None]:
        return self._collected.setdefault((request_type, name), []).append

    def _timed(self, request_type: str, name: str) -> StepCounter:
        collect = self._collect(request_type, name)

        def counter(_scenario: str, _phase: str, started_s: float, done_s: float, exception: Exception | None) -> None:
            time_ms = (done_s - started_s) * MS_PER_S
            if exception is None:
                collect(time_ms)
            else:
                self._fire(request_type, name, time_ms, exception)

        return counter

    def _fire(self, request_type: str, name: str, response_time_ms: float | None, exception: Any = None) -> None:
        self._request.fire(
            request_type=request_type,
            name=name,
            response_time=response_time_ms,
            response_length=0,
            exception=exception,
            context={},
        )
