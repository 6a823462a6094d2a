"""The ways in which a run ends by itself: all work is done, a threshold is hopeless, a worker cannot take part.

All work is done when every planned user, on whatever process, has finished. A user that has finished stays, idle, until
the run ends: while Locust ramps up, it replaces any user missing from its target (runners.py: start_worker), and the
new user would start working again.
"""

import logging
from typing import Any, Protocol

import gevent
from locust.env import Environment

from fleetlm_users.swarm.run import Headcount, HeadcountReport

logger = logging.getLogger(__name__)


class WorkerPresence(Protocol):
    """The presence of the processes in which users live."""

    @property
    def has_ramped_up(self) -> bool:
        """Return whether all planned users have been spawned, on workers that may have gone since."""

    def gone(self, processes: Any) -> set[str]:
        """Return the workers that have gone, of those connected and of `processes`."""


class CompletionTracker:
    """The headcounts of all processes in one run; ends the run when no user has work left.

    Workers send theirs when the last of their users has finished, and again with every report, in case that message
    was lost.
    """

    def __init__(self, environment: Environment, epoch: str, workers: WorkerPresence) -> None:
        self._environment = environment
        self._epoch = epoch
        self._workers = workers
        self._counts: dict[str, Headcount] = {}
        self.is_complete = False

    def note(self, process: str, report: HeadcountReport | None) -> None:
        """Note the headcount of one process; end the run, once, if it was the last one awaited."""
        if report is None or report.epoch != self._epoch or self.is_complete:
            return
        self._counts[process] = report.headcount
        if self._is_all_done():
            self.is_complete = True
            logger.info("All users have done their work")
            # not in this greenlet: it may be a user's, or the one that receives from the workers
            gevent.spawn(end_run, self._environment)

    def _is_all_done(self) -> bool:
        """Return whether all users were spawned and none has work left.

        Users lost with their worker are not awaited: after the ramp-up, it may have gone before it reported its users.
        """
        runner = self._environment.runner
        if runner is None or not sum(count.finished for count in self._counts.values()):
            return False
        gone = self._workers.gone(self._counts)
        is_spawned = sum(count.entered for count in self._counts.values()) >= runner.target_user_count
        is_rest_lost = bool(gone) and self._workers.has_ramped_up
        is_working = any(count.working for process, count in self._counts.items() if process not in gone)
        return (is_spawned or is_rest_lost) and not is_working


def end_run(environment: Environment) -> None:
    """End the run as Locust does when the run time is up (main.py: stop_and_optionally_quit).

    Call it in a greenlet of its own: it may end the calling one.
    """
    runner, parsed, web_ui = environment.runner, environment.parsed_options, environment.web_ui
    if runner is None or parsed is None:
        return
    if parsed.headless:
        runner.quit()
        return
    runner.stop()
    if parsed.autostart and parsed.autoquit != -1:
        gevent.sleep(parsed.autoquit)
        runner.quit()
        if web_ui is not None:
            web_ui.stop()
