"""The file from which a stand-in starts again."""

import os

import pytest

from fleetlm_users.standin.agent.agents import Agents
from fleetlm_users.standin.storage.restart import restore
from fleetlm_users.standin.storage.storage_file import StorageFile
from fleetlm_users.standin.storage.storage_options import StorageUnusable
from tests.standin.fakes import new_session, new_store
from tests.standin.storage.test_write_behind import Scene

AGENT = {"id": "a", "name": "A", "origin_url": "http://127.0.0.1:1"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "storage"


def restored(path):
    """The store, the agents and the messages that a new process has."""
    store, agents = new_store(), Agents()
    file = StorageFile(path)
    try:
        return store, agents, restore(file, store, agents)
    finally:
        file.close()


def test_sessions_agents_and_messages_are_there_again(path):
    """Byte by byte, with the next seq after the highest one; nobody has created them in this process."""
    scene, agents = Scene(), Agents()
    file = scene.storage.file = StorageFile(path)
    agents.on_change = file.save_agent
    agents.update(agents.create(AGENT, "now"), {"name": "B"}, "later")
    first, second = scene.session(), scene.session()
    for session in scene.sessions:
        file.save_session(session)
    scene.append(first, 3)
    file.save_archived(second)
    file.close()
    store, known, messages = restored(path)
    assert list(store.sessions) == ["s0", "s1"]
    assert store.sessions["s0"].messages == first.messages
    assert [(session.seq, session.flushed_seq) for session in store.sessions.values()] == [(3, 3), (0, 0)]
    assert (store.sessions["s1"].status, known.get("a").name, len(messages)) == ("archived", "B", 3)
    assert store.counters.snapshot()["sessions_created"] == 0


def test_what_a_kill_cut_off_is_removed(path):
    """The next line begins at its place."""
    file = StorageFile(path)
    file.save_session(new_session(new_store(), 1))
    file.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'm 2 {"content":{}')
    assert list(restored(path)[0].sessions) == ["s1"]
    assert path.read_bytes() == whole


def test_a_write_that_fails_leaves_nothing(path, monkeypatch):
    """A disk may be full in the middle of a line."""
    file = StorageFile(path)
    written = []

    def write(number, data):
        if written:
            raise OSError(28, "No space left on device")
        written.append(real(number, data[:10]))
        return written[0]

    real = os.write
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        file.save_session(new_session(new_store(), 1))
    assert path.read_bytes() == b""
    file.close()


def test_one_process_at_a_time(path):
    """Two would give out the same seqs."""
    file = StorageFile(path)
    with pytest.raises(StorageUnusable, match="is in use by another stand-in"):
        StorageFile(path)
    file.close()
    StorageFile(path).close()


@pytest.mark.parametrize("text", ["hello\n", "m x {}\n", "s [1\n", 'm 2 {"content":{}}\n'])
def test_another_file_is_refused(path, text):
    """The error names the first line that is not a stand-in's record."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StorageUnusable, match=r"line 1 of .*storage is not a stand-in's record"):
        restored(path)
