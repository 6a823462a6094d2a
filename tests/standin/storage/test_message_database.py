"""Writing behind into a real PostgreSQL, with FleetLM's table."""

import asyncio

import orjson
import psycopg
import pytest

from fleetlm_users.standin.chat.stored_message import make
from fleetlm_users.standin.storage import message_database
from fleetlm_users.standin.storage.message_database import MessageDatabase, unusable
from fleetlm_users.standin.storage.storage_options import StorageUnusable
from tests.standin.storage.test_restart import flush, places, said, storage_of

ROWS = "SELECT session_id, seq, sender_id, kind, content, metadata, inserted_at::text FROM messages ORDER BY seq"


def message(seq, text="hi", session_id="s"):
    return make(
        seq,
        id=b"01M850JM%018d" % seq,
        stamp=b"2026-11-23T20:11:12.913308",
        sender=b'"u"',
        kind=b'"text"',
        content=orjson.dumps({"text": text}),
        metadata=b'{"k":1}',
        session_id=session_id.encode(),
    )


def written(address, *batches):
    """Return the messages of each batch that were refused."""

    async def run():
        database = MessageDatabase(address)
        await database.open()
        try:
            return [await database.write(batch) for batch in batches]
        finally:
            await database.close()

    return asyncio.run(run())


def test_the_rows_are_fleetlms(database):
    """There is one for each message, in whole seconds; the table is created if there is none."""
    assert written(database.address, [message(1), message(2, "ä")]) == [[]]
    assert database.rows(ROWS) == [
        ("s", 1, "u", "text", {"text": "hi"}, {"k": 1}, "2026-11-23 20:11:12"),
        ("s", 2, "u", "text", {"text": "ä"}, {"k": 1}, "2026-11-23 20:11:12"),
    ]
    assert len(database.rows("SELECT DISTINCT id FROM messages WHERE length(id) = 26")) == 2
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(
            "INSERT INTO messages SELECT 'x', session_id, seq, 'u', 'text', '{}', '{}', now() FROM messages"
        )


def test_what_is_there_already_stays(database):
    """It happens after a seq was assigned twice; another start finds the table."""
    written(database.address, [message(1, "first")])
    assert written(database.address, [message(1, "second"), message(2)]) == [[]]
    assert [row[4]["text"] for row in database.rows(ROWS)] == ["first", "hi"]


def test_what_postgresql_does_not_take_is_refused_alone(database, monkeypatch):
    """A NUL in a text; all others of the batch are written."""
    monkeypatch.setattr(message_database, "ROWS_AT_ONCE", 4)
    messages = [message(seq, "a\0b" if seq == 3 else "x") for seq in range(1, 8)]
    assert written(database.address, messages) == [[messages[2]]]
    assert [row[1] for row in database.rows(ROWS)] == [1, 2, 4, 5, 6, 7]


def test_a_connection_that_was_lost_is_made_again(database):
    """The batch that found it lost may be written again."""

    async def run():
        table = MessageDatabase(database.address)
        await table.open()
        await table.write([message(1)])
        database.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(StorageUnusable):
            await table.write([message(2)])
        await table.write([message(2)])
        await table.close()

    asyncio.run(run())
    assert [row[1] for row in database.rows(ROWS)] == [1, 2]


def test_no_error_shows_the_address(database):
    """Nor what the driver says, which may hold it."""
    wrong = database.address.replace("a%20secret", "a%20guess")
    with pytest.raises(StorageUnusable) as caught:
        written(wrong, [])
    assert str(caught.value) == "the database cannot be used: OperationalError"
    assert (caught.value.__cause__, "guess" in repr(caught.value)) == (None, False)
    assert str(unusable(ValueError("postgresql://u:p@h"))) == "the database cannot be used: ValueError"


def test_a_stand_in_writes_behind_and_tells_what_it_lost(standin_with, database):
    """PostgreSQL and the record together hold everything that was pushed."""
    faults = ("--lose-replay-every", 5, "--change-every", 3)
    standin = standin_with("--builtin-agent", "--database", database.address, "--flush-ms", 3_600_000, *faults)
    session = standin.session()
    seqs = said(standin, session, *"abcdefghij", answers=1)
    assert flush(standin)["unflushed"] == 0
    said(standin, session, "unflushed", answers=1)
    record = standin.call("POST", "/standin/crash", {}).json()
    stored = {(row[0], row[1]) for row in database.rows(ROWS)}
    assert stored | places(record["lost"]) == {(session, seq) for seq in (*seqs, 21, 22)}
    assert not stored & places(record["lost"])
    other = {(row[0], row[1]) for row in database.rows(ROWS) if row[4]["text"].endswith("(changed)")}
    assert other == places(record["changed"])
    assert record["lost_by_cause"] == {"fault": 4, "crash": 2}


def test_a_restart_brings_the_database_up_to_date(standin_with, database, tmp_path, monkeypatch):
    """A kill may come when the file has what the database has not yet."""
    monkeypatch.setenv("STANDIN_DATABASE", database.address)
    flags = ("--no-agent", "--storage-file", tmp_path / "storage", "--flush-ms", 3_600_000)
    standin = standin_with(*flags)
    session = standin.session()
    said(standin, session, "a", "b")
    flush(standin)
    standin.stop()
    database.execute("DELETE FROM messages WHERE seq = 2")
    standin_with(*flags)
    assert [row[1] for row in database.rows(ROWS)] == [1, 2]


def test_a_database_that_goes_away_is_waited_for(standin_with, database):
    """Nothing is dropped, and nothing of the address is logged."""
    standin = standin_with("--no-agent", "--database", database.address, "--flush-ms", 3_600_000)
    session = standin.session()
    said(standin, session, "a")
    database.execute("ALTER TABLE messages RENAME TO elsewhere")
    assert flush(standin)["unflushed"] == 1
    database.execute("ALTER TABLE elsewhere RENAME TO messages")
    assert flush(standin)["unflushed"] == 0
    assert storage_of(standin)["lost_total"] == 0
    assert [row[1] for row in database.rows(ROWS)] == [1]
