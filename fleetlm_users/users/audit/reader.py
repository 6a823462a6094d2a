"""The ways to read back what a server has stored: a join's replay, REST, the database. A protocol picks its readers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Protocol

from fleetlm_users.client import MessageTable, PhoenixSocket, RestApi, read_replay
from fleetlm_users.errors import ClientError, FleetlmError, JoinRefused, RestFailed
from fleetlm_users.measure.audit.comparison import Stored, window
from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import SessionMemory

REPLAY_LIMIT: Final = 100
"""A join replays at most this many messages (wire record)."""

PAGE: Final = 1_000
"""The fewest messages that one REST read asks for."""

MAX_PAGE: Final = 20_000
"""The most messages that one REST read asks for: an answer of some eight megabytes, the most the client accepts."""

NOTHING: Final = Stored({})

Read = tuple[SessionMemory, Stored | FleetlmError]
"""A session with what is stored of it, or with the reason why that could not be read."""


class StoredReader(Protocol):
    """Reads sessions back. One greenlet uses it at a time."""

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with what is stored of it; a failure is yielded with its session, not raised."""

    def close(self) -> None:
        """Free its connection."""


class ReplayReader:
    """Joins each session as its participant, over one socket for sessions of the same one in a row.

    `resumes` says whether a join may name the seq after which its replay begins: then whole sessions are read, join by
    join.
    """

    def __init__(self, connect: Callable[[str], PhoenixSocket], timeout_s: float, *, resumes: bool = False) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._resumes = resumes
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
        if self._resumes:
            return whole_replay(lambda last_seq: self._replay(session, last_seq))
        return window(self._replay(session, 0), REPLAY_LIMIT, last_known(session))

    def _replay(self, session: SessionMemory, last_seq: int) -> dict[int, int]:
        socket = self._socket_of(session.participant_id)
        return digests_of(read_replay(socket, session.session_id, self._timeout_s, last_seq))

    def _socket_of(self, participant_id: str) -> PhoenixSocket:
        if self._socket is None or self._socket.participant_id != participant_id or self._socket.down is not None:
            self.close()
            self._socket = socket = self._connect(participant_id)
            socket.connect()
        return self._socket


class RestReader:
    """Reads the messages of each session over REST, in one page that is longer than the session is known to be.

    FleetLM's last chat protocol mixes messages in memory with those in the database, so a client that continues after a
    full page may miss messages (late wire record: "Replay and REST reads").
    """

    def __init__(self, rest: RestApi) -> None:
        self._rest = rest

    def read(self, sessions: Sequence[SessionMemory]) -> Iterator[Read]:
        """Yield each session with all of its stored messages."""
        for session in sessions:
            try:
                stored = Stored(self._all_of(session))
            except ClientError as failure:
                yield session, NOTHING if is_gone(failure) else failure.with_traceback(None)
            else:
                yield session, stored

    def close(self) -> None:
        """Do nothing: the pool is the run's."""

    def _all_of(self, session: SessionMemory) -> dict[int, int]:
        stored: dict[int, int] = {}
        after_seq = 0
        limit = min(MAX_PAGE, 2 * last_known(session) + PAGE)
        while page := digests_of(self._rest.list_messages(session.session_id, after_seq, limit)):
            stored |= page
            if max(page) <= after_seq:  # otherwise a server that ignores after_seq would be asked forever
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


def whole_replay(read: Callable[[int], dict[int, int]]) -> Stored:
    """Return all that is stored of a session whose joins may name the seq after which their replay begins.

    A full replay need not hold the next hundred messages: it includes those that are only in memory, whatever lies
    before them (late wire record: 1 to 99, then 131). Such a replay ends with the session's newest message. So if
    nothing follows a full replay, a further join asks about each hole in it. If a hundred messages of a session are
    only in memory, because the server has not flushed for long, that server looks like one that lost the messages
    before them; so `--audit-after` should be two flush periods.

    Args:
        read: Returns the digests by seq of one replay after a seq.
    """
    digests: dict[int, int] = {}
    full: list[int] = []
    after_seq = 0
    while True:
        page = _after(read(after_seq), after_seq)
        digests |= page
        if len(page) >= REPLAY_LIMIT:
            full, after_seq = sorted(page), max(page)
        elif page or not full:
            return Stored(digests)
        else:
            break
    while (before := _before_hole(full)) is not None:
        page = _after(read(before), before)
        digests |= page
        if len(page) < REPLAY_LIMIT:
            break
        full = sorted(page)
    return Stored(digests)


def _after(page: Mapping[int, int], seq: int) -> dict[int, int]:
    return {each: digest for each, digest in page.items() if each > seq}


def _before_hole(seqs: Sequence[int]) -> int | None:
    """Return the last seq before the first hole in a rising row; None where there is no hole."""
    return next((seq for seq, following in pairwise(seqs) if following > seq + 1), None)


def last_known(session: SessionMemory) -> int:
    """Return the highest seq that was acknowledged or pushed in the session."""
    return max((message.seq for message in session.messages()), default=0)


def is_gone(failure: ClientError) -> bool:
    """Return whether the server says that it does not know the session: then nothing of it is stored.

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
