"""A real PostgreSQL for tests: Debian's package, started on a free loopback port with its files in a temporary folder.

One server is shared by all tests of a process; each test gets a database of its own.

    def test_it(database):
        audit(database.address)
        assert database.rows("SELECT seq FROM messages") == [(1,), (2,)]

tests/conftest.py makes the fixtures known everywhere: a server of each conftest.py's own would be one too many.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.ports import free_port

REQUIRED = "POSTGRESQL_REQUIRED"
"""Set where the tests with a database must run: what stands in the way is then a failure, not a reason to skip."""

FOLDERS = "/usr/lib/postgresql"  # Debian has each version in a folder of its own, which PATH does not know
OWNERS = ("postgres", "nobody")
"""The first of these users that exists runs the server if we are root, as which it refuses to run."""

USER, PASSWORD = "fleetlm", "a secret"
STARTS_WITHIN_S = 60
TRIES = 3  # somebody else may take the port before the server has it
HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=50")
END_WITH_PARENT = ("setpriv", "--pdeathsig", "QUIT")  # whatever becomes of the tests, the server does not outlive them


class NotStarted(Exception):
    """The server did not come up; the text is its output."""


class Postgres:
    """One server process. `stop` ends it and removes its files."""

    def __init__(self):
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="fleetlm-postgres-"))
        self._as = _owner(self._folder)
        self._numbers = itertools.count(1)
        self._process = None
        try:
            self._make_files()
            self._start()
        except BaseException:
            self.stop()
            raise

    def address(self, name):
        """The address of a database."""
        return f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{name}"

    def connect(self, name="postgres"):
        """An open connection, which commits each statement."""
        import psycopg  # noqa: PLC0415 - a machine without it skips these tests

        return psycopg.connect(self.address(name), autocommit=True)

    def new_database(self):
        """An empty database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return Database(self, name)

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: its files are removed anyway
            self._process.wait(STARTS_WITHIN_S)
        shutil.rmtree(self._folder)

    def _make_files(self):
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        command = [self._programs / "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256"]
        command += [f"--username={USER}", f"--pwfile={password}", "--pgdata", self._folder / "data"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._folder, **self._as)
        if done.returncode:
            raise NotStarted(done.stderr)

    def _start(self):
        for _ in range(TRIES):
            self.port = free_port()
            settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", f"port={self.port}", *HASTY)
            command = [
                *END_WITH_PARENT,
                self._programs / "postgres",
                "-D",
                self._folder / "data",
                *(f"--{item}" for item in settings),
            ]
            with (self._folder / "log").open("wb") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._as)
            if self._is_up():
                return
        raise NotStarted((self._folder / "log").read_text(encoding="utf-8"))

    def _is_up(self):
        import psycopg  # noqa: PLC0415 - as above

        deadline_s, pause = time.monotonic() + STARTS_WITHIN_S, threading.Event()
        while self._process.poll() is None and time.monotonic() < deadline_s:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                pause.wait(0.02)
            else:
                return True
        return False


class Database:
    """One database of the server, at `address`."""

    def __init__(self, server, name):
        self.address = server.address(name)
        self._connection = server.connect(name)

    def rows(self, query, *values):
        """Return the result of a query as tuples."""
        return self._connection.execute(query, values).fetchall()

    def execute(self, statement, *values):
        """Runs a statement that returns nothing."""
        self._connection.execute(statement, values)

    def close(self):
        self._connection.close()


@pytest.fixture(scope="session")
def postgres():
    """The server of this process. Skips the test, with the reason, on a machine that has none."""
    if _programs() is None:
        _impossible(f"there is no PostgreSQL in {FOLDERS} (package postgresql)")
    if find_spec("psycopg") is None:
        _impossible("there is no psycopg")
    try:
        server = Postgres()
    except (OSError, NotStarted) as problem:
        _impossible(str(problem))
    yield server
    server.stop()


@pytest.fixture
def database(postgres):
    """A database without tables."""
    made = postgres.new_database()
    yield made
    made.close()


def _programs():
    """Return the folder with the newest `initdb` and `postgres`, None if there is none."""
    found = sorted(Path(FOLDERS).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


def _owner(folder):
    """Who runs the server, for subprocess; the folder is theirs from then on."""
    if os.geteuid() != 0:
        return {}
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in OWNERS)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _impossible(why):
    reason = f"PostgreSQL cannot be started here: {why}"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)
