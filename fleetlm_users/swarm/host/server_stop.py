"""The ways to stop a server and start it again: a signal to a process of this machine, or a command.

Commands are run without a shell, each in a session of its own. The output of a stop command goes to our standard error;
that of a start command is discarded, as a server that keeps running would hold our output open, and its reader would
wait for the end. They are started by `posix_spawn`, as the child servers are (local_servers.py says why).
"""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from typing import Any, Final

import gevent
import psutil
from gevent import get_hub

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described
from fleetlm_users.workload.options.durability import RESTART_COMMAND, STOP_COMMAND
from fleetlm_users.workload.options.specs import OptionSpec

POLL_S: Final = 0.05
KILLED_S: Final = 2.0
"""How long a killed command may take to end."""
STDERR: Final = 2


class StopFailed(Exception):
    """The server could not be stopped or started; the text says why."""


class ServerProcess:
    """A process of this machine. Raises UsageError if it does not exist, or must not or may not be stopped."""

    def __init__(self, pid: int) -> None:
        label, example = "--server-pid (SERVER_PID)", "--server-pid 12345"
        own = {os.getpid(), os.getppid(), 1}
        if pid in own:
            raise UsageError(label, pid, "the server's process, and not one that this run needs", example)
        try:
            self._process = psutil.Process(pid)
            os.kill(pid, 0)
        except (psutil.NoSuchProcess, ProcessLookupError) as problem:
            raise UsageError(label, pid, "a process of this machine, as --crash stops it", example) from problem
        except PermissionError as problem:
            accepted = "a process that this user may stop; or give --stop-command"
            raise UsageError(label, pid, accepted, '--stop-command "sudo -n systemctl kill fleetlm"') from problem
        self.pid = pid

    @classmethod
    def of(cls, pids: Sequence[int]) -> "ServerProcess":
        """Return the one process that is named. Raises UsageError for none, or several."""
        if len(pids) != 1:
            given = ", ".join(map(str, pids)) if pids else Described("nothing")
            accepted = "the one process to stop, as --crash asks for; or --stop-command, --standin, or --crash none"
            raise UsageError("--server-pid (SERVER_PID)", given, accepted, "--server-pid 12345")
        return cls(pids[0])

    def how(self, number: signal.Signals) -> str:
        """Return how it is stopped, in words."""
        return f"by {number.name} to process {self.pid}"

    def stop(self, number: signal.Signals, timeout_s: float) -> None:
        """Send the signal and return when the process has ended. Raises StopFailed after `timeout_s`."""
        if not self.is_on:
            raise StopFailed(f"process {self.pid} had ended before it was to be stopped")
        try:
            os.kill(self.pid, number)
        except OSError as problem:
            raise StopFailed(f"process {self.pid} cannot be stopped: {problem.strerror}") from problem
        deadline_s = time.monotonic() + timeout_s
        while self.is_on:
            if time.monotonic() >= deadline_s:
                raise StopFailed(f"process {self.pid} still ran {timeout_s:g} s after {number.name}")
            gevent.sleep(POLL_S)

    @property
    def is_on(self) -> bool:
        """Whether it still runs; a zombie does not count."""
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class Command:
    """A command that can be run. `label` names its option; raises UsageError for a program that does not exist."""

    def __init__(self, words: Sequence[str], spec: OptionSpec) -> None:
        program = shutil.which(words[0])
        if program is None:
            raise UsageError(spec.label, Described(words[0]), "a program that is there and can be run", spec.example)
        self._words = [program, *words[1:]]
        self.flag = spec.flag
        self._status: int | None = None
        self._watcher: Any = None  # an object without references would be freed and never called

    def how(self, _number: signal.Signals) -> str:
        """Return how it stops the server, in words."""
        return f"by {self.flag}"

    def run(self, timeout_s: float, *, may_go_on: bool = False) -> None:
        """Run it and return when it has ended.

        Args:
            timeout_s: The time after which it is killed, in seconds.
            may_go_on: Whether it may be the server itself: it is then left running, detached from our output, and this
                returns after POLL_S.

        Raises:
            StopFailed: It cannot be started, fails, or does not end in time.
        """
        actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        if may_go_on:
            actions.append((os.POSIX_SPAWN_OPEN, STDERR, os.devnull, os.O_WRONLY, 0))
        actions.append((os.POSIX_SPAWN_DUP2, STDERR, 1))
        get_hub().loop.install_sigchld()  # before the child can end: a signal reports its end
        try:
            pid = os.posix_spawn(self._words[0], self._words, os.environ, file_actions=actions, setsid=True)
        except OSError as problem:
            raise StopFailed(f"the command of {self.flag} cannot be started: {problem.strerror}") from problem
        self._watch(pid)
        self._wait(POLL_S if may_go_on else timeout_s)
        if self._status is None and not may_go_on:
            os.killpg(pid, signal.SIGKILL)
            self._wait(KILLED_S)
            raise StopFailed(f"the command of {self.flag} did not end within {timeout_s:g} s")
        self.check()

    def check(self) -> None:
        """Raise StopFailed if it has ended with a code other than 0."""
        if self._status:
            code = os.waitstatus_to_exitcode(self._status)
            how = f"with exit code {code}" if code > 0 else f"by signal {-code}"
            raise StopFailed(f"the command of {self.flag} ended {how}")

    def _wait(self, wait_s: float) -> None:
        """Return when it has ended, or when time is up."""
        deadline_s = time.monotonic() + wait_s
        while self._status is None and time.monotonic() < deadline_s:
            gevent.sleep(POLL_S)

    def _watch(self, pid: int) -> None:
        """Record how the process ends: libev waits for all children, so nobody else can."""
        self._status = None
        self._watcher = watcher = get_hub().loop.child(pid)

        def ended() -> None:
            """Record the status."""
            self._status = watcher.rstatus
            watcher.stop()

        watcher.start(ended)


def stop_command(words: Sequence[str]) -> Command:
    """Return the command that stops the server. Raises UsageError."""
    return Command(words, STOP_COMMAND)


def restart_command(words: Sequence[str]) -> Command:
    """Return the command that starts the server again. Raises UsageError."""
    return Command(words, RESTART_COMMAND)
