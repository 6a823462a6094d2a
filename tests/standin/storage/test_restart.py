"""A stand-in that crashes or is killed, and starts again: what is gone, what is there, and what it reports."""

import asyncio
import signal
import subprocess
import sys

import pytest

from tests.standin.raw_socket import RawSocket

NEVER_MS = 3_600_000


def storage_of(standin):
    return standin.call("GET", "/standin/storage").json()


def flush(standin):
    return standin.call("POST", "/standin/flush", {}).json()


def places(entries):
    return {(entry["session_id"], entry["seq"]) for entry in entries}


def said(standin, session, *texts, answers=0):
    """The seqs of the messages and of the answers to them."""

    async def run():
        socket = await RawSocket.open(standin)
        await socket.join(f"session:{session}")
        for text in texts:
            socket.say(f"session:{session}", text)
        seqs = [message[4]["seq"] for message in await socket.take(len(texts) * (1 + answers))]
        await socket.close()
        return seqs

    return asyncio.run(run())


def replayed(standin, session):
    """Return the replay of a join, as (seq, text)."""

    async def run():
        socket = await RawSocket.open(standin)
        reply = await socket.join(f"session:{session}")
        await socket.close()
        return [(message["seq"], message["content"]["text"]) for message in reply["response"]["messages"]]

    return asyncio.run(run())


def test_a_crash_by_order_cuts_the_sockets_and_loses_the_log(standin_with):
    """The record name each; the reply says so too."""
    standin = standin_with("--no-agent", "--flush-ms", NEVER_MS)
    session = standin.session()
    assert said(standin, session, "a", "b") == [1, 2]
    assert flush(standin)["unflushed"] == 0
    assert said(standin, session, "c", "d") == [3, 4]

    async def cut():
        socket = await RawSocket.open(standin)
        await socket.join(f"session:{session}")
        answer = await asyncio.to_thread(standin.call, "POST", "/standin/crash", {})
        return answer, await socket.closed()

    answer, code = asyncio.run(cut())
    assert code is None
    assert places(answer.json()["lost"]) == {(session, 3), (session, 4)}
    assert answer.json()["lost_by_cause"] == {"crash": 2}
    assert replayed(standin, session) == [(1, "a"), (2, "b")]
    assert said(standin, session, "e", "f", "g") == [3, 4, 5]
    assert storage_of(standin)["seqs_given_out_again"] == 2


def test_a_crash_may_be_followed_by_a_time_without_a_server(standin_with):
    """Nobody listens meanwhile."""
    standin = standin_with("--no-agent", "--flush-ms", NEVER_MS)
    session = standin.session()
    assert standin.call("POST", "/standin/crash", {"down_ms": 300}).status == 200
    while True:
        try:
            assert standin.call("GET", f"/api/sessions/{session}").status == 200
            break
        except OSError:
            pass


@pytest.mark.parametrize("down_ms", [-1, "x", None, 1e12])
def test_a_bad_order_to_crash_is_refused(standin_with, down_ms):
    """Nothing crashes."""
    standin = standin_with()
    answer = standin.call("POST", "/standin/crash", {"down_ms": down_ms})
    assert (answer.status, "down_ms" in answer.json()["error"]) == (400, True)
    assert storage_of(standin)["crashes"] == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_stopped_starts_again_from_its_file(standin_with, tmp_path, number):
    """A graceful stop loses what a kill loses; the journal tells exactly what that was."""
    files = ("--storage-file", tmp_path / "storage", "--journal", tmp_path / "journal")
    flags = ("--builtin-agent", "--lose-replay-every", 3, "--flush-ms", NEVER_MS, *files)
    standin = standin_with(*flags)
    session = standin.session()
    assert said(standin, session, "a", answers=1) == [1, 2]
    flush(standin)
    assert said(standin, session, "b", "c", answers=1) == [3, 4, 5, 6]
    before = storage_of(standin)
    assert (before["unflushed"], before["lost_by_cause"]) == (2, {"fault": 2})
    standin.stop(number)
    again = standin_with(*flags)
    record = storage_of(again)
    assert record["lost_by_cause"] == {"fault": 2, "crash": 2}
    assert places(record["lost"]) | {(session, 1), (session, 2)} == {(session, seq) for seq in range(1, 7)}
    assert replayed(again, session) == [(1, "a"), (2, "Echo: a")]
    assert said(again, session, "d", answers=1) == [3, 4]
    assert storage_of(again)["seqs_given_out_again"] == 1


def test_without_a_period_nothing_is_lost(standin_with, tmp_path):
    """Each message is in the file before it is pushed."""
    files = ("--storage-file", tmp_path / "storage", "--journal", tmp_path / "journal")
    standin = standin_with("--no-agent", *files)
    session = standin.session()
    said(standin, session, "a", "b")
    standin.stop(signal.SIGKILL)
    again = standin_with("--no-agent", *files)
    assert replayed(again, session) == [(1, "a"), (2, "b")]
    assert storage_of(again)["lost_total"] == 0
    assert said(again, session, "c") == [3]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--storage-file", "/no/such/folder/file"], "/no/such/folder/file cannot be used: No such file or directory"),
        (["--storage-file", "{notes}"], "line 1 of {notes} is not a stand-in's record"),
        (["--database", "postgresql://u:hidden@127.0.0.1:1/x"], "the database cannot be used: OperationalError"),
    ],
)
def test_a_storage_that_cannot_be_used_ends_the_start(tmp_path, flags, words):
    """The error is one line, which shows nothing of an address."""
    notes = tmp_path / "notes"
    notes.write_text("notes\n", encoding="utf-8")
    command = [sys.executable, "-m", "fleetlm_users.standin", "--port", "0", *(f.format(notes=notes) for f in flags)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, f"fleetlm-standin: {words.format(notes=notes)}")
