"""Which messages an inbox has shown, how soon, and which it missed. Pure: the caller passes the time.

An inbox reports when a session was last active, not which message made it so. A message is shown by the first delta
whose `last_activity_at` is not before the moment at which the server says it stored the message; both are times of the
same server in the same format, so they compare as texts.
"""

from collections import deque
from typing import NamedTuple


class ShownMessage(NamedTuple):
    """A message that a delta showed."""

    due_s: float
    sent_s: float
    shown_s: float


class _Waiting(NamedTuple):
    due_s: float
    sent_s: float
    stored_at: str
    deadline_s: float


class InboxWatch:
    """The messages of one session between their append and their delta; each is shown or missed, once."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._waiting: deque[_Waiting] = deque()
        self._latest: tuple[str, float] = ("", 0.0)

    def __len__(self) -> int:
        return len(self._waiting)

    def appended(self, due_s: float, sent_s: float, stored_at: str, now_s: float) -> list[ShownMessage]:
        """Add a stored message; return the messages shown by now (a delta may overtake the message's own broadcast)."""
        self._waiting.append(_Waiting(due_s, sent_s, stored_at, now_s + self._deadline_s))
        return self._show()

    def delta(self, last_activity_at: str, now_s: float) -> list[ShownMessage]:
        """Take a delta; return the messages it shows for the first time."""
        self._latest = (last_activity_at, now_s)
        return self._show()

    def expire(self, now_s: float) -> int:
        """Drop the messages that waited longer than the deadline, and return how many: they are missed."""
        missed = 0
        while self._waiting and self._waiting[0].deadline_s <= now_s:
            self._waiting.popleft()
            missed += 1
        return missed

    def next_deadline_s(self) -> float:
        """Return when the oldest waiting message is missed. Raise IndexError when none waits."""
        return self._waiting[0].deadline_s

    def _show(self) -> list[ShownMessage]:
        shown = []
        last_activity_at, shown_s = self._latest
        while self._waiting and self._waiting[0].stored_at <= last_activity_at:
            message = self._waiting.popleft()
            shown.append(ShownMessage(message.due_s, message.sent_s, shown_s))
        return shown
