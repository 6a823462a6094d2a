"""What a user waits for on a channel: the reply to a push, an event of the server."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from fleetlm_users.client.phoenix.socket import reason_of
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol.connection import OK
from fleetlm_users.users.phoenix.recording import Recording

OPEN = "in_flight"
NOT_AWAITED = "not_awaited"


class Event(NamedTuple):
    """A message of the server's own; `done_s` is when it arrived, in perf_counter seconds."""

    name: str
    payload: Any
    done_s: float


class Due(NamedTuple):
    """When a thing was due, None where nobody says; the phase of that moment; how long it may take, in seconds."""

    due_s: float | None
    phase: str
    timeout_s: float


class Push:
    """A push and what became of it.

    `outcome` is "in_flight" until it is "replied", "refused" (with a status other than ok), "timed_out" or "lost";
    "not_awaited" of a push that awaits no reply.
    `response` is the reply's payload, bytes for a binary one; `due_s`, `sent_s` and `done_s` are perf_counter seconds.
    """

    __slots__ = (
        *("_on_done", "_recording", "_timeout_s", "done_s", "down", "due_s", "event"),
        *("outcome", "phase", "ref", "response", "sent_s", "status"),
    )

    def __init__(
        self,
        event: str,
        due: Due,
        recording: Recording,
        on_done: Callable[["Push"], None],
    ) -> None:
        self.event = event
        self.due_s = time.perf_counter() if due.due_s is None else due.due_s
        self.phase = due.phase
        self.ref = ""
        self.sent_s = time.perf_counter()
        self.done_s = 0.0
        self.outcome = OPEN
        self.status = ""
        self.response: Any = None
        self.down: Disconnected | None = None
        self._timeout_s = due.timeout_s
        self._recording = recording
        self._on_done = on_done

    def __repr__(self) -> str:
        return f"Push({self.event}, {self.outcome})"

    @property
    def deadline_s(self) -> float:
        """The moment from which a reply comes too late."""
        return self.sent_s + self._timeout_s

    @property
    def is_open(self) -> bool:
        """Whether its fate is open."""
        return self.outcome == OPEN

    @property
    def reason(self) -> str:
        """The server's word for a refusal."""
        return reason_of(self.response)

    def set(self, answer: tuple[str, Any, float]) -> None:
        """Take the reply; called by the socket's reader."""
        if not self.is_open:
            return
        self.status, self.response, self.done_s = answer
        if self.done_s > self.deadline_s:
            self._recording.count("late_replies")
            self._end("timed_out")
        elif self.status == OK:
            self.outcome = "replied"
            self._recording.replied(self.event, self.phase, self.due_s, self.sent_s, self.done_s)
            self._on_done(self)
        else:
            self._end("refused", self.reason)

    def set_exception(self, error: Disconnected) -> None:
        """Take note that no reply will come; called by the socket's reader."""
        if self.is_open:
            self.down = error
            self._end("lost", error.kind)

    def expire(self) -> None:
        """Give it up: it waited for as long as a reply may take."""
        if self.is_open:
            self._end("timed_out")

    def close(self) -> None:
        """Count it as in flight: the run ended before its reply, and before its time was up."""
        if self.is_open:
            self._recording.failed(self.event, self.phase, self.sent_s, OPEN)
            self.outcome = "closed"
            self._on_done(self)

    def _end(self, outcome: str, cause: str = "") -> None:
        self.outcome = outcome
        self._recording.failed(self.event, self.phase, self.sent_s, outcome, cause)
        self._on_done(self)


class Expectation:
    """An event that a user waits for: the first of that name for which `where` is true, from its making on."""

    __slots__ = ("_due_s", "_recording", "_where", "deadline_s", "down", "event", "name", "phase", "since_s")

    def __init__(
        self,
        name: str,
        where: Callable[[Any], bool],
        since_s: float,
        due: Due,
        recording: Recording,
    ) -> None:
        self.name = name
        self.since_s = since_s
        self.deadline_s = since_s + due.timeout_s
        self.phase = due.phase
        self.event: Event | None = None
        self.down: Disconnected | None = None
        self._where = where
        self._recording = recording
        self._due_s = due.due_s
        recording.count("events_awaited", phase=due.phase)

    def __repr__(self) -> str:
        return f"Expectation({self.name}, {self.event or self.down or 'open'})"

    @property
    def is_open(self) -> bool:
        """Whether the event can still come."""
        return self.event is None and self.down is None

    def take(self, event: Event) -> bool:
        """Take an event; return whether it is the one. Raise what `where` raises."""
        if event.name != self.name or event.done_s > self.deadline_s or not self._where(event.payload):
            return False
        self.event = event
        if self._recording.is_of_ledger(self.since_s):
            self._recording.count("events_seen", phase=self.phase)
            if self._due_s is not None:
                self._recording.trend("event_latency_ms", self.phase, self._due_s, event.done_s)
        return True

    def miss(self, down: Disconnected) -> None:
        """Count it as missed."""
        self.down = down
        self._count("events_missed", down.kind)

    def close(self, down: Disconnected) -> None:
        """Count it as open: the run ended before it came, and before its time was up."""
        self.down = down
        self._count("events_open")

    def _count(self, metric: str, label: str = "") -> None:
        if self._recording.is_of_ledger(self.since_s):
            self._recording.count(metric, phase=self.phase, label=label)
