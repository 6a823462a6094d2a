"""Python programs as children of a fork server, which spares each its imports: most of what a short run costs.

What starting itself is about takes processes of its own, and so does whatever the server cannot give: another
interpreter's environment or limits (`can_fork`).
"""

import atexit
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fork_server.networks import OWN_NETWORK, network
from tests.fork_server.server import NUMBER

ROOT = Path(__file__).resolve().parents[2]
INTERPRETERS = re.compile("PYTHON|LC_|LANG|LOCPATH|TERM|TZ|LD_|MALLOC|GEVENT|OTEL|SSL")
"""Variables that count at the start of an interpreter or at an import."""


HOME = network()
"""The home of servers: a child may run on another host, to which it moves."""


def can_fork(environment=()):
    """Return whether a server's child equals a separate process, with these variables besides the usual ones."""
    is_linux = hasattr(os, "pidfd_open")
    return is_linux and not any(map(INTERPRETERS.match, environment))


_started = []
_connections = {}

FOLDER = "FORK_SERVERS"
"""The variable that names the folder of the servers' sockets: processes that test side by side share the servers."""


def share_servers():
    """Makes a folder for this process and those that it starts from now on; for pytest before it has any workers."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = made = tempfile.mkdtemp(prefix="forks-")
        atexit.register(shutil.rmtree, made, ignore_errors=True)


def server_of(kind):
    """The connection of this process to the one server of a kind, which ends with the last of its clients."""
    if kind not in _connections:
        _connections[kind] = _found(kind)
    return _connections[kind]


def _found(kind):
    share_servers()
    path = f"{os.environ[FOLDER]}/{kind}"
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return connected(path)
        except (FileNotFoundError, ConnectionRefusedError):
            start_server(kind, path)
            return connected(path)


def connected(path):
    """A connection to whoever listens at a path."""
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
    except OSError:
        client.close()
        raise
    return client


def start_server(kind, path):
    """Starts the server of a kind; clients can come at once, and are served when it has imported its modules."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server.server", kind, str(listener.fileno()), path],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    _started.append(process)  # not waited for: it may outlive this process, for others
    return process


class Forked:
    """A child of a fork server, with the part of subprocess.Popen that tests use; its output is a pipe, as text."""

    def __init__(self, kind, arguments, *, cwd, env, stdin=subprocess.DEVNULL, stderr=None, start_new_session=False):
        self.args, self.returncode, self.stdin = arguments, None, None
        self._status, status = os.pipe()
        output, sink = os.pipe()
        self.stdout = open(output, encoding="utf-8")  # noqa: SIM115 - whoever owns the process closes it
        if stdin == subprocess.PIPE:
            source, own = os.pipe()
            self.stdin = open(own, "w", encoding="utf-8")  # noqa: SIM115 - as above
        else:
            source = os.open(os.devnull, os.O_RDONLY)
        errors = {subprocess.STDOUT: sink, None: 2}.get(stderr, stderr)
        request = {
            "arguments": [os.fspath(argument) for argument in arguments],
            "environment": {name: os.fspath(value) for name, value in env.items()},
            "folder": str(cwd),
            "new_session": start_new_session,
        }
        body = json.dumps(request).encode()
        control = server_of(kind)
        abroad = [] if network() == HOME else [os.open(OWN_NETWORK, os.O_RDONLY)]
        socket.send_fds(control, [NUMBER.pack(len(body))], [source, sink, errors, status, *abroad])
        control.sendall(body)
        for fd in (source, sink, status, *abroad):
            os.close(fd)
        self.pid = self._told()

    def _told(self):
        number = os.read(self._status, NUMBER.size)
        assert number, f"the fork server has ended: {self.args}"
        return NUMBER.unpack(number)[0]

    def wait(self, timeout=None):
        """Its exit code, once it has ended."""
        if self.returncode is None:
            events = select.poll()
            events.register(self._status, select.POLLIN)
            if not events.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = self._told()
            os.close(self._status)
        return self.returncode

    def poll(self):
        """Its exit code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number):
        """A signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self):
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def python(kind, arguments, *, forked=None, behind=(), stdin=subprocess.DEVNULL, **how):
    """Starts `python ARGUMENTS`, from the server of its kind unless `forked` is false; `behind` is put before it.

    On another host the server must have been connected before: it is not there that it can be started.
    """
    if (can_fork() if forked is None else forked) and (network() == HOME or kind in _connections):
        return Forked(kind, arguments, stdin=stdin, **how)
    return subprocess.Popen(
        [*behind, sys.executable, *arguments], stdin=stdin, stdout=subprocess.PIPE, text=True, **how
    )
