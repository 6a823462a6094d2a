"""The ways to read back stored messages: a join's replay, REST, the database. A protocol picks its readers."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from fleetlm_users.client import MessageTable, PhoenixSocket, RestApi, read_replay
from fleetlm_users.errors import ClientError, FleetlmError, JoinRefused, RestFailed
from fleetlm_users.measure.audit.comparison import Stored, window
from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import SessionMemory
from fleetlm_users.measure.audit.paged_reading import MessagePage, read_whole

REPLAY_LIMIT: Final = 100
"""A join replays at most this many messages (wire record)."""

PAGE: Final = 1_000
"""The fewest messages that one REST read asks for."""

MAX_PAGE: Final = 20_000
"""The most messages that one REST read asks for: an answer of some eight megabytes, the most the client accepts."""

NOTHING: Final = Stored({})

Read = tuple[SessionMemory, Stored | FleetlmError]
"""A session with its stored messages, or with the reason why they could not be read."""


class StoredReader(Protocol):
    """Reads sessions back. One greenlet uses it at a time."""

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with its stored messages; a failure is yielded with its session, not raised."""

    def close(self) -> None:
        """Free its connection."""


class ReplayReader:
    """Joins each session as its participant, over one socket for consecutive sessions of the same one.

    `resumes` says whether a join may name the seq after which its replay begins: then whole sessions are read, join by
    join. `rest`, if given, is asked what joins cannot tell: whether a message is lost or hidden behind a full replay of
    memory.
    """

    def __init__(
        self,
        connect: Callable[[str], PhoenixSocket],
        timeout_s: float,
        *,
        resumes: bool = False,
        rest: "RestReader | None" = None,
    ) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._resumes = resumes
        self._rest = rest
        self._socket: PhoenixSocket | None = None

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with its replay."""
        for session in sessions:
            try:
                stored = self._stored(session)
            except ClientError as failure:
                self.close()
                yield session, NOTHING if is_gone(failure) else failure.with_traceback(None)
            else:
                yield session, stored

    def close(self) -> None:
        """Close the socket."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _stored(self, session: SessionMemory) -> Stored:
        if not self._resumes:
            return window(self._replay(session, 0).digests, REPLAY_LIMIT, last_known(session))
        stored = read_whole(lambda last_seq: self._replay(session, last_seq), REPLAY_LIMIT)
        if self._rest is not None and _is_in_doubt(session, stored):
            with contextlib.suppress(ClientError):  # stays in doubt
                listed = self._rest.above(session, stored.hidden[0].start - 1)
                return Stored({**stored.digests, **listed.digests}, last=listed.last, hidden=listed.hidden)
        return stored

    def _replay(self, session: SessionMemory, last_seq: int) -> MessagePage:
        socket = self._socket_of(session.participant_id)
        replay = read_replay(socket, session.session_id, self._timeout_s, last_seq)
        return MessagePage(digests_of(replay), len(replay) >= REPLAY_LIMIT)

    def _socket_of(self, participant_id: str) -> PhoenixSocket:
        if self._socket is None or self._socket.participant_id != participant_id or self._socket.down is not None:
            self.close()
            self._socket = socket = self._connect(participant_id)
            socket.connect()
        return self._socket


class RestReader:
    """Reads the messages of each session over REST, in one page longer than the session is known to be.

    FleetLM's last chat protocol mixes messages in memory with those in the database, so a client that continues after a
    full page may miss messages (late wire record: "Replay and REST reads").
    """

    def __init__(self, rest: RestApi) -> None:
        self._rest = rest

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with all of its stored messages."""
        for session in sessions:
            try:
                stored = self.above(session)
            except ClientError as failure:
                yield session, NOTHING if is_gone(failure) else failure.with_traceback(None)
            else:
                yield session, stored

    def close(self) -> None:
        """Do nothing: the pool is the run's."""

    def above(self, session: SessionMemory, after_seq: int = 0) -> Stored:
        """Return the stored messages of a session above a seq. Raise ClientError."""
        limit = min(MAX_PAGE, 2 * last_known(session) + PAGE)
        return read_whole(lambda seq: self._page(session.session_id, seq, limit), limit, after_seq)

    def _page(self, session_id: str, after_seq: int, limit: int) -> MessagePage:
        """Return one page; on a server with a limit of its own, it is also full if more follows."""
        messages = self._rest.list_messages(session_id, after_seq, limit)
        page = digests_of(messages)
        is_full = len(messages) >= limit
        if not is_full and page:
            is_full = bool(self._rest.list_messages(session_id, max(page), limit))
        return MessagePage(page, is_full)


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


def _is_in_doubt(session: SessionMemory, stored: Stored) -> bool:
    """Return whether a hole in the reading matters: one of this session's messages may be in it."""
    return bool(stored.hidden) and any(
        message.is_unconfirmed or not stored.reaches(message.seq) for message in session.messages()
    )


def last_known(session: SessionMemory) -> int:
    """Return the highest seq acknowledged or pushed in the session."""
    return max((message.seq for message in session.messages()), default=0)


def is_gone(failure: ClientError) -> bool:
    """Return whether the server says that it does not know the session: nothing of it is stored then.

    Its texts at the recorded commit: `not found` for a join, `Session not found` with status 404 over REST. Any other
    404 means that the server has no such route.
    """
    if isinstance(failure, JoinRefused):
        return failure.reason == "not found"
    return isinstance(failure, RestFailed) and failure.status == 404 and "session not found" in failure.detail.lower()


def digests_of(messages: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return the digest of each message's content by its seq; entries without a seq are not messages."""
    return {
        message["seq"]: digest_of(message.get("content"))
        for message in messages
        if isinstance(message, Mapping) and type(message.get("seq")) is int
    }
