"""The end that a run comes to by itself: every planned user, on whatever process, has done all its work.

A user that has finished lives on, idle, until the run ends: Locust spawns anew whatever is missing from the number it
was told while it ramps up (runners.py: start_worker), and would set it to work again.

The end of a run that nobody pressed a key for: all work is done, a threshold is hopeless, a worker refuses.
"""

import logging
from collections.abc import Mapping
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from fleetlm_users.swarm.cluster.messages import FINISHED
from fleetlm_users.swarm.run import Headcount


def end_run(environment: Environment) -> None:
    """Ends the run as Locust does when the run time is up (main.py: stop_and_optionally_quit).

    To be called in a greenlet of its own: it may end the calling one.
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


logger = logging.getLogger(__name__)


class CompletionTracker:
    """On the head: hears the headcounts of all processes and ends the run when nobody has work left.

    Workers tell theirs when it changes to nobody working, and again with every report, in case that message was lost.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._epoch = ""
        self._counts: dict[str, Headcount] = {}
        self.crossed = False
        if isinstance(self._runner, MasterRunner):
            self._runner.register_message(FINISHED, self.on_message)

    def begin(self, epoch: str) -> None:
        """A run begins; what is heard of an earlier one counts no more."""
        self._epoch = epoch
        self._counts = {}
        self.crossed = False

    def on_message(self, msg: Any, **_: Any) -> None:
        """A worker whose users have all done their work."""
        self.note(msg.node_id, msg.data)

    def note(self, process: str, told: Mapping[str, Any] | None) -> None:
        """Takes the headcount of one process; ends the run, once, when it was the last that was waited for."""
        if told is None or told["epoch"] != self._epoch or self.crossed:
            return
        self._counts[process] = Headcount(*told["headcount"])
        if self._all_done():
            self.crossed = True
            logger.info("All users have done their work")
            # not in this greenlet: it may be a user's, or the one that hears the workers
            gevent.spawn(end_run, self._environment)

    def _all_done(self) -> bool:
        """Whether all users were spawned and none has work left. Who was lost with its worker is not waited for."""
        if self._runner is None or not sum(count.finished for count in self._counts.values()):
            return False
        present = {process: count for process, count in self._counts.items() if process not in self._missing()}
        spawned = sum(count.entered for count in self._counts.values()) >= self._runner.target_user_count
        return (spawned or self._lost_some()) and not any(count.working for count in present.values())

    def _lost_some(self) -> bool:
        """A worker went away after the ramp-up, perhaps before it told how many users it had."""
        return bool(self._missing()) and isinstance(self._runner, MasterRunner) and self._runner.spawning_completed

    def _missing(self) -> set[str]:
        if not isinstance(self._runner, MasterRunner):
            return set()
        there = {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}
        return (self._counts.keys() | {client.id for client in self._runner.clients.all}) - there
