"""A run that cannot begin: says why, in a person's words, and ends the process and what it started."""

import sys
import time
from typing import NoReturn

import gevent
import psutil

from fleetlm_users.foreign_text import printable_lines

MAX_PROBLEM = 20_000
USAGE_EXIT = 2
NO_TARGET_EXIT = 1

WORKERS_END_S = 2.0
"""A forked worker that has not begun a run has nothing to finish."""

POLL_S = 0.02


class StartupError(Exception):
    """A run cannot begin; the text is for a person, `exit_code` for a shell."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def exit_with(problem: StartupError) -> NoReturn:
    """Says why a run cannot begin and ends this process and its forked workers."""
    end_forked_workers()
    sys.stderr.write(f"{printable_lines(str(problem), MAX_PROBLEM)}\n")
    sys.exit(problem.exit_code)


def end_forked_workers(grace_s: float = 0.0) -> None:
    """Ends the workers that `--processes` forked; those that were told to end have `grace_s` to do so by themselves.

    Locust's own exit handler takes a worker that still runs for one that has ended (main.py kill_workers: waitpid with
    WNOHANG answers 0), and would leave it trying to connect for five minutes.
    """
    workers = [child for child in psutil.Process().children() if _is_fork(child)]
    _wait_for(workers, grace_s)
    for worker in filter(_alive, workers):
        worker.terminate()
    _wait_for(workers, WORKERS_END_S)
    for worker in filter(_alive, workers):
        worker.kill()


def _wait_for(workers: list[psutil.Process], wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while any(_alive(worker) for worker in workers) and time.monotonic() < deadline_s:
        gevent.sleep(POLL_S)


def _is_fork(child: psutil.Process) -> bool:
    """Whether it runs this very command; other children are the business of whoever started them."""
    try:
        return bool(child.cmdline() == psutil.Process().cmdline())
    except psutil.Error:  # it has ended
        return False


def _alive(worker: psutil.Process) -> bool:
    """Whether it still runs. Not asked by wait(): who reaps a child here makes Locust's exit handler loop."""
    try:
        return bool(worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
