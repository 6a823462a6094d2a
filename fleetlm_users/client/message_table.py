"""FleetLM's message table in its PostgreSQL, read and never written.

The table at the recorded commit: `messages` with id, session_id, seq, sender_id, kind, content (jsonb), metadata,
inserted_at, unique on (session_id, seq).

No error shows any part of the address: it holds a password, and host and user are private too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import gevent
import orjson

from fleetlm_users.errors import DatabaseFailed, UsageError
from fleetlm_users.foreign_text import printable
from fleetlm_users.quoting import Described
from fleetlm_users.workload.urls import DATABASE_EXAMPLE

if TYPE_CHECKING:
    import psycopg

ROWS_AT_ONCE: Final = 500
"""How many rows are decoded without letting other greenlets run: 3 ms."""

STATEMENT_TIMEOUT_MS: Final = 60_000
INSTALL: Final = 'pip install "fleetlm-locust[audit]"'
FLAG: Final = "--audit-database (AUDIT_DATABASE)"

_COLUMNS: Final = "SELECT session_id, seq, content FROM messages"
_OF_SESSIONS: Final = f"{_COLUMNS} WHERE session_id = ANY(%s)"
_LIMIT: Final = f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"
_PROBE: Final = f"{_COLUMNS} WHERE false"

# PostgreSQL documentation, appendix A: error codes
_STATES: Final[Mapping[str, str]] = {
    "28P01": "the password is wrong",
    "28000": "the server does not admit this user",
    "3D000": "there is no such database",
    "42P01": "it has no table messages: it is not FleetLM's, or not migrated",
    "42703": "its table messages lacks the columns session_id, seq and content",
    "42501": "this user may not read the table messages",
    "53300": "it has no connections left",
    "57014": f"the query took longer than {STATEMENT_TIMEOUT_MS // 1000} s",
    "57P01": "it was shut down",
    "57P03": "it is starting up",
}
# what libpq says about a failed connection, which has no code
_FAILURES: Final[Sequence[tuple[str, str]]] = (
    ("password authentication failed", _STATES["28P01"]),
    ("no password supplied", "it requires a password, and the address has none"),
    ("no pg_hba.conf entry", _STATES["28000"]),
    ("does not exist", "there is no such database or user"),
    ("too many", _STATES["53300"]),
    ("starting up", _STATES["57P03"]),
    ("Connection refused", "the connection was refused: nothing listens there"),
    ("could not translate", "its host name is not known"),
    ("Name or service", "its host name is not known"),
    ("resolve", "its host name is not known"),
    ("timeout", "it did not answer in time"),
    ("No such file", "there is no such socket"),
    ("SSL", "TLS could not be negotiated"),
    ("invalid", "it is not the address of a PostgreSQL server"),
    ("missing", "it is not the address of a PostgreSQL server"),
)
_UNKNOWN: Final = "it cannot be read"


class MessageTable:
    """The table in the database at an address; connects on first use."""

    def __init__(self, address: str, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[Any] | None = None

    def __repr__(self) -> str:
        return f"<MessageTable {'connected' if self._connection is not None else 'not connected'}>"

    def check(self) -> None:
        """Check that the table can be read. Raise UsageError that says what is missing."""
        try:
            with self._transaction() as cursor:
                cursor.execute(_PROBE)
        except Exception as failure:
            problem = failed(failure).problem
            accepted = f"the address of FleetLM's PostgreSQL: {problem}"
            raise UsageError(FLAG, Described("this address"), accepted, DATABASE_EXAMPLE) from None

    def messages(self, session_ids: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
        """Yield session id, seq and content of every stored message of these sessions. Raise DatabaseFailed."""
        try:
            with self._transaction() as cursor:
                cursor.execute(_OF_SESSIONS, (list(session_ids),))
                while rows := cursor.fetchmany(ROWS_AT_ONCE):
                    yield from rows
                    gevent.sleep(0)
        except Exception as failure:
            self.close()  # a broken connection is not reused
            raise failed(failure) from None

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator["psycopg.Cursor[Any]"]:
        """Yield a cursor of a read-only transaction.

        No setting outlives it: a pooler gives the same server connection to others as well.
        """
        with self._connected().transaction(), self._connected().cursor() as cursor:
            cursor.execute(_LIMIT)
            yield cursor

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._connection is None:
            self._connection = _connect(self._address, self._timeout_s)
        return self._connection


def _connect(address: str, timeout_s: float) -> "psycopg.Connection[Any]":
    """Return a connection on which nothing can be written. Raise DatabaseFailed."""
    driver = _driver()
    from psycopg.types.json import set_json_loads  # noqa: PLC0415 - an optional dependency

    try:
        connection: psycopg.Connection[Any] = driver.connect(
            address, connect_timeout=max(1, round(timeout_s)), prepare_threshold=None
        )
        connection.read_only = True
        set_json_loads(orjson.loads, connection)
    except Exception as failure:
        raise failed(failure) from None
    return connection


def _driver() -> ModuleType:
    try:
        import psycopg  # noqa: PLC0415 - an optional dependency
    except ImportError as missing:
        raise DatabaseFailed(f"the package psycopg is not installed: {INSTALL}", "no_driver") from missing
    return psycopg


def failed(failure: Exception) -> DatabaseFailed:
    """Return an error of the driver in our words, without any part of the address."""
    if isinstance(failure, DatabaseFailed):
        return failure
    state = getattr(failure, "sqlstate", None)
    if isinstance(state, str) and state in _STATES:
        return DatabaseFailed(_STATES[state], f"sqlstate_{state}")
    said = str(failure)
    for sign, words in _FAILURES:
        if sign.lower() in said.lower():
            return DatabaseFailed(words)
    if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state):
        return DatabaseFailed(f"PostgreSQL's error {printable(state)}", f"sqlstate_{state}")
    return DatabaseFailed(_UNKNOWN)
