"""The stand-in's own record of messages its storage lost or changed: the reference for an audit."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage, seq_of, stamp_of

MAX_NAMED: Final = 10_000
"""How many messages of each kind are listed; the totals count all."""

FLUSH: Final = "flush"
GROUP: Final = "group"
FAULT: Final = "fault"
CRASH: Final = "crash"
REFUSED: Final = "refused"
OVERFLOW: Final = "overflow"
CAUSES: Final = {
    FLUSH: "appended while a flush ran",
    GROUP: "overwritten by another session of its storage group, or behind it",
    FAULT: "--lose-replay-every",
    CRASH: "not flushed when the process crashed or ended",
    REFUSED: "the database does not take it",
    OVERFLOW: "too many wait for a flush",
}


class Acknowledged(NamedTuple):
    """One message that was pushed to its session, and thereby acknowledged. `inserted_at` is as pushed."""

    session_id: str
    seq: int
    inserted_at: str
    sender_id: str


def acknowledged(session: Session, message: StoredMessage) -> Acknowledged:
    """Return a message in the form the record keeps."""
    sender_id = orjson.loads(message[2])["sender_id"]
    return Acknowledged(session.id, seq_of(message), stamp_of(message).decode(), sender_id)


@dataclass(slots=True)
class LossRecord:
    """Totals by cause, and the first MAX_NAMED messages by (session_id, seq).

    `again` counts seqs assigned again after a crash had lost them.
    """

    lost: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    again: int = 0
    crashes: int = 0
    flushes: int = 0
    flushed: int = 0
    _lost_named: list[tuple[str, Acknowledged]] = field(default_factory=list)
    _changed_named: dict[tuple[str, int], Acknowledged] = field(default_factory=dict)
    _crashed: set[tuple[str, int]] = field(default_factory=set)

    def lose(self, cause: str, message: Acknowledged) -> None:
        """Note a message that will never be stored, for one of CAUSES."""
        self.lost[cause] += 1
        if self._changed_named.pop((message.session_id, message.seq), None) is not None:
            self.changed -= 1
        if len(self._lost_named) < MAX_NAMED:
            self._lost_named.append((cause, message))
            if cause == CRASH:
                self._crashed.add((message.session_id, message.seq))

    def change(self, message: Acknowledged) -> None:
        """Note a message that is stored with different content."""
        self.changed += 1
        if len(self._changed_named) < MAX_NAMED:
            self._changed_named[message.session_id, message.seq] = message

    @property
    def has_crashed(self) -> bool:
        """Whether a crash has lost messages, so that their seqs may be assigned again."""
        return bool(self._crashed)

    def give_out(self, session_id: str, seq: int) -> None:
        """Note that a seq is assigned; after a crash it may have been assigned before."""
        if (session_id, seq) in self._crashed:
            self._crashed.remove((session_id, seq))
            self.again += 1

    def as_json(self) -> dict[str, Any]:
        """Return everything; `lost` and `changed` name each message, with the cause of its loss."""
        return {
            "crashes": self.crashes,
            "flushes": self.flushes,
            "flushed": self.flushed,
            "lost_total": self.lost.total(),
            "lost_by_cause": dict(self.lost),
            "lost": [{**message._asdict(), "cause": cause} for cause, message in self._lost_named],
            "changed_total": self.changed,
            "changed": [message._asdict() for message in self._changed_named.values()],
            "seqs_given_out_again": self.again,
        }
