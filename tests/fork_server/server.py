"""A process that has imported what its children need, and forks one for each request; client.py starts it.

`python -m tests.fork_server.server KIND FD` reads requests from the socket FD and ends with it. A child has what a
process of its own has after its imports: modules, and neither a greenlet nor a thread nor an open file.
"""

import contextlib
import importlib
import json
import os
import posix
import runpy
import select
import socket
import struct
import sys
from typing import NamedTuple

MODULES = {
    "locust": ("locust.main", "fleetlm_users"),
    "standin": ("aiohttp.web", "uvloop", "fleetlm_users.standin.server"),
}
"""What is imported by kind of child. Importing Locust patches the standard library, which the others do without."""

NUMBER = struct.Struct("!i")
MAX_FDS = 4
STATUS = 3
"""The place among a request's files of the pipe that gets the child's process id and then its exit code."""

# before Locust patches it; posix is what os is without the patches, whose close() waits for a loop
poll = select.poll


class Command(NamedTuple):
    """What a child runs: `-m MODULE` or a script, with its arguments, environment and folder."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    new_session: bool


class Server:
    """Forks children until its socket ends."""

    def __init__(self, control):
        self._control = control
        self._status_of = {}

    def serve(self):
        """The command of this process in a child, None at the end of the server."""
        events = poll()
        events.register(self._control, select.POLLIN)
        while True:
            for fd, _ in events.poll():
                if fd != self._control.fileno():
                    events.unregister(fd)
                    self._reap(fd)
                    continue
                request, fds = self._request()
                if request is None:
                    return None
                pid = fork()
                if pid == 0:
                    return self._leave(fds, Command(**request))
                for each in fds[:STATUS]:
                    posix.close(each)
                child = os.pidfd_open(pid)
                self._status_of[child] = pid, fds[STATUS]
                events.register(child, select.POLLIN)

    def _request(self):
        header, fds, _, _ = socket.recv_fds(self._control, NUMBER.size, MAX_FDS)
        if not header:
            return None, []
        (length,) = NUMBER.unpack(header)
        return json.loads(self._control.recv(length, socket.MSG_WAITALL)), fds

    def _reap(self, child):
        pid, status = self._status_of.pop(child)
        _, ended = posix.waitpid(pid, 0)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
            posix.write(status, NUMBER.pack(os.waitstatus_to_exitcode(ended)))
        posix.close(status)
        posix.close(child)

    def _leave(self, fds, command):
        """Keeps nothing of the server, and tells the child's id once it can be signalled as if it were on its own."""
        if command.new_session:
            os.setsid()
        posix.write(fds[STATUS], NUMBER.pack(os.getpid()))
        for target, fd in enumerate(fds[:STATUS]):
            posix.dup2(fd, target)
        for fd in [*fds, *self._status_of, *(status for _, status in self._status_of.values()), self._control.detach()]:
            posix.close(fd)
        return command


def fork():
    """A fork of a process in which nothing runs: neither a thread, nor a greenlet, nor anything in gevent's hub.

    The import of urllib3 makes a hub, which waits for nothing yet; a child gets a loop of its own, as it does from the
    fork that Locust's `--processes` makes.
    """
    assert len(os.listdir("/proc/self/task")) == 1
    gevent = sys.modules.get("gevent")
    hub = gevent and gevent._hub_local.get_hub_if_exists()
    assert not hub, "a hub that has run"  # a greenlet is true from its first switch on
    pid = posix.fork()
    if pid == 0 and gevent:
        gevent.reinit(hub)
    return pid


def run(command):
    """Runs a command as the interpreter does."""
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    first, *rest = command.arguments
    if first == "-m":
        name, *rest = rest
        sys.path[0], sys.argv = command.folder, [name, *rest]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        path = os.path.join(command.folder, first)
        sys.path[0], sys.argv = os.path.dirname(path), [first, *rest]
        runpy.run_path(path, run_name="__main__")


def main():
    """Serves, and is the child's main program."""
    kind, fd = sys.argv[1:]
    control = socket.socket(fileno=int(fd))
    for name in MODULES[kind]:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):  # ours are imported at their first use
            getattr(module, public)
    command = Server(control).serve()
    if command is not None:
        run(command)


if __name__ == "__main__":
    main()
