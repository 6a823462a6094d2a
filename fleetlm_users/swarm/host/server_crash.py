"""The crash of a run: stop the server at its moment, have it started again, and wait until it answers.

Only the coordinator does so, once per run.
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import gevent

from fleetlm_users.measure.judging.durability.crash import CrashRecord
from fleetlm_users.swarm.host.local_servers import LocalServerError, LocalServers
from fleetlm_users.swarm.host.server_stop import Command, ServerProcess, StopFailed, restart_command, stop_command
from fleetlm_users.workload.options.durability import COMMAND, KILL, NONE, CrashPlan

ASK_EVERY_S: Final = 0.25
MAX_MESSAGES: Final = 100_000
"""How many messages of one session the stand-in keeps: all of five hours at five a second, with their answers."""


def standin_storage(folder: Path) -> list[str]:
    """Return the options that let a stand-in be killed and started again.

    It stores what it acknowledged as often as the recorded server of its protocol, unless its other options say
    otherwise, and keeps whole sessions.
    """
    files = ["--storage-file", str(folder / "storage"), "--journal", str(folder / "journal")]
    return ["--max-messages-per-session", str(MAX_MESSAGES), "--flush-as-recorded", *files]


class StoppedServer(Protocol):
    """A server that can be stopped and started again."""

    how: str

    def stop(self) -> None:
        """Stop it; return when it has stopped. Raises StopFailed."""

    def start_again(self) -> None:
        """Start it, as far as this run has to. Raises StopFailed."""

    def check(self) -> None:
        """Raise StopFailed if its start has failed meanwhile."""


class StandIn:
    """The embedded stand-in; until it runs, only the plan's signal and time limit are known."""

    def __init__(self, servers: LocalServers, number: signal.Signals, timeout_s: float) -> None:
        self._servers = servers
        self._number = number
        self._timeout_s = timeout_s
        self.how = f"by {number.name} to the stand-in"

    def stop(self) -> None:
        """Send the signal; the restart waits for the end of the old process. Raises StopFailed."""
        pid = self._servers.standin_pid
        if pid is None:
            raise StopFailed("the stand-in does not run")
        ServerProcess(pid).stop(self._number, self._timeout_s)

    def start_again(self) -> None:
        """Start it on the same port. Raises StopFailed."""
        try:
            self._servers.restart_standin(self._timeout_s)
        except LocalServerError as problem:
            raise StopFailed(str(problem)) from problem

    def check(self) -> None:
        """Do nothing: it has started."""


class OtherServer:
    """A server that is stopped by a signal or a command, and started again by a command or by somebody else."""

    def __init__(self, plan: CrashPlan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._stop: Command | ServerProcess = (
            stop_command(plan.stop) if plan.how == COMMAND else ServerProcess.of(plan.pids)
        )
        self._restart = restart_command(plan.restart) if plan.restart else None
        self.how = self._stop.how(_signal(plan))

    def stop(self) -> None:
        """Send the signal, or run the command. Raises StopFailed."""
        if isinstance(self._stop, Command):
            self._stop.run(self._plan.timeout_s)
        else:
            self._stop.stop(_signal(self._plan), self._plan.timeout_s)

    def start_again(self) -> None:
        """Run the command, which may be the server itself. Raises StopFailed if it has failed by then."""
        if self._restart is None:
            self._say(
                f"Start the server again now: the run waits {self._plan.timeout_s:g} s for it at most "
                "(--restart-command would start it)"
            )
        else:
            self._restart.run(self._plan.timeout_s, may_go_on=True)

    def check(self) -> None:
        """Raise StopFailed if the command has failed meanwhile."""
        if self._restart is not None:
            self._restart.check()


def server_of(plan: CrashPlan, servers: LocalServers | None, say: Callable[[str], None]) -> StoppedServer | None:
    """Return the server that a plan stops; None if it stops none. `servers` exist with `--standin`.

    Raises UsageError for a process or program that does not exist.
    """
    if plan.how == NONE:
        return None
    if servers is not None and plan.how != COMMAND:
        return StandIn(servers, _signal(plan), plan.timeout_s)
    return OtherServer(plan, say)


class CrashDriver:
    """The driver of a crash: stops the server of one run at its moment. `record` says how that went.

    Args:
        plan: When and how to stop it.
        server: The server; None if this run does not stop it.
        elapsed_s: Returns the seconds since the run began.
        answers: Returns whether the server answers as it did before the run.
        say: Takes a line for a person.
    """

    def __init__(
        self,
        plan: CrashPlan,
        server: StoppedServer | None,
        *,
        elapsed_s: Callable[[], float],
        answers: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._server = server
        self._elapsed_s = elapsed_s
        self._answers = answers
        self._say = say
        self._how = "" if server is None else server.how
        self._stopped_s: float | None = None
        self._back_s: float | None = None
        self._problem = ""
        self._greenlet = gevent.spawn(self._run) if server is not None else None

    @property
    def record(self) -> CrashRecord:
        """The progress of the crash so far."""
        return CrashRecord(self._how, self._stopped_s, self._back_s, self._problem)

    def stop(self) -> None:
        """End it: the run is over."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _run(self) -> None:
        server = self._server
        if server is None:
            return
        gevent.sleep(max(0.0, self._plan.at_s - self._elapsed_s()))
        self._stopped_s = self._elapsed_s()
        self._say(f"The server is stopped {server.how}, {self._stopped_s:.1f} s into the run")
        try:
            server.stop()
            server.start_again()
            self._await_answer(server)
        except StopFailed as problem:
            self._problem = str(problem)
            self._say(f"The crash did not go as planned: {problem}")
        else:
            self._say(f"The server answers again, {self._elapsed_s() - self._stopped_s:.1f} s after it was stopped")

    def _await_answer(self, server: StoppedServer) -> None:
        deadline_s = time.monotonic() + self._plan.timeout_s
        while not self._answers():
            server.check()
            if time.monotonic() >= deadline_s:
                raise StopFailed(f"the server did not answer again within {self._plan.timeout_s:g} s")
            gevent.sleep(ASK_EVERY_S)
        self._back_s = self._elapsed_s()


def _signal(plan: CrashPlan) -> signal.Signals:
    return signal.SIGKILL if plan.how == KILL else signal.SIGTERM
