"""The driver of a capacity search: it moves users up and down by Locust's own spawning, and holds, measures and reports
each step.
"""

import logging
import time
from collections.abc import Callable, Sequence

import gevent
from locust.env import Environment
from locust.runners import STATE_RUNNING, Runner

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.capacity import Border, Step, judge_step
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.report.capacity import Capacity, step_line
from fleetlm_users.swarm.coordinator.completion import end_run
from fleetlm_users.workload.capacity_search import CapacitySearch
from fleetlm_users.workload.options.capacity import SearchSettings

logger = logging.getLogger(__name__)

POLL_S = 0.05
SPARE_S = 30.0
"""Allowance beyond the time that a ramp takes at its rate: for a busy server, and for the reports of workers."""


class CapacityDriver:
    """One search, in a greenlet of its own on the coordinator; it ends the run when it is done.

    `border` returns the merged numbers as they are now on all processes; `say` writes a line for a person.
    """

    def __init__(  # noqa: PLR0913  # a search is made in one place, each argument under its own name
        self,
        environment: Environment,
        settings: SearchSettings,
        thresholds: Sequence[Threshold],
        limits: Limits,
        *,
        border: Callable[[], Border],
        say: Callable[[str], None],
    ) -> None:
        self._environment = environment
        self._settings = settings
        self._thresholds = thresholds
        self._limits = limits
        self._border = border
        self._say = say
        self._search = CapacitySearch(settings.plan)
        self._steps: list[Step] = []
        self._greenlet: gevent.Greenlet | None = None

    def __repr__(self) -> str:
        return f"<CapacityDriver {self._search!r}>"

    @property
    def is_done(self) -> bool:
        """Whether the search came to its end by itself."""
        return self._search.is_done

    def start(self, warm_up_s: float) -> None:
        """Begin; the first step's users are being spawned by Locust itself, and the run's warm-up passes first."""
        self._say(str(self._settings))
        self._greenlet = gevent.spawn(self._drive, warm_up_s)

    def stop(self) -> None:
        """Start no more steps: the run ends."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def result(self) -> Capacity:
        """Return what has been found so far."""
        search, settings = self._search, self._settings
        return Capacity(
            settings.unit,
            settings.per_user,
            kept=search.kept,
            missed=search.missed,
            limited=search.limited,
            finished=search.is_done,
            steps=tuple(self._steps),
        )

    def _drive(self, warm_up_s: float) -> None:
        try:
            began = self._border()
            gevent.sleep(warm_up_s)
            self._await(lambda runner: runner.state == STATE_RUNNING, self._settings.plan.first)
            while self._search.load is not None:
                step = self._step(self._search.load, began)
                self._steps.append(step)
                self._search.tell(step.outcome)
                self._say(step_line(len(self._steps), step, self._settings.per_user))
                if step.outcome != "kept" and not self._search.is_done:
                    self._reach(self._search.kept)
                    gevent.sleep(self._settings.settle_s)
                began = self._border()
            self._say(f"capacity: {self.result().words()}")
        except Exception:
            logger.exception("The search cannot go on")
        gevent.spawn(end_run, self._environment)

    def _step(self, load: int, began: Border) -> Step:
        is_repeat = self._search.is_repeat
        self._reach(load)
        gevent.sleep(self._settings.settle_s)
        settled, settled_s = self._border(), time.perf_counter()
        gevent.sleep(self._settings.hold_s)
        hold_s, ended = time.perf_counter() - settled_s, self._border()
        return judge_step(
            self._thresholds,
            load=load,
            began=began,
            settled=settled,
            ended=ended,
            hold_s=hold_s,
            limits=self._limits,
            repeat=is_repeat,
        )

    def _reach(self, load: int) -> None:
        """Have Locust run that many users; a lower number is reached at once, each user leaving cleanly."""
        runner = self._environment.runner
        if runner is None or runner.target_user_count == load:
            return
        rate = self._settings.join_rate if load > runner.target_user_count else float(runner.target_user_count)
        distance = abs(load - runner.target_user_count)
        runner.start(load, rate)
        self._await(lambda runner: runner.user_count == load, distance)

    def _await(self, is_there: Callable[[Runner], bool], distance: int) -> None:
        runner = self._environment.runner
        give_up_s = time.perf_counter() + distance / self._settings.join_rate + SPARE_S
        while runner is not None and not is_there(runner) and time.perf_counter() < give_up_s:
            gevent.sleep(POLL_S)
