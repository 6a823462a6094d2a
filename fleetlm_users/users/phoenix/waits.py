"""The waits of a user on a channel: for the reply to a push, or for an event from the server."""

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
    """A message from the server that is not a reply; `done_s` is when it arrived, in perf_counter seconds."""

    name: str
    payload: Any
    done_s: float


class Due(NamedTuple):
    """When something was due, None if unknown; the phase of that moment; how long it may take, in seconds."""

    due_s: float | None
    phase: str
    timeout_s: float


class Push:
    """A push and its fate.

    `outcome` is "in_flight" until it is "replied", "refused" (with a status other than ok), "timed_out" or "lost";
    "not_awaited" for a push that awaits no reply. `response` is the reply's payload, bytes for a binary one; `due_s`,
    `sent_s` and `done_s` are perf_counter seconds.
    """

    __slots__ = (
        *("_on_done", "_recording", "_timeout_s", "done_s", "down", "due_s", "name"),
        *("outcome", "phase", "ref", "response", "sent_s", "status", "topic"),
    )

    def __init__(
        self,
        topic: str,
        name: str,
        due: Due,
        recording: Recording,
        on_done: Callable[["Push"], None],
    ) -> None:
        self.topic = topic
        self.name = name
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
        return f"Push({self.name}, {self.outcome})"

    @property
    def deadline_s(self) -> float:
        """The moment after which a reply comes too late."""
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
            self._recording.replied(self, self.done_s)
            self._on_done(self)
        else:
            self._end("refused", self.reason)

    def set_exception(self, error: Disconnected) -> None:
        """Note that no reply will come; called by the socket's reader."""
        if self.is_open:
            self.down = error
            self._end("lost", error.kind)

    def expire(self) -> None:
        """Give up: it has waited as long as a reply may take."""
        if self.is_open:
            self._end("timed_out")

    def close(self) -> None:
        """Count it as in flight: the run ended before its reply, and before its time was up."""
        if self.is_open:
            self._recording.failed(self, OPEN)
            self.outcome = "closed"
            self._on_done(self)

    def _end(self, outcome: str, cause: str = "") -> None:
        self.outcome = outcome
        self._recording.failed(self, outcome, cause)
        self._on_done(self)


class Expectation:
    """An event that a user waits for: the first of that name, from now on, for which `where` is true.

    `sent_s` is when it was expected; it `is_due` if its user says since when. `error` is an exception of `where`, which
    ends the wait and is reported to its user.
    """

    __slots__ = (
        *("_recording", "_where", "deadline_s", "down", "due_s", "error", "event"),
        *("is_due", "name", "phase", "ref", "sent_s", "topic"),
    )

    def __init__(  # noqa: PLR0913, PLR0917  # what is awaited where, and from when on
        self,
        topic: str,
        name: str,
        where: Callable[[Any], bool],
        since_s: float,
        due: Due,
        recording: Recording,
    ) -> None:
        self.topic = topic
        self.name = name
        self.ref = ""
        self.sent_s = since_s
        self.deadline_s = since_s + due.timeout_s
        self.phase = due.phase
        self.due_s = since_s if due.due_s is None else due.due_s
        self.event: Event | None = None
        self.down: Disconnected | None = None
        self.error: Exception | None = None
        self._where = where
        self._recording = recording
        self.is_due = due.due_s is not None
        recording.awaited(due.phase, is_due=self.is_due)

    def __repr__(self) -> str:
        return f"Expectation({self.name}, {self.event or self.down or 'open'})"

    @property
    def is_open(self) -> bool:
        """Whether the event can still come."""
        return self.event is None and self.down is None

    def take(self, event: Event) -> bool:
        """Take an event; return whether that ended the wait: it matches, or `where` raised."""
        if event.name != self.name or event.done_s > self.deadline_s:
            return False
        try:
            if not self._where(event.payload):
                return False
        except Exception as error:
            self.error = error
            self.miss(Disconnected(f"where_raised_{type(error).__name__}"))
            return True
        self.event = event
        self._recording.seen(self, event.done_s, is_due=self.is_due)
        return True

    def miss(self, down: Disconnected) -> None:
        """Count it as missed."""
        self.down = down
        self._recording.unseen(self, "missed", down.kind, is_due=self.is_due)

    def close(self, down: Disconnected) -> None:
        """Count it as open: the run ended before it came, and before its time was up."""
        self.down = down
        self._recording.unseen(self, "open", is_due=self.is_due)
