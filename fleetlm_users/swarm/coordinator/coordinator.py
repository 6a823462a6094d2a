"""The process that plans, starts and judges runs: Locust's master, or a standalone process."""

from collections.abc import Callable
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner
from msgspec import structs
from werkzeug.datastructures import MultiDict

from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.active_run import ActiveRun, users_of
from fleetlm_users.swarm.coordinator.console import Console
from fleetlm_users.swarm.coordinator.control.user_control import UserControl
from fleetlm_users.swarm.coordinator.preparation import Preparation, Prepared
from fleetlm_users.swarm.coordinator.reporting import ReportingRole
from fleetlm_users.swarm.coordinator.run_view import RunView
from fleetlm_users.swarm.coordinator.workers.local_workers import LocalWorkers
from fleetlm_users.swarm.coordinator.workers.remote_workers import RemoteWorkers
from fleetlm_users.swarm.coordinator.workers.workers import Workers
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.options.session_rate import NO_EDIT
from fleetlm_users.swarm.results.result_files import note_unwritten
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan


class Coordinator(ReportingRole):
    """The role of a master or of a standalone process; lives as long as the process.

    ActiveRun holds the state of one run; of the latest run, a view stays for pages.
    """

    def __init__(self, environment: Environment, context: BenchmarkContext, family: str = "") -> None:
        self._environment = environment
        self._context = context
        self.console = Console()
        self._workers = workers_of(environment, context, self.console.say, family)
        self.preparation = Preparation(environment, context, self.console.say)
        super().__init__(environment, self.preparation.parsed)
        self._next: Prepared | None = None
        self._user_control = UserControl(environment, context.benchmark, self)
        self._run: ActiveRun | None = None
        self._latest: RunView | None = None

    @property
    def running(self) -> bool:
        """True from the start of a run until it has been judged."""
        return self._run is not None and not self.has_ended

    def view(self) -> RunView | None:
        """Return a view of the current or latest run at this moment; None before the first."""
        if self._run is not None:
            return self._run.view()
        return None if self._latest is None else structs.replace(self._latest, users=users_of(self._environment))

    def refresh(self) -> None:
        """Merge the newest numbers of this process itself, if users live in it."""
        if self.running:
            self._workers.absorb()

    def prepare(self) -> Options:
        """Prepare the next run from the command line. Raises StartupError."""
        self._next = self.preparation.by_command_line()
        return self._next.options

    def prepare_form(self, form: MultiDict[str, str]) -> Options:
        """Prepare the next run from the web form. Raises StartupError."""
        self._next = self.preparation.by_form(form)
        return self._next.options

    def next_plan(self) -> Plan:
        """Return the plan of the next run, preparing it from the command line if necessary. Raises StartupError."""
        return (self.prepare() if self._next is None else self._next.options).plan

    def edit(self, form: MultiDict[str, str]) -> int | None:
        """Change the number of users of the current run; they keep the plan's proportions.

        Returns:
            The seconds until the run ends, unchanged; None for a run until stopped.

        Raises:
            StartupError: The run sets its users itself, or the form holds no valid number.
        """
        if self._context.benchmark.search is not None:
            raise StartupError("A capacity search sets its users itself: stop it, and start another", USAGE_EXIT)
        run, runner = self._run, self._environment.runner
        if run is None:
            return None
        if run.options.plan.shape:
            raise StartupError(f"The load shape {run.options.plan.shape} sets the users: stop it first", USAGE_EXIT)
        if run.options.plan.stages:
            raise StartupError("The stages of the run set its users: stop it first", USAGE_EXIT)
        if run.options.plan.session_rate:
            raise StartupError(NO_EDIT, USAGE_EXIT)
        if runner is not None:
            run.edit_users(self.preparation.edit(run.options.plan, form, runner))
        return run.load.target.remaining_s(run.clock.elapsed_s())

    def begin_stage(self, users: int, name: str) -> None:
        """Note the current run's shape's request from now on; before a run, its first one."""
        if self._run is not None and self._run.is_on and self._run.options.plan.shape:
            self._run.begin_stage(users, name)

    def speed_run(self) -> ActiveRun:
        """Return the run whose timetables may be sped up, slowed down or paused. Raises StartupError."""
        run = self._run
        if run is None or not run.is_on:
            raise StartupError("No run is on", USAGE_EXIT)
        if self._context.benchmark.search is not None:
            raise StartupError("A capacity search sets its load itself: stop it, and start another", USAGE_EXIT)
        if run.options.plan.session_rate and run.options.plan.stage_names:
            raise StartupError("The stages of the session rate set the load: stop the run first", USAGE_EXIT)
        return run

    def stop_by_control(self) -> None:
        """Note that a control command ends the current run. Raise StartupError if there is none."""
        if self._run is None or not self._run.is_on:
            raise StartupError("No run is on", USAGE_EXIT)
        self._run.stop_by_control()

    def start(self) -> None:
        """Begin the prepared run, or one from the command line if none was prepared."""
        prepared, self._next = self._next or self.preparation.by_command_line(), None
        self.preparation.show_plan()
        self.result = None
        self._run = ActiveRun(
            self._environment,
            self._context,
            prepared,
            console=self.console,
            workers=self._workers,
            user_control=self._user_control,
            on_refused=self._forget,
        )
        self._end = self._run.end

    def judge(self) -> None:
        """End the run; return when it is judged and reported. Only a view of it remains."""
        super().judge()
        run = self._run
        if run is not None and self.has_ended:
            self.result = run.result
            self._forget()
            self._latest = run.view()

    def reset_stats(self) -> None:
        """Forget all measurements so far, on all processes: a person reset the statistics.

        After the end of a run only the pages stop showing its numbers. A search compares its numbers and
        cannot do without them.
        """
        if self._run is None:
            self._latest = None
        elif self._run.is_on:
            if self._context.benchmark.search is not None:
                self.console.say("A capacity search compares its numbers: they are not reset")
            else:
                self._run.reset()

    def note_unwritten(self, flag: str, path: str, problem: OSError) -> None:
        """Note that one of Locust's files is missing: the report says so, and the exit code is not 0."""
        if self.result is not None:
            note_unwritten(self.result.summary, flag, path, problem)
            self._environment.process_exit_code = self.result.exit_code

    def close(self) -> None:
        """End the child servers."""
        self.preparation.close()

    def on_worker_connect(self, client_id: str) -> None:
        """Let a newly connected worker join the current run."""
        self._workers.on_connect(client_id)

    def on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Take in a worker's report."""
        self._workers.on_report(client_id, data)

    def _forget(self) -> None:
        self._workers.release()
        self._run = self._end = self._latest = None


def workers_of(
    environment: Environment, context: BenchmarkContext, say: Callable[[str], None], family: str = ""
) -> Workers:
    """Return the workers of this process: a master's, or itself if it runs the users."""
    if isinstance(environment.runner, MasterRunner):
        return RemoteWorkers(environment, environment.runner, context, say, family)
    return LocalWorkers(context)
