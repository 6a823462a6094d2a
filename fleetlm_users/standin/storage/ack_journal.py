"""A file next to the storage with every acknowledged message, so that the next start knows what a crash lost.

It is written at once, message by message, so it survives SIGKILL; the storage never reads it. One line per fact: `A`
and an acknowledged message; `L`, a cause and a lost message; `C` and a message stored with different content.
"""

import os
from collections.abc import Container
from pathlib import Path
from typing import Final

import orjson

from fleetlm_users.standin.storage.loss_record import CRASH, Acknowledged, LossRecord
from fleetlm_users.standin.storage.storage_options import StorageUnusable

ACKNOWLEDGED: Final = b"A"
LOST: Final = b"L"
CHANGED: Final = b"C"


class AckJournal:
    """Writes facts to the end of the file at `path`. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledge(self, message: Acknowledged) -> None:
        """Note that a message is being pushed."""
        self._write(ACKNOWLEDGED, b"", message)

    def lose(self, cause: str, message: Acknowledged) -> None:
        """Note that a message will never be stored."""
        self._write(LOST, cause.encode(), message)

    def change(self, message: Acknowledged) -> None:
        """Note that a message is stored with different content."""
        self._write(CHANGED, b"", message)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def balance(self, stored: Container[tuple[str, int]], record: LossRecord) -> None:
        """Add the losses and changes of earlier processes to `record`, and the losses of the last one to the file.

        A message is lost if it was acknowledged, is not `stored` by (session_id, seq), and is not already known to be
        lost: the last process ended before flushing it. Raises StorageUnusable.
        """
        missing: dict[tuple[str, int], Acknowledged] = {}
        for kind, cause, message in self._facts():
            key = message.session_id, message.seq
            if kind == ACKNOWLEDGED:
                record.give_out(*key)
                if key not in stored:
                    missing[key] = message
            elif kind == LOST:
                missing.pop(key, None)
                record.lose(cause, message)
            else:
                record.change(message)
        record.crashes += bool(missing)
        for message in missing.values():
            record.lose(CRASH, message)
            self.lose(CRASH, message)

    def _write(self, kind: bytes, cause: bytes, message: Acknowledged) -> None:
        os.write(self._file, b"%b %b %b\n" % (kind, cause, orjson.dumps(tuple(message))))

    def _facts(self) -> list[tuple[bytes, str, Acknowledged]]:
        """Return the file's complete lines; a message cut off by a kill at the end had not been pushed yet."""
        whole, _, rest = self._path.read_bytes().rpartition(b"\n")
        if rest:
            os.truncate(self._path, len(whole) + 1 if whole else 0)
        facts = []
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                kind, cause, fields = line.split(b" ", 2)
                session_id, seq, inserted_at, sender_id = orjson.loads(fields)
                facts.append((kind, cause.decode(), Acknowledged(session_id, seq, inserted_at, sender_id)))
            except (ValueError, TypeError) as problem:
                raise StorageUnusable(f"line {number} of {self._path} is not a journal entry") from problem
        return facts
