"""A child process that begins without a fork of ours.

gevent's Popen forks, and so runs what others registered for the child of a fork. With `--otel` those are
OpenTelemetry's threads: they begin anew in the child, in a copy of our event loop with all its greenlets, and the child
never gets as far as its program. `posix_spawn` runs nothing in between, and gevent leaves it alone.
"""

import contextlib
import os
import signal
import time
from typing import IO

import gevent

POLL_S = 0.02


class Child:
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
