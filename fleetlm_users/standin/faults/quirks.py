"""FleetLM's defects at the recorded commit, imitated under `--quirks`. Pure.

Source: the wire record: reads take the oldest messages of the unflushed log or of the session; a flush every 300 ms
loses messages appended while it runs (0.2 % at 10 messages/s, up to 28 % at full speed: a flush takes about 0.6 ms +
0.15 ms per message).
"""

from bisect import bisect_left

from fleetlm_users.standin.chat.ids import NaiveStamps
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage, stamp_of

FLUSH_EVERY_S = 0.3
FLUSH_BASE_S = 0.0006
LONGEST_FLUSH = 0.6  # as a share of the period
FLUSH_SPREAD = 1 / 3
"""Flushes begin up to this share of the period late: clients that send in step with the period, such as every 100 ms,
would otherwise meet every flush or none.
"""
GOLDEN = (5**0.5 - 1) / 2  # its multiples spread evenly (Weyl)
FLUSH_PER_MESSAGE_S = 0.00015
"""For one session at full speed; messages spread over many sessions take about a quarter of it."""


class FlushClock:
    """The storage's flush times, and which appends fall into a running flush; with `every_s` 0 it flushes at once."""

    __slots__ = ("_before", "_count", "_every_s", "_per_message_s", "_period", "_spread", "_stamps")

    def __init__(
        self, every_s: float = FLUSH_EVERY_S, per_message_s: float = FLUSH_PER_MESSAGE_S, spread: float = FLUSH_SPREAD
    ) -> None:
        self._every_s = every_s
        self._per_message_s = per_message_s
        self._spread = spread
        self._period = -1
        self._count = 0
        self._before = 0
        self._stamps = NaiveStamps()

    def stores(self, now_s: float) -> bool:
        """Return whether a message appended at `now_s` (wall clock) survives."""
        period = self._period_at(now_s)
        if period != self._period:
            self._before = self._count if period == self._period + 1 else 0
            self._count = 0
            self._period = period
        self._count += 1
        flush_s = min(self._every_s * LONGEST_FLUSH, FLUSH_BASE_S + self._before * self._per_message_s)
        return now_s - self._begins_s(period) >= flush_s

    def next_s(self, now_s: float) -> float:
        """Return when the next flush begins, after `now_s`."""
        return self._begins_s(self._period_at(now_s) + 1)

    def flushed_stamp(self, now_s: float) -> bytes:
        """Return the time stamp of the last flush before `now_s`: older messages are in PostgreSQL."""
        flushed_s = self._begins_s(self._period_at(now_s)) if self._every_s else now_s
        return self._stamps.micros(flushed_s)

    def _period_at(self, now_s: float) -> int:
        """Return the number of the last flush that began."""
        period = int(now_s / self._every_s)
        return period if now_s >= self._begins_s(period) else period - 1

    def _begins_s(self, period: int) -> float:
        return (period + period * GOLDEN % 1 * self._spread) * self._every_s


def oldest(session: Session, limit: int, flushed_stamp: bytes) -> list[StoredMessage]:
    """Return `get_messages(session, 0, limit)`: the first unflushed ones if there are `limit`, else the session's."""
    recent = session.messages[-limit:]
    if len(recent) == limit and stamp_of(recent[0]) >= flushed_stamp:
        first = bisect_left(session.messages, flushed_stamp, key=stamp_of)
        return session.messages[first : first + limit]
    return (session.head if len(session.head) >= limit else session.messages)[:limit]


def entire(session: Session, flushed_stamp: bytes) -> list[StoredMessage]:
    """Return the messages of history mode `entire`: only those already flushed."""
    return [message for message in session.messages if stamp_of(message) < flushed_stamp]


def mixed_page(session: Session, after_seq: int, limit: int, flushed_stamp: bytes) -> list[StoredMessage]:
    """Return a page of the late protocol's reads: messages only in memory, filled up from the low end of the database.

    So a page may have a gap, and a client that continues after its last seq misses messages (late wire record:
    "Replay").
    """
    rest = session.after(after_seq, len(session.messages))
    unflushed = [message for message in rest if stamp_of(message) >= flushed_stamp]
    if len(unflushed) >= limit:
        return unflushed[:limit]
    flushed = rest[: len(rest) - len(unflushed)]
    return flushed[: limit - len(unflushed)] + unflushed
