"""Which messages are stored and which are lost, and that the stand-in's record names each one missing."""

import asyncio
import os

import pytest

from fleetlm_users.standin.chat.session_store import Caps, Store
from fleetlm_users.standin.chat.stored_message import make, seq_of
from fleetlm_users.standin.counters import Counters
from fleetlm_users.standin.faults.faults import Faults, FaultState
from fleetlm_users.standin.faults.quirks import FlushClock
from fleetlm_users.standin.storage import write_behind
from fleetlm_users.standin.storage.loss_record import CRASH, FAULT, FLUSH, GROUP, OVERFLOW, REFUSED
from fleetlm_users.standin.storage.storage_options import StorageOptions, StorageUnusable
from fleetlm_users.standin.storage.write_behind import WriteBehind

FLUSH_BEGINS_S = FlushClock().next_s(1_700_000_000.0) + 1e-6
BETWEEN_FLUSHES_S = FLUSH_BEGINS_S + 0.15


class PlayedDatabase:
    """A database that fails, refuses or waits as the test says."""

    def __init__(self):
        self.rows, self.refuses, self.fails = [], set(), False
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def open(self):
        """It is always there."""

    async def write(self, messages):
        await self.may_write.wait()
        if self.fails:
            raise StorageUnusable("it does not answer")
        refused = [message for message in messages if seq_of(message) in self.refuses]
        self.rows += [seq_of(message) for message in messages if message not in refused]
        return refused

    async def close(self):
        """It stays."""


class Scene:
    """A storage with sessions; `append` takes messages into it."""

    def __init__(self, faults=None, database=None, **options):
        self.store = Store(Caps(), Counters())
        self.database = database
        self.storage = WriteBehind(StorageOptions(**options), self.store, FaultState(Faults(**faults or {})), database)
        self.sessions = []

    def session(self):
        number = len(self.sessions)
        session = self.store.create(id=f"s{number}", user_id="u", agent_id="a", metadata={}, now_s=0.0)
        self.sessions.append(session)
        return session

    def append(self, session, count=1, now_s=BETWEEN_FLUSHES_S):
        for _ in range(count):
            session.seq += 1
            content = b'{"text":"%d"}' % session.seq
            message = make(
                session.seq,
                id=b"0" * 26,
                stamp=b"2026-11-23T20:11:12.413308",
                sender=b'"u"',
                kind=b'"text"',
                content=content,
                metadata=b"{}",
                session_id=session.id.encode(),
            )
            self.storage.take(session, message, now_s)

    def flush(self):
        asyncio.run(self.storage.flush())

    def lost(self):
        return [(entry["session_id"], entry["seq"], entry["cause"]) for entry in self.storage.as_json()["lost"]]


def seqs(session):
    return [seq_of(message) for message in session.messages]


def test_what_is_in_the_log_can_be_read_and_is_flushed():
    """Nothing is lost."""
    scene = Scene(flush_ms=300)
    session = scene.session()
    scene.append(session, 5)
    assert (seqs(session), scene.storage.unflushed, session.flushed_seq) == ([1, 2, 3, 4, 5], 5, 0)
    scene.flush()
    record = scene.storage.as_json()
    assert (scene.storage.unflushed, session.flushed_seq, record["flushed"], record["lost_total"]) == (0, 5, 5, 0)


def test_a_crash_loses_what_is_not_flushed_and_the_seqs_are_given_out_again():
    """Each is named; sessions that lost nothing go on where they were."""
    scene = Scene(flush_ms=300)
    session, other = scene.session(), scene.session()
    scene.append(session, 3)
    scene.append(other, 2)
    scene.flush()
    scene.append(session, 2)
    scene.storage.clear()
    assert scene.lost() == [("s0", 4, CRASH), ("s0", 5, CRASH)]
    assert (seqs(session), session.seq, other.seq, scene.storage.unflushed) == ([1, 2, 3], 3, 2, 0)
    scene.append(session, 3)
    scene.append(other, 1)
    assert scene.storage.as_json()["seqs_given_out_again"] == 2
    assert scene.store.stored_bytes == sum(200 + len(m[2]) for s in scene.sessions for m in s.messages)


def test_a_session_that_never_flushed_begins_again():
    """Its first seq is 1."""
    scene = Scene(flush_ms=300)
    session = scene.session()
    scene.append(session, 2)
    scene.storage.clear()
    assert (seqs(session), session.head, session.seq) == ([], [], 0)


def test_what_is_appended_during_a_flush_is_lost():
    """It was pushed, and stays without a place in any read."""
    scene = Scene(flush_ms=300, lose_during_flush=True)
    session = scene.session()
    scene.append(session, 1, FLUSH_BEGINS_S)
    scene.append(session, 1, BETWEEN_FLUSHES_S)
    assert (seqs(session), scene.lost()) == ([2], [("s0", 1, FLUSH)])


@pytest.mark.parametrize("flush_ms", [0, 300])
def test_every_nth_message_is_never_stored(flush_ms):
    """The other options do not matter; each message is named."""
    scene = Scene({"lose_replay_every": 3}, flush_ms=flush_ms)
    session = scene.session()
    scene.append(session, 7)
    scene.flush()
    assert (seqs(session), scene.lost()) == ([1, 2, 4, 5, 7], [("s0", 3, FAULT), ("s0", 6, FAULT)])


def test_every_nth_message_is_stored_with_another_text():
    """The text is stored in the same place."""
    scene = Scene({"change_every": 2}, flush_ms=300)
    session = scene.session()
    scene.append(session, 4)
    contents = [payload.partition(b',"id"')[0] for _, _, payload in session.messages]
    assert contents[1] == b'{"content":{"text":"2 (changed)"}'
    assert contents[2] == b'{"content":{"text":"3"}'
    record = scene.storage.as_json()
    assert ([entry["seq"] for entry in record["changed"]], record["changed_total"]) == ([2, 4], 2)
    assert record["lost_total"] == 0


def test_sessions_of_one_group_overwrite_each_other():
    """An overwritten message can no longer be read."""
    scene = Scene(flush_ms=5000, groups=1)
    first, second = scene.session(), scene.session()
    scene.append(first, 3)
    scene.append(second, 2)
    assert (seqs(first), seqs(second)) == ([3], [1, 2])
    scene.flush()
    scene.append(second, 2)
    assert scene.lost() == [("s0", 1, GROUP), ("s0", 2, GROUP), ("s1", 3, GROUP)]
    assert seqs(second) == [1, 2, 4]


def test_what_the_database_refuses_is_lost():
    """It is named."""
    scene = Scene(flush_ms=300, database=PlayedDatabase())
    scene.database.refuses = {2}
    session = scene.session()
    scene.append(session, 3)
    scene.flush()
    assert (scene.database.rows, seqs(session), scene.lost()) == ([1, 3], [1, 3], [("s0", 2, REFUSED)])


def test_a_database_that_fails_gets_everything_with_the_next_flush(caplog):
    """They keep their order; until then a crash loses them."""
    scene = Scene(flush_ms=300, database=PlayedDatabase())
    session = scene.session()
    scene.database.fails = True
    scene.append(session, 2)
    scene.flush()
    assert scene.storage.unflushed == 2
    assert "2 messages wait for the next flush" in caplog.text
    scene.append(session, 1)
    scene.database.fails = False
    scene.flush()
    assert (scene.database.rows, scene.storage.unflushed) == ([1, 2, 3], 0)
    scene.database.fails = True
    scene.append(session, 1)
    scene.flush()
    scene.storage.clear()
    assert scene.lost() == [("s0", 4, CRASH)]


@pytest.mark.parametrize(("fails", "lost"), [(False, []), (True, [("s0", 1, CRASH)])])
def test_a_crash_while_the_database_writes(fails, lost):
    """Messages being written are stored or not, as the database says."""

    async def run():
        scene = Scene(flush_ms=300, database=PlayedDatabase())
        session = scene.session()
        scene.append(session, 1)
        scene.database.may_write.clear()
        flush = asyncio.create_task(scene.storage.flush())
        await asyncio.sleep(0)
        assert scene.storage.unflushed == 1
        scene.storage.clear()
        assert scene.lost() == []
        scene.database.fails = fails
        scene.database.may_write.set()
        await flush
        return scene, session

    scene, session = asyncio.run(run())
    assert (scene.lost(), seqs(session)) == (lost, [] if fails else [1])


def test_the_log_is_bounded(monkeypatch):
    """A database may stay away for long."""
    monkeypatch.setattr(write_behind, "MAX_UNFLUSHED", 2)
    scene = Scene(flush_ms=300)
    session = scene.session()
    scene.append(session, 3)
    assert (seqs(session), scene.lost()) == ([1, 2], [("s0", 3, OVERFLOW)])


def test_plain_storage_is_not_asked():
    """It has nowhere to write and nothing to lose."""
    assert Scene().storage.is_plain
    assert not Scene(flush_ms=1).storage.is_plain


def test_a_disk_that_is_full_keeps_the_log(monkeypatch, caplog):
    """The flush is tried again."""

    class FullFile:
        def save_messages(self, messages):
            raise OSError(28, os.strerror(28))

    scene = Scene(flush_ms=300)
    session = scene.session()
    scene.storage.file = FullFile()
    scene.append(session, 2)
    scene.flush()
    assert (scene.storage.unflushed, session.flushed_seq) == (2, 0)
    assert "No space left on device" in caplog.text
    scene.storage.file = None
    scene.flush()
    assert (scene.storage.unflushed, session.flushed_seq) == (0, 2)
