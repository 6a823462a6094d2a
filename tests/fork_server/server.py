"""A process that has imported what its children need, and forks one for each request; client.py starts it.

`python -m tests.fork_server.server KIND FD PATH` accepts clients on the listening socket FD, which is bound to PATH,
and ends with the last of them. A child has what a process of its own has after its imports: modules, and neither a
greenlet nor a thread nor an open file.
"""

import atexit
import contextlib
import gc
import importlib
import inspect
import json
import os
import posix
import runpy
import select
import socket
import struct
import sys
import threading
from typing import NamedTuple

from tests.fork_server.networks import move_to

COMMANDS = ("cleanup", "compare", "control", "doctor", "listing", "report", "smoke", "trend")
MODULES = {
    "locust": ("locust.main", "fleetlm_users"),
    "standin": ("aiohttp.web", "uvloop", "fleetlm_users.standin.server"),
    "bench": ("fleetlm_users.cli.main", *(f"fleetlm_users.cli.{name}.command" for name in COMMANDS)),
}
"""The modules imported by kind of child. Importing Locust patches the standard library, which the others do without."""

READERS = ("locust", "bench")
"""The kinds whose children read presets and templates: the same files for each, which takes a third of a short run."""

NUMBER = struct.Struct("!i")
UNFLUSHED = 120  # what the interpreter's exit code is then
MAX_FDS = 5
STATUS = 3
"""The place among a request's files of the pipe that gets the child's process id and then its exit code."""
NETWORK = 4
"""The place of the network that the child is to be in, where that is not the server's."""

# before Locust patches them; posix is what os is without the patches, whose close() waits for a loop
poll, Socket = select.poll, socket.socket


class Command(NamedTuple):
    """The command of a child: `-m MODULE` or a script, with its arguments, environment and folder."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    new_session: bool


class Server:
    """Forks children for its clients until the last of them has left."""

    def __init__(self, listener, path):
        self._listener = listener
        self._path = path
        self._clients = {}
        self._status_of = {}
        self._events = poll()
        self._events.register(listener, select.POLLIN)

    def serve(self):
        """The command of this process in a child, None at the end of the server."""
        while True:
            for fd, _ in self._events.poll():
                if fd == self._listener.fileno():
                    self._welcome()
                elif fd not in self._clients:
                    self._reap(fd)
                else:
                    request, fds = request_of(self._clients[fd])
                    if request is None:
                        self._part_from(fd)
                    elif self._fork(fds):
                        return self._leave(fds, Command(**request))
            if not self._clients and self._is_out_of_reach():
                return None

    def _welcome(self):
        fd, _ = self._listener._accept()  # accept() would make a patched socket of it
        client = self._clients[fd] = Socket(fileno=fd)
        self._events.register(client, select.POLLIN)

    def _part_from(self, fd):
        self._events.unregister(fd)
        self._clients.pop(fd).close()

    def _is_out_of_reach(self):
        """Whether nobody has come meanwhile; from now on nobody can, another server may have the path."""
        if self._path:
            with contextlib.suppress(FileNotFoundError):  # with its whole folder
                os.unlink(self._path)
            self._path = ""
        waiting = poll()
        waiting.register(self._listener, select.POLLIN)
        return not waiting.poll(0)

    def _fork(self, fds):
        """Whether this is the child."""
        pid = fork()
        if pid == 0:
            return True
        for each in {*fds} - {fds[STATUS]}:
            posix.close(each)
        child = os.pidfd_open(pid)
        self._status_of[child] = pid, fds[STATUS]
        self._events.register(child, select.POLLIN)
        return False

    def _reap(self, child):
        self._events.unregister(child)
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
        if len(fds) > NETWORK:
            move_to(fds[NETWORK])
        posix.write(fds[STATUS], NUMBER.pack(os.getpid()))
        for target, fd in enumerate(fds[:STATUS]):
            posix.dup2(fd, target)
        ours = [self._listener.detach(), *(client.detach() for client in self._clients.values())]
        for fd in [*fds, *self._status_of, *(status for _, status in self._status_of.values()), *ours]:
            posix.close(fd)
        return command


def request_of(client):
    """A client's request and its files; None when it has left."""
    header, fds, _, _ = socket.recv_fds(client, NUMBER.size, MAX_FDS)
    if not header:
        return None, []
    (length,) = NUMBER.unpack(header)
    return json.loads(client.recv(length, socket.MSG_WAITALL)), fds


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


def read_ahead():
    """Fill the caches of everything made from files of the checkout alone, as imports are."""
    presets = importlib.import_module("fleetlm_users.workload.presets.presets")
    presets.load_presets()
    templates = importlib.import_module("fleetlm_users.measure.report.html").environment()
    for name in templates.list_templates(filter_func=lambda name: name.endswith(".html")):
        templates.get_template(name)
    inspect.stack()  # which Locust asks at the end of a run: it looks for the files of all modules


def leave(code):
    """Ends this child as the interpreter does, but for taking all modules apart.

    It would have to copy their memory for that, which is the server's: more than a stand-in does in most tests.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except OSError:
            code = UNFLUSHED
    posix._exit(code & 0xFF)


def main():
    """Serves, and is the child's main program."""
    kind, fd, path = sys.argv[1:]
    listener = Socket(fileno=int(fd))
    for name in MODULES[kind]:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):  # ours are imported at their first use
            getattr(module, public)
    if kind in READERS:
        read_ahead()
    gc.collect()
    gc.freeze()  # no child looks through all that it has from here for garbage
    command = Server(listener, path).serve()
    if command is not None:
        try:
            run(command)
        except SystemExit as end:
            if not isinstance(end.code, int | None):
                raise
            leave(end.code or 0)
        leave(0)


if __name__ == "__main__":
    main()
