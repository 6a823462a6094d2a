"""Storage groups whose sessions overwrite each other by seq, a defect of FleetLM at 0b7208e. Pure.

Source: the wire record of that commit, section Storage. Sessions of one group share one log with one place per seq,
which the later message takes. The group never flushes a seq twice, so a session that begins after another one loses its
messages until it has more of them than the other.
"""

import zlib
from dataclasses import dataclass, field

from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage, seq_of

Entry = tuple[Session, StoredMessage]


@dataclass(slots=True)
class StorageGroup:
    """The unflushed message at each seq, and the highest seq that was flushed."""

    log: dict[int, Entry] = field(default_factory=dict)
    flushed_seq: int = 0


class StorageGroups:
    """`count` groups; a session's group follows from its id."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._groups: dict[int, StorageGroup] = {}

    def put(self, session: Session, message: StoredMessage) -> Entry | None:
        """Take a message into its group's log; return the message lost by that: another session's, or itself."""
        group = self._groups.setdefault(self.number_of(session.id), StorageGroup())
        seq = seq_of(message)
        if seq <= group.flushed_seq:
            return session, message
        overwritten = group.log.get(seq)
        group.log[seq] = (session, message)
        return overwritten

    def number_of(self, session_id: str) -> int:
        """Return the number of a session's group."""
        return zlib.crc32(session_id.encode()) % self._count

    def flush(self) -> None:
        """Note that all logs were flushed."""
        for group in self._groups.values():
            group.flushed_seq = max(group.log, default=group.flushed_seq)
            group.log.clear()

    def forget(self) -> None:
        """Forget everything, as a restart does."""
        self._groups.clear()
