"""The readers: each way to read back gives digests by seq with their range, or the reason why it failed."""

from types import SimpleNamespace

import pytest

from fleetlm_users.client import RestCallFailed
from fleetlm_users.errors import DatabaseFailed, Disconnected, JoinRefused
from fleetlm_users.measure.audit.comparison import Stored
from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import AuditMemory, own_tag
from fleetlm_users.users.audit.reader import (
    MAX_PAGE,
    PAGE,
    REPLAY_LIMIT,
    DatabaseReader,
    ReplayReader,
    RestReader,
)

DIGESTS = {seq: digest_of({"text": str(seq)}) for seq in range(1, 3 * PAGE)}


def messages(seqs):
    return [{"seq": seq, "content": {"text": str(seq)}} for seq in seqs]


def session(name="s", participant="p", last=1):
    made = AuditMemory(10**6, 0.0).begin(name, "burst", participant)
    made.add(last, 0, 0.0, own_tag(1))
    return made


class Sockets:
    """Sockets whose joins replay what the test says."""

    def __init__(self):
        self.made, self.closed, self.replays, self.payloads = [], 0, {}, []

    def connect(self, participant_id):
        self.made.append(participant_id)
        return SimpleNamespace(
            participant_id=participant_id,
            down=None,
            connect=lambda: None,
            join=self.join,
            leave=lambda topic, timeout_s: None,
            close=self.close,
        )

    def join(self, topic, payload, handler, timeout_s):
        found = self.replays[topic.removeprefix("session:")]
        if isinstance(found, Exception):
            raise found
        self.payloads.append(payload)
        if "last_seq" in payload or len(found) > REPLAY_LIMIT:
            found = [message for message in found if message["seq"] > payload.get("last_seq", 0)][:REPLAY_LIMIT]
        return SimpleNamespace(response={"messages": found})

    def close(self):
        self.closed += 1


def read(reader, *sessions):
    return [found for _, found in reader.read(sessions)]


def test_a_replay_reaches_as_far_as_it_shows():
    """One of fewer than a hundred messages shows all there is."""
    sockets = Sockets()
    sockets.replays = {"a": messages(range(1, 4)), "b": messages(range(1, 101))}
    reader = ReplayReader(sockets.connect, 1.0)
    short, full = read(reader, session("a", last=5), session("b", last=150))
    assert short == Stored({seq: DIGESTS[seq] for seq in (1, 2, 3)})
    assert not full.reaches(101)
    assert full.reaches(100)


def test_sessions_of_one_participant_share_a_socket():
    """One is opened for each participant, and none stays open."""
    sockets = Sockets()
    sockets.replays = {name: [] for name in "abc"}
    reader = ReplayReader(sockets.connect, 1.0)
    read(reader, session("a", "p"), session("b", "p"), session("c", "q"))
    reader.close()
    assert sockets.made == ["p", "q"]
    assert sockets.closed == 2


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (Disconnected("eof"), "eof"),
        (JoinRefused("session:a", "unauthorized"), "join_refused"),
        (JoinRefused("session:a", "not found"), None),
    ],
)
def test_a_failed_join_is_told_and_the_next_has_a_new_socket(failure, found):
    """A session that the server does not know has nothing stored: that is an answer."""
    sockets = Sockets()
    sockets.replays = {"a": failure, "b": messages([1])}
    first, second = read(ReplayReader(sockets.connect, 1.0), session("a"), session("b"))
    assert first == Stored({}) if found is None else first.kind == found
    assert second == Stored({1: DIGESTS[1]})
    assert sockets.made == ["p", "p"]


def test_joins_name_the_seq_that_they_resume_from():
    """They use the socket of the session's participant."""
    sockets = Sockets()
    sockets.replays = {"a": messages(range(1, 251))}
    (found,) = read(ReplayReader(sockets.connect, 1.0, resumes=True), session("a", last=250))
    assert set(found.digests) == set(range(1, 251))
    assert [payload.get("last_seq") for payload in sockets.payloads] == [None, 100, 200]


LOST = 50


@pytest.mark.parametrize(
    ("rest", "is_known", "hidden"),
    [
        (lambda: Rest([seq for seq in range(1, 301) if seq != LOST]), True, ()),
        (lambda: Rest(failure=Disconnected("eof")), False, (range(LOST, LOST + 1),)),
        (lambda: None, False, (range(LOST, LOST + 1),)),
    ],
    ids=["rest", "broken-rest", "no-rest"],
)
def test_what_joins_cannot_tell_is_asked_over_rest(rest, is_known, hidden):
    """A message with more than a full replay behind it: lost, or hidden behind memory. Without REST nobody can tell."""
    sockets, rest = Sockets(), rest()
    sockets.replays = {"a": messages(seq for seq in range(1, 301) if seq != LOST)}
    listing = None if rest is None else RestReader(rest)
    asked = session("a", last=300)
    asked.add(LOST, 0, 0.0, own_tag(2))
    (found,) = read(ReplayReader(sockets.connect, 1.0, resumes=True, rest=listing), asked)
    assert found.reaches(LOST) == is_known
    assert found.hidden == hidden
    assert set(found.digests) == set(range(1, 301)) - {LOST}


def test_rest_is_not_asked_about_messages_of_others():
    """A hole in which none of the session's known messages can be is nobody's loss."""
    sockets, rest = Sockets(), Rest([1])
    sockets.replays = {"a": messages(seq for seq in range(1, 301) if seq != LOST)}
    read(ReplayReader(sockets.connect, 1.0, resumes=True, rest=RestReader(rest)), session("a", last=300))
    assert not rest.asked


def test_a_server_with_a_limit_of_its_own_is_read_to_the_end():
    """Fewer messages than requested are then not all of them."""
    rest = Rest(range(1, 2 * PAGE))
    capped = SimpleNamespace(list_messages=lambda session_id, after, limit: rest.list_messages(session_id, after, 100))
    (found,) = read(RestReader(capped), session(last=2 * PAGE))
    assert set(found.digests) == set(range(1, 2 * PAGE))


class Rest:
    """A REST API with stored messages, or a failure."""

    def __init__(self, seqs=(), failure=None, ignores_after=False):
        self.seqs, self.failure, self.ignores_after, self.asked = list(seqs), failure, ignores_after, []
        self.limits = []

    def list_messages(self, session_id, after_seq, limit):
        self.asked.append(after_seq)
        self.limits.append(limit)
        if self.failure is not None:
            raise self.failure
        return messages([seq for seq in self.seqs if self.ignores_after or seq > after_seq][:limit])


def test_rest_reads_to_the_end():
    """Messages that it does not return are not stored."""
    rest = Rest([seq for seq in range(1, 2 * PAGE) if seq != 7])
    (found,) = read(RestReader(rest), session(last=2 * PAGE))
    assert found.digests == {seq: DIGESTS[seq] for seq in rest.seqs}
    assert found.reaches(7)
    assert rest.asked[0] == 0
    assert rest.asked == sorted(set(rest.asked))


@pytest.mark.parametrize("last", [1, 5_000, 10**6])
def test_rest_asks_for_more_than_the_session_has(last):
    """Pages of the last chat protocol mix memory and database, so only a single one can be trusted."""
    rest = Rest([1])
    read(RestReader(rest), session(last=last))
    assert set(rest.limits) == {min(MAX_PAGE, 2 * last + PAGE)}


def test_a_server_that_ignores_the_page_is_not_asked_for_ever():
    """It repeats the same messages."""
    rest = Rest([1, 2], ignores_after=True)
    (found,) = read(RestReader(rest), session())
    assert set(found.digests) == {1, 2}
    assert not found.reaches(3)
    assert len(rest.asked) == 4


@pytest.mark.parametrize(
    ("status", "detail", "is_nothing"),
    [(500, "Internal Server Error", False), (404, "Not Found", False), (404, "Session not found", True)],
)
def test_a_rest_failure_is_told(status, detail, is_nothing):
    """A server without the route answers 404 as well, and that says nothing of the session."""
    failure = RestCallFailed("GET", "/sessions/:id/messages", f"http_{status}", status, detail, sent_s=0.0, done_s=0.0)
    (found,) = read(RestReader(Rest(failure=failure)), session())
    assert found == Stored({}) if is_nothing else found.kind == f"http_{status}"


class Table:
    """FleetLM's table."""

    def __init__(self, rows):
        self.rows, self.asked, self.is_closed = rows, [], False

    def messages(self, session_ids):
        self.asked.append(session_ids)
        for row in self.rows:
            if isinstance(row, Exception):
                raise row
            yield row

    def close(self):
        self.is_closed = True


def test_the_database_is_asked_for_many_sessions_at_once():
    """A session without rows has nothing stored."""
    table = Table([("a", 1, {"text": "1"}), ("a", 2, {"text": "2"}), ("b", 1, {"text": "1"})])
    reader = DatabaseReader(table)
    found = read(reader, session("a"), session("b"), session("c"))
    assert found == [Stored({1: DIGESTS[1], 2: DIGESTS[2]}), Stored({1: DIGESTS[1]}), Stored({})]
    assert table.asked == [["a", "b", "c"]]
    reader.close()
    assert table.is_closed


def test_a_database_that_fails_in_the_middle_says_nothing_of_any():
    """A part of the rows would accuse the server of the rest."""
    table = Table([("a", 1, {"text": "1"}), DatabaseFailed("it was shut down")])
    assert {found.kind for found in read(DatabaseReader(table), session("a"), session("b"))} == {"database"}
