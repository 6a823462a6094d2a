"""FleetLM's message table in a real PostgreSQL, which the stand-in fills by write-behind.

The address holds a password, so no part of it appears in a log or an error, and the driver's text is not repeated.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import psycopg

from fleetlm_users.standin.chat.stored_message import StoredMessage, replay_json
from fleetlm_users.standin.storage.storage_options import StorageUnusable

ROWS_AT_ONCE: Final = 1_000
CONNECT_TIMEOUT_S: Final = 10
COLUMNS: Final = ("id", "session_id", "seq", "sender_id", "kind", "content", "metadata", "inserted_at")

# as created by FleetLM's migrations at the recorded commit, with the columns that its messages have
CREATE: Final = """
CREATE TABLE IF NOT EXISTS messages (
  id varchar(255) PRIMARY KEY,
  session_id varchar(255) NOT NULL,
  seq integer NOT NULL,
  sender_id varchar(255) NOT NULL,
  kind varchar(255) NOT NULL,
  content jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  inserted_at timestamp(0) NOT NULL
)"""
INDEX: Final = "CREATE UNIQUE INDEX IF NOT EXISTS messages_session_id_seq_index ON messages (session_id, seq)"
INSERT: Final = f"""
INSERT INTO messages ({", ".join(COLUMNS)})
SELECT * FROM unnest(
  %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::timestamp[]
) ON CONFLICT DO NOTHING"""


class MessageDatabase:
    """The table in the database at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def open(self) -> None:
        """Connect, and create the table if there is none. Raises StorageUnusable."""
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                self._address, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
            )
            await self._connection.execute(CREATE)
            await self._connection.execute(INDEX)
        except (psycopg.Error, OSError, ValueError) as problem:
            raise unusable(problem) from None

    async def write(self, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Write messages; return those that PostgreSQL does not accept, such as a text with a NUL.

        A message that is already there stays as it is, as with FleetLM. Raises StorageUnusable; then all may be written
        again.
        """
        refused: list[StoredMessage] = []
        for first in range(0, len(messages), ROWS_AT_ONCE):
            refused += await self._write_some(messages[first : first + ROWS_AT_ONCE])
        return refused

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def _write_some(self, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
        if self._connection is None or self._connection.closed:
            await self.open()
        try:
            await self._connection.execute(INSERT, columns_of(messages))  # type: ignore[union-attr]  # open has set it
        except psycopg.DataError:
            if len(messages) == 1:
                return list(messages)
            half = len(messages) // 2
            return [*await self._write_some(messages[:half]), *await self._write_some(messages[half:])]
        except (psycopg.Error, OSError) as problem:
            raise unusable(problem) from None
        return []


def columns_of(messages: Sequence[StoredMessage]) -> list[list[Any]]:
    """Return the values of COLUMNS as PostgreSQL shows them: under the stored id, in whole seconds."""
    rows = [orjson.loads(replay_json(message)) for message in messages]
    for row in rows:
        row["content"], row["metadata"] = orjson.dumps(row["content"]).decode(), orjson.dumps(row["metadata"]).decode()
    return [[row[name] for row in rows] for name in COLUMNS]


def unusable(problem: Exception) -> StorageUnusable:
    """Return an error that names its kind and SQLSTATE only: the driver's words may hold the address."""
    state = getattr(problem, "sqlstate", None)
    return StorageUnusable(f"the database cannot be used: {type(problem).__name__}{f' {state}' if state else ''}")
