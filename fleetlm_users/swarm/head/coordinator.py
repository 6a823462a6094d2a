"""The process that plans, starts and judges a run: Locust's master, or the only process there is."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner
from werkzeug.datastructures import MultiDict

from fleetlm_users.foreign_text import printable_lines
from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.report.progress import RECENT_ROWS, progress_line
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.cluster.admission import WorkerAdmission, code_version_of
from fleetlm_users.swarm.cluster.liveness import WorkerLiveness
from fleetlm_users.swarm.cluster.messages import HEADCOUNT, REFUSED, RUN
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.worker_registry import WorkerRegistry
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.head.completion import CompletionTracker, end_run
from fleetlm_users.swarm.head.conclusion import RunResult, conclude
from fleetlm_users.swarm.head.console import Console
from fleetlm_users.swarm.head.monitors import RunMonitors, View
from fleetlm_users.swarm.head.preparation import Preparation, Prepared
from fleetlm_users.swarm.head.run_clock import RunClock
from fleetlm_users.swarm.head.run_view import RunView
from fleetlm_users.swarm.head.user_control import UserControl
from fleetlm_users.swarm.head.user_target import UserTarget
from fleetlm_users.swarm.host.host_facts import HostFacts
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.swarm.options.locust_plan import dealt_to
from fleetlm_users.swarm.options.wire import to_wire
from fleetlm_users.swarm.results.result_files import note_unwritten
from fleetlm_users.swarm.run import CLEANUP_S
from fleetlm_users.swarm.run_end import EndingRole
from fleetlm_users.swarm.stats.locust_errors import bound_report
from fleetlm_users.swarm.stats.locust_history import bound_history
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.user_numbers import ALONE

LOCAL = "local"


class Head(EndingRole):
    """The role of a master or of a standalone process."""

    def __init__(self, environment: Environment, context: BenchmarkContext, family: str = "") -> None:
        self._environment = environment
        self._context = context
        self._roster: WorkerRegistry | None = None
        self._local_run: LocalRun | None = None
        self._presence: WorkerLiveness | None = None
        self._finish = CompletionTracker(environment)
        self.console = Console()
        self._refused = RefusedMessages(self.console.say)
        self._door: WorkerAdmission | None = None
        if isinstance(environment.runner, MasterRunner):
            self._presence = WorkerLiveness(environment.runner, self.on_lost, self.on_found)
            # last, so that everybody else hears only what comes through it
            passport = code_version_of(environment, context)
            self._door = WorkerAdmission(environment.runner, passport, self.console.say, self._refused, family)
            self._roster = WorkerRegistry(environment.runner, self._presence, self._refused)
            environment.runner.register_message(REFUSED, self.on_refused)
        else:
            self._local_run = LocalRun(context, LOCAL, self._on_idle)
        self.preparation = Preparation(environment, context, self.console.say)
        self._next: Prepared | None = None
        self._user_control = UserControl(environment, context.benchmark, self)
        self._thresholds: Sequence[Threshold] = ()
        self._options: Options | None = None
        self._merge = SnapshotStore("", context.catalogue)
        self._clock = RunClock(None, 0.0)
        self._progress: gevent.Greenlet | None = None
        self._target = UserTarget(0, None)
        self._dealt_to: list[int] = []
        self._stopped_by = ""
        self._monitors: RunMonitors | None = None
        self._host: HostFacts | None = None
        self.result: RunResult | None = None

    @property
    def running(self) -> bool:
        """True from the start of a run until it has been judged."""
        return self._options is not None and not self.has_ended

    def view(self) -> RunView | None:
        """The run that is on or was on last; None before the first."""
        options = self._options
        if options is None:
            return None
        return RunView(
            merge=self._merge,
            options=options,
            thresholds=self._thresholds,
            started_at=self._clock.started_at,
            elapsed_s=self._clock.elapsed_s(),
            judged_s=self._clock.judged_s(),
            planned_s=options.plan.duration_s,
            users=self._users(),
            planned_users=self._target.users,
            is_ending=self._clock.is_stopped,
            result=self.result,
        )

    def refresh(self) -> None:
        """Takes in the newest numbers of this very process, where users live in it."""
        if self.running:
            self._absorb_own()

    def prepare(self) -> Options:
        """Makes the next run ready as the command line has it. Raises StartupError."""
        self._next = self.preparation.by_command_line()
        return self._next.options

    def prepare_form(self, form: MultiDict[str, str]) -> Options:
        """Makes the next run ready as the web form has it. Raises StartupError."""
        self._next = self.preparation.by_form(form)
        return self._next.options

    def next_plan(self) -> Plan:
        """The plan of the run that begins next, prepared or as the command line has it. Raises StartupError."""
        return (self.prepare() if self._next is None else self._next.options).plan

    def edit(self, form: MultiDict[str, str]) -> int | None:
        """Users are edited in mid-run: the new number keeps the plan's proportions, and is what is then expected.

        Returns in how many seconds the run is to end, as before; None for until stopped. Raises StartupError.
        """
        if self._context.benchmark.search is not None:
            raise StartupError("A capacity search sets its users itself: stop it, and start another", USAGE_EXIT)
        if self._options is not None and self._options.plan.shape:
            raise StartupError(f"The load shape {self._options.plan.shape} sets the users: stop it first", USAGE_EXIT)
        runner = self._environment.runner
        if self._options is not None and runner is not None:
            users = self.preparation.edit(self._options.plan, form, runner)
            self._target.edit(users, self._users(), self._clock.elapsed_s())
        return self._target.remaining_s(self._clock.elapsed_s())

    def reset(self) -> None:
        """A person reset the statistics: what was measured so far is forgotten, on all processes.

        After the end of a run it is only shown no more; its files stay. A search cannot do without its numbers.
        """
        if self._is_on and self._options is not None:
            if self._context.benchmark.search is not None:
                self.console.say("A capacity search compares its numbers: they are not reset")
                return
            self._clock.reset()
            self._merge = SnapshotStore(self._merge.epoch, self._context.catalogue, len(self._clock.resets))
            self._describe(self._options)
            if self._roster is not None:
                self._roster.reset(self._merge)
            if self._local_run is not None:
                self._local_run.reset(self._merge.epoch, len(self._clock.resets))
        elif not self.running:
            self._options = None

    def start(self) -> None:
        """A run begins: the prepared one, or one of the present options if nobody prepared it."""
        prepared, self._next = self._next or self.preparation.by_command_line(), None
        options, self._thresholds, self._host = prepared.options, prepared.thresholds, prepared.host
        self.preparation.show_plan()
        epoch = uuid.uuid4().hex
        self._options = options
        self.result = None
        self._stopped_by = ""
        self.enter_run()
        self._dealt_to = dealt_to(self._environment.runner)
        self._target = UserTarget(options.plan.total_users, options.plan.duration_s)
        self._user_control.begin(self._target, options.plan)
        self._merge = SnapshotStore(epoch, self._context.catalogue)
        self._clock = RunClock(options.plan.duration_s, options.plan.warm_up_s)
        self._describe(options)
        self._finish.begin(epoch)
        self._refused.begin()
        if self._roster is not None and self._presence is not None:
            self._roster.begin(self._merge, self._clock.elapsed_s)
            self._presence.begin(options.worker_timeout_s)
        if self._local_run is not None:
            self._local_run.begin(options, epoch, ALONE)
        self._progress = gevent.spawn(self._show_progress)
        search = self._context.benchmark.search
        self._monitors = RunMonitors(
            self._environment,
            options,
            self._thresholds,
            View(
                self._totals_now,
                lambda: self._merge.workers,
                self._border,
                self._clock.elapsed_s,
                self._clock.judged_s,
                self.console.say,
            ),
            server=prepared.server,
            search=None if search is None else search(options),
        )

    def on_stop(self) -> None:
        """Of the run's end: its clock stops."""
        self._clock.stop()
        if self._monitors is not None:
            self._monitors.stop()
        self._note_users()

    def on_drain(self) -> None:
        """Of the run's end: nothing to wait for when the run was refused."""
        if self._options is None:
            return
        if self._roster is not None:
            cleanup_s = CLEANUP_S if self._options.cleanup else 0.0
            self._roster.drain(self._merge.epoch, self._options.drain_timeout_s + cleanup_s)
        if self._local_run is not None:
            self._local_run.end()
        self._absorb_own()

    def on_hurry(self) -> None:
        """Of the run's end: a second signal, or one while a run drains that ended by itself."""
        self.console.say("The drain is cut short: messages that are still open count as in flight")
        if self._roster is not None:
            self._roster.hurry()
        if self._local_run is not None:
            self._local_run.hurry()

    def on_judge(self) -> None:
        """Of the run's end: the verdict, the report, the exit code."""
        options, beside, host = self._options, self._monitors, self._host
        if options is None or beside is None or host is None:
            return
        if self._progress is not None:
            self._progress.kill(block=False)
        self.console.clear()
        self._refused.tell_count()
        self.result = conclude(
            options,
            self._thresholds,
            self._merge,
            judged_s=self._clock.judged_s(),
            interrupted=self._interrupted(),
            hurried=self.was_hurried,
            roster=self._roster,
            host=host,
            doubts=self._doubts(),
            started_at=self._clock.started_at,
            aborted=beside.aborted,
            server=beside.server,
            found=beside.found,
            by_hand={"edits": self._target.edits, "resets": self._clock.resets},
        )
        self._environment.process_exit_code = self.result.exit_code

    def note_unwritten(self, flag: str, path: str, problem: OSError) -> None:
        """A file of Locust's that was asked for is missing: the report says so, and the exit code is not 0."""
        if self.result is not None:
            note_unwritten(self.result.summary, flag, path, problem)
            self._environment.process_exit_code = self.result.exit_code

    def close(self) -> None:
        """Ends the child servers."""
        self.preparation.close()

    def on_connect(self, client_id: str) -> None:
        """A worker connected; while a run is on it joins it, late."""
        if self._roster is None:
            return
        self._roster.on_connect(client_id)
        if self._options is not None and self._is_on:
            self._describe(self._options)  # what it is told when Locust deals it users, right after this
            self.console.say(f"Worker {client_id} joins the run, {self._clock.elapsed_s():.0f} s after it began")

    def on_lost(self, client_id: str, why: str) -> None:
        """A worker is gone: the run goes on without it, or stops."""
        options, roster = self._options, self._roster
        if options is None or roster is None or not self.running or not roster.note_lost(client_id, why):
            return
        stops = self._is_on and (options.on_worker_lost == "stop" or roster.is_deserted)
        told = "The run stops." if stops else "The run goes on without it." if self._is_on else "It is not waited for."
        self.console.say(f"Worker {client_id} is lost: {why}. {told}")
        if stops:
            self._stopped_by = f"worker {client_id} was lost"
            gevent.spawn(end_run, self._environment)

    def on_found(self, client_id: str) -> None:
        """A worker that was taken for gone is heard again: what it measured meanwhile comes with its next report."""
        if self._roster is not None and self._roster.note_found(client_id):
            self.console.say(f"Worker {client_id} is back.")

    def on_report(self, client_id: str, data: dict[str, Any]) -> None:
        """A worker reported."""
        bound_report(self._environment.stats, data)
        if self._roster is not None:
            self._roster.on_report(client_id, data)
            self._finish.note(client_id, data.get(HEADCOUNT))

    def on_refused(self, msg: Any, **_: Any) -> None:
        """A worker's machine cannot do its part: the run ends without a verdict, as if it had not begun."""
        if not self.running or msg.data["epoch"] != self._merge.epoch:
            return
        self._options = None
        if self._monitors is not None:
            self._monitors.stop()
        if self._progress is not None:
            self._progress.kill(block=False)
        self._environment.process_exit_code = USAGE_EXIT
        self.console.say(f"Worker {msg.node_id} cannot take part. {printable_lines(str(msg.data['problem']))}")
        gevent.spawn(end_run, self._environment)  # not in this greenlet: it hears the workers

    def _describe(self, options: Options) -> None:
        """The run as workers are told of it, with its clock as it stands: Locust sends it with every spawn message."""
        vars(self.preparation.parsed)[RUN] = {
            "epoch": self._merge.epoch,
            "options": to_wire(options),
            "dealt_to": self._dealt_to,
            "elapsed_s": self._clock.elapsed_s(),
            "resets": self._merge.resets,
        }

    @property
    def _is_on(self) -> bool:
        """True from the start of a run until its end has begun."""
        return self.running and not self._clock.is_stopped

    def _border(self) -> Border:
        """The numbers of all processes as they are at this moment."""
        if self._roster is not None:
            self._roster.look(self._merge.epoch)
        return Border(self._totals_now(), self._merge.workers)

    def _totals_now(self) -> Totals:
        self._absorb_own()
        return self._merge.totals()

    def _interrupted(self) -> bool:
        """Whether the run ended before its planned end."""
        if self._finish.crossed or self._options is None:
            return False
        if self._monitors is not None and self._monitors.is_search_done is not None:
            return not self._monitors.is_search_done
        if self._options.plan.shape:
            return not self._user_control.is_shape_done or self._clock.judged_s() <= 0
        return self._clock.ended_early(is_finite=self._context.benchmark.is_finite(self._options))

    def _doubts(self) -> list[str]:
        doubts = []
        if self._stopped_by:
            doubts.append(f"the run was stopped before its time: {self._stopped_by}")
        exceptions = self._environment.runner.exceptions.values() if self._environment.runner is not None else ()
        if exceptions:
            count = sum(row["count"] for row in exceptions)
            doubts.append(f"{count} unexpected exceptions in users, the first: {next(iter(exceptions))['msg']}")
        refused = self._door.refused_of_workers() if self._door is not None else ()
        return [*doubts, *refused, *self._user_control.doubts(), *self._target.doubts()]

    def _on_idle(self) -> None:
        if self._local_run is not None:
            self._finish.note(LOCAL, self._local_run.headcount())

    def _absorb_own(self) -> None:
        if self._local_run is not None:
            snapshot = self._local_run.snapshot()
            if snapshot is not None and self._merge.absorb_own(LOCAL, snapshot):
                self._local_run.forget_rows(self._merge.epoch, self._merge.resets, self._merge.taken_to(LOCAL))

    def _users(self) -> int:
        return int(self._environment.runner.user_count) if self._environment.runner is not None else 0

    def _note_users(self) -> int:
        users = self._users()
        self._target.note(users, self._clock.elapsed_s())
        return users

    def _show_progress(self) -> None:
        """One line per interval; users are looked at each second, so that a short peak is not missed."""
        shown_s = time.perf_counter()
        while True:
            gevent.sleep(1.0)
            users = self._note_users()
            bound_history(self._environment.stats)
            if self._is_on:
                vars(self.preparation.parsed)[RUN]["elapsed_s"] = self._clock.elapsed_s()
            if time.perf_counter() - shown_s < self.console.interval_s - 0.5:
                continue
            shown_s = time.perf_counter()
            plan = self._options.plan if self._options is not None else None
            duration_s = plan.duration_s if plan is not None else None
            totals, recent = self._totals_now(), self._merge.series(RECENT_ROWS)
            fits, elapsed_s = self.console.fits, self._clock.elapsed_s()
            self.console.progress(progress_line(totals, recent, elapsed_s, duration_s, users, fits))
