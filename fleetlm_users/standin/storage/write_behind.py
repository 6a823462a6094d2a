"""A message's way into storage: an unflushed log, periodic flushes, and losses on the way."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.session_store import Store
from fleetlm_users.standin.chat.stored_message import StoredMessage, changed, seq_of
from fleetlm_users.standin.faults.faults import FaultState
from fleetlm_users.standin.faults.quirks import FLUSH_SPREAD, FlushClock
from fleetlm_users.standin.storage.ack_journal import AckJournal
from fleetlm_users.standin.storage.loss_record import (
    CRASH,
    FAULT,
    FLUSH,
    GROUP,
    OVERFLOW,
    REFUSED,
    LossRecord,
    acknowledged,
)
from fleetlm_users.standin.storage.storage_file import StorageFile
from fleetlm_users.standin.storage.storage_groups import Entry, StorageGroups
from fleetlm_users.standin.storage.storage_options import StorageOptions, StorageUnusable

LOG = logging.getLogger(__name__)

MAX_UNFLUSHED: Final = 1_000_000
"""The most messages in the log, for example while a database is down; further ones are lost."""


class Database(Protocol):
    """The database that messages are written to."""

    async def open(self) -> None:
        """Connect. Raises StorageUnusable."""

    async def write(self, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Write messages; return those it does not accept. Raises StorageUnusable."""

    async def close(self) -> None:
        """Disconnect."""


class WriteBehind:
    """Takes each message of `store` that is not kept in memory alone, and records its fate.

    Reads see both stored messages and those still in the log. `run` flushes the log once per period of the options.
    """

    def __init__(
        self, options: StorageOptions, store: Store, faults: FaultState, database: Database | None = None
    ) -> None:
        self.record = LossRecord()
        self.is_plain = options.is_plain
        self.clock = FlushClock(
            options.flush_ms / 1000,
            options.flush_us_per_message / 1_000_000,
            FLUSH_SPREAD if options.lose_during_flush else 0.0,
        )
        self._options = options
        self._store = store
        self._faults = faults
        self._groups = StorageGroups(options.groups) if options.groups else None
        self._log: dict[tuple[str, int], Entry] = {}
        self._behind: list[Entry] = []  # messages that the file has and the database does not have yet
        self._in_flight = 0
        self._crashes = 0
        self._flushing = asyncio.Lock()
        self.file: StorageFile | None = None
        self.journal: AckJournal | None = None
        self._database = database

    @property
    def unflushed(self) -> int:
        """How many messages have not yet reached every place where they will be stored."""
        return len(self._log) + len(self._behind) + self._in_flight

    async def catch_up(self, messages: Sequence[StoredMessage]) -> None:
        """Open the database, and write messages that the file has and the database may lack."""
        if self._database is not None:
            await self._database.open()
            await self._database.write(messages)

    async def run(self) -> None:
        """Flush periodically, forever."""
        while self._options.flush_ms:
            now_s = time.time()
            await asyncio.sleep(self.clock.next_s(now_s) - now_s)
            try:
                await self.flush()
            except Exception:  # whatever goes wrong in one flush, the next one is tried
                LOG.exception("a flush failed")

    async def close(self) -> None:
        """Close everything. Unflushed messages are lost however the process is stopped, as with FleetLM."""
        if self._database is not None:
            await self._database.close()
        for opened in (self.file, self.journal):
            if opened is not None:
                opened.close()

    def take(self, session: Session, message: StoredMessage, now_s: float) -> None:
        """Store a message that is about to be pushed, or lose or change it. `now_s` is the wall clock."""
        record, faults = self.record, self._faults
        if record.has_crashed:
            record.give_out(session.id, seq_of(message))
        if self.journal is not None:
            self.journal.acknowledge(acknowledged(session, message))
        is_changed = False
        if not faults.quiet:
            if not faults.stores():
                self._lose(FAULT, session, message)
                return
            is_changed = faults.changes()
        if self._options.lose_during_flush and not self.clock.stores(now_s):
            self._lose(FLUSH, session, message)
            return
        if len(self._log) >= MAX_UNFLUSHED:
            self._lose(OVERFLOW, session, message)
            return
        if is_changed:
            message = self._change(session, message)
        if self._groups is not None and not self._takes_its_place(self._groups, session, message):
            return
        self._store.keep(session, message)
        if self._options.flush_ms:
            self._log[session.id, seq_of(message)] = session, message
        elif self.file is not None:
            self.file.save_messages((message,))

    async def flush(self) -> None:
        """Store the log; if the database fails, try again with the next flush."""
        async with self._flushing:
            log, self._log = list(self._log.values()), {}
            if not self._write_file(log):
                self._log = _by_place(log)
                return
            if self._groups is not None:
                self._groups.flush()
            waiting = len(log) + len(self._behind)
            if self._database is None or await self._write_to(self._database, log):
                self.record.flushes += 1
                self.record.flushed += waiting
                for session, message in log:
                    session.flushed_seq = max(session.flushed_seq, seq_of(message))

    def clear(self) -> None:
        """Crash: lose the log. The next seq of each session follows its highest stored one."""
        log, self._log = list(self._log.values()), {}
        self._crashes += 1
        self.record.crashes += 1
        for session, message in log:
            self._forget(CRASH, session, message)
        if self._groups is not None:
            self._groups.forget()
        for session in self._store.sessions.values():
            session.held = []
            newest = session.newest(1)
            session.seq = max(session.flushed_seq, seq_of(newest[-1]) if newest else 0)

    def as_json(self) -> dict[str, Any]:
        """Return the record, and how many messages are unflushed."""
        return {"flush_ms": self._options.flush_ms, "unflushed": self.unflushed, **self.record.as_json()}

    def _takes_its_place(self, groups: StorageGroups, session: Session, message: StoredMessage) -> bool:
        """Return whether the message goes into the log; any message it overwrites there is lost."""
        lost = groups.put(session, message)
        if lost is None:
            return True
        if lost[1] is message:
            self._lose(GROUP, session, message)
            return False
        del self._log[lost[0].id, seq_of(lost[1])]
        self._forget(GROUP, *lost)
        return True

    def _write_file(self, log: list[Entry]) -> bool:
        """Return whether the file, if any, has the log now; if not, the log is kept for the next flush."""
        try:
            if self.file is not None:
                self.file.save_messages(message for _, message in log)
        except OSError as problem:
            LOG.warning("the storage file: %s; %d messages wait for the next flush", problem.strerror, len(log))
            return False
        return True

    async def _write_to(self, database: Database, log: list[Entry]) -> bool:
        """Return whether the database has everything now; if not, it is kept for the next flush."""
        crashes, entries = self._crashes, [*self._behind, *log]
        self._behind, self._in_flight = [], len(entries)
        try:
            refused = set(await database.write([message for _, message in entries]))
        except StorageUnusable as problem:
            LOG.warning("%s; %d messages wait for the next flush", problem, len(entries))
            self._keep_for_later(entries, crashes)
            return False
        finally:
            self._in_flight = 0
        for session, message in entries:
            if message in refused:
                self._forget(REFUSED, session, message)
        return True

    def _keep_for_later(self, entries: list[Entry], crashes: int) -> None:
        if self.file is not None:  # which has them, whatever happens
            self._behind = entries
        elif crashes == self._crashes:
            self._log = _by_place(entries) | self._log
        else:  # it crashed meanwhile
            for session, message in entries:
                self._forget(CRASH, session, message)

    def _change(self, session: Session, message: StoredMessage) -> StoredMessage:
        entry = acknowledged(session, message)
        self.record.change(entry)
        if self.journal is not None:
            self.journal.change(entry)
        return changed(message)

    def _lose(self, cause: str, session: Session, message: StoredMessage) -> None:
        entry = acknowledged(session, message)
        self.record.lose(cause, entry)
        if self.journal is not None:
            self.journal.lose(cause, entry)

    def _forget(self, cause: str, session: Session, message: StoredMessage) -> None:
        """Lose a message that could be read until now."""
        self._lose(cause, session, message)
        self._store.forget(session, seq_of(message))


def _by_place(entries: Sequence[Entry]) -> dict[tuple[str, int], Entry]:
    return {(session.id, seq_of(message)): (session, message) for session, message in entries}
