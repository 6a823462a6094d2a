"""`--standin`: the embedded FleetLM and an echo agent as child processes on free loopback ports, for one run.

The children are started by `posix_spawn`. gevent's Popen forks, and so runs the hooks registered for the child of a
fork. With `--otel` those restart OpenTelemetry's threads in the child, in a copy of our event loop with all its
greenlets, and the child never reaches its program. `posix_spawn` runs nothing in between.
"""

import atexit
import contextlib
import os
import selectors
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import IO

import gevent
import msgspec

from fleetlm_users.protocol.profile import PROFILES

POLL_S = 0.02


class ChildProcess:
    """A program in a session of its own, so that Ctrl-C reaches this process first, which holds its stdin and stdout.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, command: list[str]) -> None:
        its_stdin, self._stdin = os.pipe()
        stdout, its_stdout = os.pipe()
        self.stdout: IO[str] = os.fdopen(stdout, encoding="utf-8", errors="replace")
        ends = [(os.POSIX_SPAWN_DUP2, its_stdin, 0), (os.POSIX_SPAWN_DUP2, its_stdout, 1)]
        try:
            self.pid = os.posix_spawn(command[0], command, os.environ, file_actions=ends, setsid=True)
        finally:
            os.close(its_stdin)
            os.close(its_stdout)
        self._has_ended = False

    def terminate(self) -> None:
        """Ask it to end, by closing its stdin and by SIGTERM."""
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1
        self._signal(signal.SIGTERM)

    def end(self, wait_s: float) -> None:
        """Wait until it has ended, and kill it after `wait_s` seconds."""
        deadline_s = time.monotonic() + wait_s
        while not self._is_over() and time.monotonic() < deadline_s:
            gevent.sleep(POLL_S)
        self._signal(signal.SIGKILL)
        while not self._is_over():
            gevent.sleep(POLL_S)
        self.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        if not self._is_over():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _is_over(self) -> bool:
        if not self._has_ended:
            try:
                self._has_ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            except ChildProcessError:  # libev has reaped it
                self._has_ended = True
        return self._has_ended


READY_S = 15.0
"""The least time a server gets to report ready: importing takes a second, or more on a busy machine."""

NOTICE_S = 2.0
"""After this time, a notice says what is being waited for."""

STOP_S = 5.0
NEEDED = ("aiohttp", "uvloop")
"""The packages that the stand-in imports and a worker does not need: the extra `standin`."""

ANY_PORT = ("--host", "127.0.0.1", "--port", "0")
STANDIN = ("-m", "fleetlm_users.standin", *ANY_PORT)


class LocalServerError(Exception):
    """A child server did not come up; the text says which one and what it printed."""


class LocalServerUrls(msgspec.Struct, frozen=True):
    """The addresses on which the children listen."""

    api_url: str
    ws_url: str
    agent_url: str


class LocalServers:
    """The two child servers. Each ends when its pipe to this process closes, so none is left behind."""

    def __init__(self) -> None:
        self._children: list[ChildProcess] = []
        self._standin: tuple[ChildProcess, list[str]] | None = None

    @property
    def standin_pid(self) -> int | None:
        """The process id of the stand-in; None unless it has been started."""
        return None if self._standin is None else self._standin[0].pid

    def start(
        self,
        timeout_s: float = READY_S,
        tell: Callable[[str], None] = lambda _: None,
        standin: Sequence[str] = (),
    ) -> LocalServerUrls:
        """Start both and return their addresses once they listen.

        Args:
            timeout_s: The time each may take, in seconds; READY_S if that is longer.
            tell: Called with a notice when a server takes longer than NOTICE_S.
            standin: Further options of the stand-in.

        Raises:
            LocalServerError: A server did not come up, or its packages are not installed.
        """
        timeout_s = max(timeout_s, READY_S)
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise LocalServerError(f"{' and '.join(missing)} not installed: pip install 'fleetlm-locust[standin]'")
        atexit.register(self.stop)
        agent = self._spawn("echo agent", ["-m", "echo_agent", *ANY_PORT])
        fleetlm = self._spawn("stand-in", [*STANDIN, *standin])
        agent_url = self._url_of("echo agent", agent, timeout_s, tell)
        base_url = self._url_of("stand-in", fleetlm, timeout_s, tell)
        # argparse takes the last of two ports: after a restart it listens where the clients look for it
        self._standin = fleetlm, [*STANDIN, *standin, "--port", base_url.rpartition(":")[2]]
        ws_url = f"ws{base_url.removeprefix('http')}/socket/websocket"
        return LocalServerUrls(f"{base_url}/api", ws_url, agent_url)

    def restart_standin(self, timeout_s: float = READY_S, tell: Callable[[str], None] = lambda _: None) -> None:
        """Start the stand-in again, with the same options on the same port; return once it listens.

        If it was not killed, it is ended first.

        Raises:
            LocalServerError: It did not come up, or was never started.
        """
        if self._standin is None:
            raise LocalServerError("the stand-in was not started")
        ended, arguments = self._standin
        self._children.remove(ended)
        ended.terminate()
        ended.end(STOP_S)
        started = self._spawn("stand-in", arguments)
        self._standin = started, arguments
        self._url_of("stand-in", started, max(timeout_s, READY_S), tell)

    def stop(self) -> None:
        """End both, killing any that do not end within STOP_S."""
        children, self._children = self._children, []
        self._standin = None
        for child in children:
            child.terminate()
        deadline_s = time.monotonic() + STOP_S
        for child in children:
            child.end(deadline_s - time.monotonic())
        atexit.unregister(self.stop)

    def _spawn(self, name: str, arguments: list[str]) -> ChildProcess:
        try:
            child = ChildProcess([sys.executable, *arguments, "--exit-with-parent"])
        except OSError as problem:
            raise LocalServerError(f"the {name} cannot be started: {problem}") from problem
        self._children.append(child)
        return child

    def _url_of(self, name: str, child: ChildProcess, timeout_s: float, tell: Callable[[str], None]) -> str:
        """Return the URL in the child's ready line, `… ready on http://127.0.0.1:PORT …`."""
        if not _has_line(child.stdout, NOTICE_S):
            tell(f"waiting for the {name}: {NOTICE_S:g} s of {timeout_s:g} s")
        line = child.stdout.readline() if _has_line(child.stdout, timeout_s - NOTICE_S) else ""
        words = line.split()
        if "ready" not in words:
            self.stop()
            raise LocalServerError(f"the {name} did not come up: {line.strip() or 'it said nothing'}")
        return next(word for word in words if word.startswith("http://"))


def standin_arguments(like: str | None, options: str | None, protocol: str) -> list[str]:
    """Return the stand-in's arguments from `--standin-like`, `--standin-options` and `--protocol`.

    It speaks the run's protocol, unless one of the other two says otherwise.
    """
    spoken = ["--like", like] if like else ["--protocol", protocol] if protocol in PROFILES else []
    return [*spoken, *shlex.split(options or "")]


def _has_line(stream: IO[str], timeout_s: float) -> bool:
    """Return whether there is something to read within the time, or the end of the stream."""
    with contextlib.closing(selectors.DefaultSelector()) as selector:
        selector.register(stream, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))
