"""The ways to read back what a server has stored: a join's replay, REST, the database. A protocol picks its readers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from fleetlm_users.client import MessageTable, PhoenixSocket, RestApi, read_replay
from fleetlm_users.errors import ClientError, FleetlmError, JoinRefused, RestFailed
from fleetlm_users.measure.audit.comparison import Stored, window
from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import SessionMemory

REPLAY_LIMIT: Final = 100
"""A join replays at most this many messages (wire record)."""

PAGE: Final = 1_000
"""Messages in one page of a REST read."""

NOTHING: Final = Stored({})

Read = tuple[SessionMemory, Stored | FleetlmError]
"""A session with what is stored of it, or with why that could not be read."""


class StoredReader(Protocol):
    """Reads sessions back. One greenlet uses it at a time."""

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with what is stored of it; a failure of one is yielded and not raised."""

    def close(self) -> None:
        """Free its connection."""


class ReplayReader:
    """Joins each session as its participant, over one socket for sessions of the same one in a row."""

    def __init__(self, connect: Callable[[str], PhoenixSocket], timeout_s: float) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._socket: PhoenixSocket | None = None

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with its replay."""
        for session in sessions:
            try:
                messages = read_replay(self._socket_of(session.participant_id), session.session_id, self._timeout_s)
            except ClientError as failure:
                self.close()
                yield session, NOTHING if is_gone(failure) else failure.with_traceback(None)
            else:
                last_known = max((message.seq for message in session.messages()), default=0)
                yield session, window(digests_of(messages), REPLAY_LIMIT, last_known)

    def close(self) -> None:
        """Close the socket."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _socket_of(self, participant_id: str) -> PhoenixSocket:
        if self._socket is None or self._socket.participant_id != participant_id or self._socket.down is not None:
            self.close()
            self._socket = socket = self._connect(participant_id)
            socket.connect()
        return self._socket


class RestReader:
    """Reads the messages of each session over REST, page by page to the end."""

    def __init__(self, rest: RestApi) -> None:
        self._rest = rest

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with all of its stored messages."""
        for session in sessions:
            try:
                stored = Stored(self._all_of(session.session_id))
            except ClientError as failure:
                yield session, NOTHING if is_gone(failure) else failure.with_traceback(None)
            else:
                yield session, stored

    def close(self) -> None:
        """Do nothing: the pool is the run's."""

    def _all_of(self, session_id: str) -> dict[int, int]:
        stored: dict[int, int] = {}
        after_seq = 0
        while page := digests_of(self._rest.list_messages(session_id, after_seq, PAGE)):
            stored |= page
            if max(page) <= after_seq:  # a server that ignores after_seq would be asked for ever
                break
            after_seq = max(page)
        return stored


class DatabaseReader:
    """Reads sessions from FleetLM's own table, many at a time."""

    def __init__(self, table: MessageTable) -> None:
        self._table = table

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with its stored messages."""
        stored: dict[str, dict[int, int]] = {session.session_id: {} for session in sessions}
        try:
            for session_id, seq, content in self._table.messages(list(stored)):
                stored[session_id][seq] = digest_of(content)
        except ClientError as failure:
            yield from ((session, failure.with_traceback(None)) for session in sessions)
            return
        yield from ((session, Stored(stored[session.session_id])) for session in sessions)

    def close(self) -> None:
        """Close the connection."""
        self._table.close()


def is_gone(failure: ClientError) -> bool:
    """Return whether the server says that it does not know the session: then nothing of it is stored.

    Its words at the recorded commit: `not found` for a join, `Session not found` with status 404 over REST. Another
    404 is one of a server that has no such route.
    """
    if isinstance(failure, JoinRefused):
        return failure.reason == "not found"
    return isinstance(failure, RestFailed) and failure.status == 404 and "session not found" in failure.detail.lower()


def digests_of(messages: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return the digest of each message's content by its seq; what has no seq is no message."""
    return {
        message["seq"]: digest_of(message.get("content"))
        for message in messages
        if isinstance(message, Mapping) and type(message.get("seq")) is int
    }
