"""FleetLM's message table: read and never written, and no error shows any part of the address."""

import builtins
import json
import subprocess
import sys

import pytest

from fleetlm_users.client import message_table
from fleetlm_users.client.message_table import MessageTable, failed
from fleetlm_users.errors import DatabaseFailed, UsageError
from fleetlm_users.measure.audit.digest import digest_of

TABLE = """
CREATE TABLE messages (
    id text PRIMARY KEY, session_id text NOT NULL, seq bigint NOT NULL, sender_id text NOT NULL, kind text NOT NULL,
    content jsonb NOT NULL, metadata jsonb NOT NULL, inserted_at timestamp NOT NULL, UNIQUE (session_id, seq)
)
"""
INSERT = "INSERT INTO messages VALUES (%s, %s, %s, 'u', 'text', %s, '{}', now())"
CONTENTS = [
    {"text": "hello", "client_ref": "r-1-1-1"},
    {"client_ref": "r", "text": "ä 😀 \\ \" /",
     "n": [1.0, 1e2, -0.0, 1.5e-7, 123456789012345678], "o": {"b": None, "a": True}},
]  # fmt: skip


@pytest.fixture
def filled(database):
    """A database with FleetLM's table and some messages in it."""
    database.execute(TABLE)
    for seq in range(1, 1_202):
        database.execute(INSERT, f"m{seq}", f"s{seq % 2}", seq, json.dumps(CONTENTS[seq % 2]))
    return database


def table_of(address):
    return MessageTable(address, 5.0)


def test_it_reads_the_messages_of_the_sessions_that_are_asked_for(filled):
    """jsonb has ordered their keys and rewritten their numbers: their digests are those of the sent contents."""
    table = table_of(filled.address)
    table.check()
    rows = list(table.messages(["s0", "s9"]))
    assert sorted(seq for _, seq, _ in rows) == list(range(2, 1_202, 2))
    assert {digest_of(content) for _, _, content in rows} == {digest_of(CONTENTS[0])}
    assert {digest_of(content) for _, _, content in table.messages(["s1"])} == {digest_of(CONTENTS[1])}
    table.close()


def test_nothing_can_be_written_with_its_connection(filled):
    """It holds whatever a query says."""
    table = table_of(filled.address)
    with pytest.raises(Exception, match="read-only"):
        table._connected().execute("DELETE FROM messages")
    table.close()


PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from fleetlm_users.client.message_table import MessageTable
table, turns = MessageTable(sys.argv[1], 5.0), []
table.check()
def turn():
    while True:
        turns.append(1)
        gevent.sleep(0)
other = gevent.spawn(turn)
table._connected().execute("SELECT pg_sleep(0.2)")
print(len(turns))
"""


def test_other_greenlets_run_while_it_waits(filled):
    """In a process patched by gevent, as Locust's are, a slow database does not stop the event loop."""
    command = [sys.executable, "-c", PATCHED, filled.address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda address: address.replace("a%20secret", "wr0ng"), "the password is wrong"),
        (lambda address: address.rpartition("/")[0] + "/nowhere", "there is no such database"),
        (lambda address: address, "it has no table messages"),
        (lambda address: f"{address}?no_such_option=1", "not the address of a PostgreSQL"),
        (lambda address: "postgresql://s0mebody:s3cret@127.0.0.1:9/n0where", "nothing listens there"),
        (lambda address: "postgresql://s0mebody:s3cret@no.such.host.invalid/n0where", "its host name is not known"),
    ],
)
def test_what_cannot_work_is_told_without_the_address(database, change, said):
    """Before a run, as a usage error with the option's name."""
    address = change(database.address)
    with pytest.raises(UsageError, match=said) as problem:
        table_of(address).check()
    name = database.address.rpartition("/")[2]
    shown = f"{problem.value} {problem.value!r}"
    assert "--audit-database (AUDIT_DATABASE)" in shown
    assert problem.value.__cause__ is None
    for part in ("wr0ng", "secret", "s3cret", "s0mebody", "n0where", name, "no.such.host", "127.0.0.1"):
        assert part not in shown


def test_a_table_without_the_columns_is_refused(database):
    """It is somebody else's."""
    database.execute("CREATE TABLE messages (id text)")
    with pytest.raises(UsageError, match="lacks the columns session_id, seq and content"):
        table_of(database.address).check()


def test_a_connection_that_breaks_is_told_and_not_used_again(filled):
    """The next reading connects again."""
    table = table_of(filled.address)
    table.check()
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    filled.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    with pytest.raises(DatabaseFailed) as failure:
        list(table.messages(["s0"]))
    assert failure.value.__cause__ is None
    assert len(list(table.messages(["s0"]))) == 600
    table.close()


def test_a_missing_driver_is_told_with_what_installs_it(monkeypatch):
    """Before a run."""
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("psycopg"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r'pip install "fleetlm-locust\[audit\]"'):
        table_of("postgresql://h/d").check()


@pytest.mark.parametrize(
    ("said", "state", "problem"),
    [
        ('connection failed: FATAL:  password authentication failed for user "reader"', None, "the password is wrong"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "reader"', None, "does not admit this user"),
        ("connection timeout expired", None, "did not answer in time"),
        ("FATAL: sorry, too many clients already", None, "no connections left"),
        ("Verbindung von reader verweigert", None, message_table._UNKNOWN),
        ("relation missing", "42P01", "no table messages"),
        ("something about reader", "XX000", "PostgreSQL's error XX000"),
        ("something about reader", "reader", message_table._UNKNOWN),
    ],
)
def test_an_error_of_the_driver_is_put_into_our_words(said, state, problem):
    """libpq's own text names host, port, user and database."""
    error = type("OperationalError", (Exception,), {"sqlstate": state})(said)
    told = failed(error)
    assert problem in str(told)
    assert "reader" not in str(told)
    assert "10.0.0.1" not in str(told)
