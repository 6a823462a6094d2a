"""The error of a run that cannot begin: it says why, and ends the process and everything it started."""

import sys
import time
from collections.abc import Callable
from typing import NoReturn

import gevent
import psutil

from fleetlm_users.errors import UsageError
from fleetlm_users.foreign_text import printable_lines

MAX_PROBLEM = 20_000
USAGE_EXIT = 2
NO_TARGET_EXIT = 1

WORKERS_END_S = 2.0
"""A forked worker that has not begun a run has nothing to finish."""

POLL_S = 0.02


class StartupError(Exception):
    """A run cannot begin; the text is for a person, `exit_code` for a shell.

    `usage` is the user's mistake behind it, if there is one: the start form names the setting by its own title.
    """

    usage: UsageError | None = None

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code

    @classmethod
    def of_usage(cls, usage: UsageError) -> "StartupError":
        """Return the error for a user's mistake."""
        problem = cls(str(usage), USAGE_EXIT)
        problem.usage = usage
        return problem


def exit_with(problem: StartupError) -> NoReturn:
    """Print why a run cannot begin, and end this process and its forked workers."""
    end_forked_workers()
    sys.stderr.write(f"{printable_lines(str(problem), MAX_PROBLEM)}\n")
    sys.exit(problem.exit_code)


def end_forked_workers(grace_s: float = 0.0, sleep: Callable[[float], None] = gevent.sleep) -> None:
    """End the workers that `--processes` forked; they have `grace_s` to end by themselves.

    Locust's own exit handler mistakes a worker that still runs for one that has ended (waitpid with WNOHANG returns 0),
    and would leave it trying to connect for five minutes.
    """
    workers = [child for child in psutil.Process().children() if _is_fork(child)]
    _wait_for(workers, grace_s, sleep)
    for worker in filter(_alive, workers):
        worker.terminate()
    _wait_for(workers, WORKERS_END_S, sleep)
    for worker in filter(_alive, workers):
        worker.kill()


def _wait_for(workers: list[psutil.Process], wait_s: float, sleep: Callable[[float], None]) -> None:
    deadline_s = time.monotonic() + wait_s
    while any(_alive(worker) for worker in workers) and time.monotonic() < deadline_s:
        sleep(POLL_S)


def _is_fork(child: psutil.Process) -> bool:
    """Return whether it runs this very command; other children belong to the process that started them."""
    try:
        return bool(child.cmdline() == psutil.Process().cmdline())
    except psutil.Error:  # already ended
        return False


def _alive(worker: psutil.Process) -> bool:
    """Return whether it still runs. Do not wait() here: reaping it would make Locust's exit handler loop forever."""
    try:
        return bool(worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
