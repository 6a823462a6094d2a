"""The control of the number of users, whatever sets it: plan, load shape, a key in the terminal, the web UI, a search.

All of them call the runner's `start`, which is intercepted here, so that the users are spread like the plan's.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from locust import LoadTestShape, User
from locust.env import Environment

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.coordinator.console import Console
from fleetlm_users.swarm.coordinator.control.newest_start import NewestStart
from fleetlm_users.swarm.coordinator.control.user_target import UserTarget
from fleetlm_users.swarm.coordinator.run_view import RunView
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.locust_internals import intercept_start, spawn_next, wait_briefly_for_reports
from fleetlm_users.swarm.options.load_shape import ShapeWatch
from fleetlm_users.swarm.options.locust_plan import spread
from fleetlm_users.swarm.options.session_rate import NO_EDIT
from fleetlm_users.swarm.options.staged_load import REPORTS_WAIT_S, StagedLoad, order_after
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan


class ControlledRuns(Protocol):
    """The coordinator, as the control of users sees it."""

    console: Console

    @property
    def running(self) -> bool:
        """True from the start of a run until it has been judged."""

    def view(self) -> RunView | None:
        """Return the current or latest run."""

    def next_plan(self) -> Plan:
        """Return the plan of the next run. Raises StartupError."""

    def begin_stage(self, users: int, name: str) -> None:
        """Note the shape's request from now on, and its name for that stage."""


class UserControl:
    """Intercepts the runner's `start` on the coordinator."""

    def __init__(self, environment: Environment, benchmark: Benchmark, runs: ControlledRuns) -> None:
        runner = environment.runner
        self._environment = environment
        self._benchmark = benchmark
        self._runs = runs
        self._target: UserTarget | None = None
        self._requested: tuple[int, float] | None = None
        self._has_shrunk = False
        classes = list(benchmark.behaviours.values())
        self._watches = {
            id(shape): ShapeWatch(shape, runs.console.say, runs.begin_stage, classes) for shape in _shapes(environment)
        }
        # without a runner, a single user is run for a debugger
        self._newest_start = None if runner is None else NewestStart(runner, intercept_start(runner, self.start))

    @property
    def is_shape_done(self) -> bool:
        """Whether the run's shape reached its own end."""
        watch = self._watch
        return watch is not None and watch.is_done

    @property
    def asked_by_shape(self) -> tuple[int, str] | None:
        """The shape's latest request for users, and its name for that stage; None for a run without a shape."""
        watch = self._watch
        return None if watch is None else watch.asked

    def begin(self, target: UserTarget, plan: Plan) -> None:
        """Begin a run with the number of users requested last."""
        self._target = target
        if self._watch is not None:
            self._watch.problem = ""
        shape = self._environment.shape_class
        if isinstance(shape, StagedLoad):
            shape.reset_time()
            wait_briefly_for_reports(self._environment.runner, REPORTS_WAIT_S)
        if self._requested is not None:
            self._aim(plan, *self._requested, running=0, elapsed_s=0.0)

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: Sequence[type[User]] | None = None
    ) -> Any:
        """Spread the users, then call the runner's own `start` with these arguments."""
        try:
            view = self._runs.view() if self._runs.running else None
            if view is not None and view.is_ending:
                self._runs.console.say("The run is ending: its users stay as they are.")
                return None
            if view is not None and view.options.plan.session_rate:
                self._runs.console.say(NO_EDIT)
                return None
            plan = self._runs.next_plan() if view is None else view.options.plan
            if not plan.stages:
                spread(plan, user_count, self._environment.runner, self._benchmark, user_classes)
            elif view is not None:
                self._restore_order(view.options, user_count)
        except (UsageError, StartupError) as problem:
            self._runs.console.say(str(problem))
            return None
        self._requested = user_count, spawn_rate
        if view is not None:
            self._aim(plan, user_count, spawn_rate, running=view.users, elapsed_s=view.elapsed_s)
        # without classes, the dispatcher would reuse those that a shape asked for last (dispatch.py: new_dispatch)
        classes = self._environment.user_classes if user_classes is None else user_classes
        if self._newest_start is None:
            return None
        return self._newest_start(user_count, spawn_rate, wait=wait, user_classes=list(classes))

    def end(self) -> None:
        """End any spawning: the run is over, and a worker that is sent a user begins another run."""
        if self._newest_start is not None:
            self._newest_start.end()

    def _restore_order(self, options: Options, user_count: int) -> None:
        """After users were removed, have the next ones spawned in the plan's order again.

        Locust removes the newest first, so at any moment the first users of the order are running, in proportion.
        """
        running = 0 if self._requested is None else self._requested[0]
        if user_count < running:
            self._has_shrunk = True
        elif self._has_shrunk:
            spawn_next(self._environment.runner, order_after(self._benchmark, options, running))
            self._has_shrunk = False

    def doubts(self) -> Iterator[str]:
        """Yield why the shape could not be followed."""
        if self._watch is not None and self._watch.problem:
            yield self._watch.problem

    @property
    def _watch(self) -> ShapeWatch | None:
        return self._watches.get(id(self._environment.shape_class))

    def _aim(self, plan: Plan, users: int, rate: float, *, running: int, elapsed_s: float) -> None:
        """Note how many users are expected from now on; a search checks its own steps."""
        if self._target is None or self._benchmark.search is not None:
            return
        if plan.shape or plan.stages:
            self._target.step(users, rate, running, elapsed_s)
        else:
            self._target.edit(users, running, elapsed_s)


def _shapes(environment: Environment) -> list[LoadTestShape]:
    shapes = [*(environment.available_shape_classes or {}).values(), environment.shape_class]
    return list({id(shape): shape for shape in shapes if shape is not None}.values())
