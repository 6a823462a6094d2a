"""`--standin`: the embedded FleetLM and an echo agent as child processes on free loopback ports, for one run.

A child process that begins without a fork of ours.

gevent's Popen forks, and so runs what others registered for the child of a fork. With `--otel` those are
OpenTelemetry's threads: they begin anew in the child, in a copy of our event loop with all its greenlets, and the child
never gets as far as its program. `posix_spawn` runs nothing in between, and gevent leaves it alone.
"""

import atexit
import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO

import gevent

POLL_S = 0.02


class ChildProcess:
    """A program in a session of its own, so that Ctrl-C reaches us first; we hold the ends of its stdin and stdout.

    Raises OSError when it cannot be started.
    """

    def __init__(self, command: list[str]) -> None:
        its_stdin, self._stdin = os.pipe()
        stdout, its_stdout = os.pipe()
        self.stdout: IO[str] = os.fdopen(stdout, encoding="utf-8", errors="replace")
        ends = [(os.POSIX_SPAWN_DUP2, its_stdin, 0), (os.POSIX_SPAWN_DUP2, its_stdout, 1)]
        try:
            self._pid = os.posix_spawn(command[0], command, os.environ, file_actions=ends, setsid=True)
        finally:
            os.close(its_stdin)
            os.close(its_stdout)
        self._has_ended = False

    def terminate(self) -> None:
        """Asks it to end: by closing its stdin, and by SIGTERM."""
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1
        self._signal(signal.SIGTERM)

    def end(self, wait_s: float) -> None:
        """Waits until it has ended; kills it when it has not by then."""
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
                os.kill(self._pid, number)

    def _is_over(self) -> bool:
        if not self._has_ended:
            try:
                self._has_ended = os.waitpid(self._pid, os.WNOHANG)[0] != 0
            except ChildProcessError:  # libev has taken note of its end before us
                self._has_ended = True
        return self._has_ended


READY_S = 15.0
"""A server is given at least this long to say that it is ready: importing takes a second, on a busy machine more."""

TOLD_S = 2.0
"""Then a person is told what is waited for."""

STOP_S = 5.0
NEEDED = ("aiohttp", "uvloop")
"""What the stand-in imports and a worker does without: the extra `standin`."""


class LocalServerError(Exception):
    """A child server did not come up; the text says which and what it said."""


@dataclass(frozen=True)
class LocalServerUrls:
    """Where the children listen."""

    api_url: str
    ws_url: str
    agent_url: str


class LocalServers:
    """The two children. They hold one end of a pipe to us and end when it closes, so none is ever left behind."""

    def __init__(self) -> None:
        self._children: list[ChildProcess] = []

    def start(self, timeout_s: float = READY_S, tell: Callable[[str], None] = lambda _: None) -> LocalServerUrls:
        """Starts both and returns where they listen, once they do. Raises LocalServerError.

        Each may take `timeout_s`, or READY_S if that is longer; `tell` hears what is waited for.
        """
        timeout_s = max(timeout_s, READY_S)
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise LocalServerError(f"{' and '.join(missing)} not installed: pip install 'fleetlm-locust[standin]'")
        atexit.register(self.stop)
        agent = self._spawn("echo agent", ["-m", "echo_agent", "--host", "127.0.0.1", "--port", "0"])
        fleetlm = self._spawn("stand-in", ["-m", "fleetlm_users.standin", "--host", "127.0.0.1", "--port", "0"])
        agent_url = self._url_of("echo agent", agent, timeout_s, tell)
        base_url = self._url_of("stand-in", fleetlm, timeout_s, tell)
        ws_url = f"ws{base_url.removeprefix('http')}/socket/websocket"
        return LocalServerUrls(f"{base_url}/api", ws_url, agent_url)

    def stop(self) -> None:
        """Ends both; kills what does not end within STOP_S."""
        children, self._children = self._children, []
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
        """The URL in the child's ready line, `… ready on http://127.0.0.1:PORT …`."""
        if not _has_line(child.stdout, TOLD_S):
            tell(f"waiting for the {name}: {TOLD_S:g} s of {timeout_s:g} s")
        line = child.stdout.readline() if _has_line(child.stdout, timeout_s - TOLD_S) else ""
        words = line.split()
        if "ready" not in words:
            self.stop()
            raise LocalServerError(f"the {name} did not come up: {line.strip() or 'it said nothing'}")
        return next(word for word in words if word.startswith("http://"))


def _has_line(stream: IO[str], timeout_s: float) -> bool:
    """Whether there is something to read within the time, or the end of the stream."""
    with contextlib.closing(selectors.DefaultSelector()) as selector:
        selector.register(stream, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))
