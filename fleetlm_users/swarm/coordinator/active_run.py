"""One run on its coordinator: created when it starts, dropped once it is judged."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gevent
from locust.env import Environment

from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp, keeping_up
from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.durability.crash import crash_doubts
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.report.progress import RECENT_ROWS, progress_line
from fleetlm_users.measure.snapshot_store import SnapshotStore, WorkerState
from fleetlm_users.measure.threshold.threshold import Threshold
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.completion import CompletionTracker, end_run
from fleetlm_users.swarm.coordinator.conclusion.conclusion import RunResult, conclude
from fleetlm_users.swarm.coordinator.conclusion.ended_run import EndedRun
from fleetlm_users.swarm.coordinator.console import Console
from fleetlm_users.swarm.coordinator.control.run_load import RunLoad
from fleetlm_users.swarm.coordinator.control.user_control import UserControl
from fleetlm_users.swarm.coordinator.monitors import RunMonitors
from fleetlm_users.swarm.coordinator.preparation import Prepared
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.coordinator.run_view import RunView
from fleetlm_users.swarm.coordinator.workers.workers import Workers
from fleetlm_users.swarm.host.server_crash import CrashDriver
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT
from fleetlm_users.swarm.host.storm_record import planned_storm, storm_record
from fleetlm_users.swarm.results.annotations import RunAnnotations
from fleetlm_users.swarm.results.result_files import note_annotations
from fleetlm_users.swarm.results.run_course import RunCourse
from fleetlm_users.swarm.run import HeadcountReport
from fleetlm_users.swarm.run_end import RunEnd
from fleetlm_users.swarm.runtime.health import yield_to_loop
from fleetlm_users.swarm.stats.locust_tables import bound_history
from fleetlm_users.workload.orders.load_clock import LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder

TICK_S = 1.0


class ActiveRun:
    """A run from its start to its verdict: its snapshots, clock, target, monitors and end.

    `on_refused` is called when a worker cannot take part, which ends the run without a verdict.
    """

    def __init__(  # noqa: PLR0913  # a run is made in one place, each argument under its own name
        self,
        environment: Environment,
        context: BenchmarkContext,
        prepared: Prepared,
        *,
        console: Console,
        workers: Workers,
        user_control: UserControl,
        on_refused: Callable[[], None],
    ) -> None:
        self._environment = environment
        self._context = context
        self._prepared = prepared
        self._console = console
        self._workers = workers
        self._user_control = user_control
        self._on_refused = on_refused
        self._stopped_by = ""
        plan = prepared.options.plan
        self.options = prepared.options
        self.snapshots = SnapshotStore(uuid.uuid4().hex, context.catalogue)
        self.clock = RunClock(plan.duration_s, plan.warm_up_s)
        self.load = RunLoad(plan, self.clock)
        self.end = RunEnd(self)
        self.result: RunResult | None = None
        self._completion = CompletionTracker(environment, self.snapshots.epoch, workers)
        user_control.begin(self.load.target, plan)
        workers.begin(self)
        if plan.shape and user_control.asked_by_shape is not None:
            self.load.begin_first_stage(*user_control.asked_by_shape)
            workers.order_load()
        self._greenlets = [gevent.spawn(self._tick), gevent.spawn(console.show_progress, self._progress_line)]
        search = context.benchmark.search
        self._monitors = RunMonitors(
            environment,
            self,
            prepared.thresholds,
            server=prepared.server,
            search=None if search is None else search(prepared.options),
        )
        self._crash = self._begin_crash()
        sink = prepared.annotations
        self._annotations = None if sink is None else RunAnnotations(sink, self.options, self.say)

    def __repr__(self) -> str:
        return f"ActiveRun({self.options.run_id}, {self.clock!r}, {self.end!r})"

    @property
    def is_on(self) -> bool:
        """True until the end of the run has begun."""
        return not self.clock.is_stopped

    @property
    def worker_states(self) -> tuple[WorkerState, ...]:
        """The state of the workers' generators, by their newest snapshots."""
        return self.snapshots.workers

    @property
    def catalogue(self) -> Catalogue:
        """The metrics of the run."""
        return self._context.catalogue

    @property
    def timeline(self) -> MergedTimeline:
        """The seconds of the run, on all processes."""
        return self.snapshots.timeline

    def has_samples(self, threshold: Threshold) -> bool:
        """Return whether there is evidence about a threshold's metric in the main phase."""
        return self.snapshots.totals().samples(threshold.metric, threshold.scenario) > 0

    def view(self) -> RunView:
        """Return a view of the run at this moment."""
        return RunView(
            merge=self.snapshots,
            options=self.options,
            thresholds=self._prepared.thresholds,
            judge_elsewhere=self._monitors.judge,
            started_at=self.clock.started_at,
            elapsed_s=self.clock.elapsed_s(),
            judged_s=self.clock.judged_s(),
            planned_s=self.options.plan.duration_s,
            users=users_of(self._environment),
            planned_users=self.load.target.users,
            is_ending=self.clock.is_stopped,
            result=self.result,
            speed=self.load.speed_control.speed,
            stages=self.load.stages(),
            storm=self._planned_storm(),
        )

    def totals(self) -> Totals:
        """Return the merged numbers of all processes, as far as known."""
        self._workers.absorb()
        return self.snapshots.totals()

    def border(self) -> Border:
        """Return the numbers of all processes at this moment; wait until they have arrived."""
        self._workers.look()
        snapshots = self.snapshots
        gone = self._workers.gone([state.worker for state in snapshots.workers])
        present = snapshots.totals(without=gone) if gone else None
        return Border(snapshots.totals(), snapshots.workers, present)

    def seconds(self, newest: int) -> list[SeriesRow]:
        """Return the newest seconds of all processes together, as far as known."""
        return self.snapshots.series(newest)

    def keeping_up(self, begins_s: float, ends_s: float) -> KeepingUp:
        """Return how the backlogs developed between two seconds of the run; earlier seconds give the fastest
        latency.
        """
        return keeping_up(self.snapshots.timeline, begins_s, ends_s, yield_to_loop=yield_to_loop)

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return self.clock.elapsed_s()

    def order(self, order: StepOrder) -> None:
        """Have all processes follow an order of a capacity search."""
        self._workers.order(order)

    def say(self, text: str) -> None:
        """Write a line for a person."""
        self._console.say(text)

    def reset(self) -> None:
        """Forget all measurements so far, on all processes: a person reset the statistics."""
        self.clock.reset()
        self.snapshots = SnapshotStore(self.snapshots.epoch, self._context.catalogue, len(self.clock.resets))
        self._workers.reset()
        self._monitors.reset()

    def edit_users(self, users: int) -> None:
        """Expect a different number of users from now on."""
        self.load.edit_users(users, users_of(self._environment))

    @property
    def load_order(self) -> LoadOrder:
        """Everything ordered in the run so far."""
        return self.load.order

    def begin_stage(self, users: int, name: str) -> None:
        """Note the load shape's current request: what is due from the next moment on may belong to a new stage."""
        if self.load.begin_stage(users, name):
            self._workers.order_load()

    def set_speed(self, speed: float) -> str:
        """Change the speed of all timetables, shortly after all processes know of it; return the effect, in words."""
        words = self.load.speed_control.set(speed)
        self._workers.order_load()
        self.say(f"By control: {words}")
        return words

    def stop_by_control(self) -> None:
        """Note that a control command ends the run; the report says so."""
        self.load.note_stop()
        self.say("By control: the run ends")

    def on_stop(self) -> None:
        """Stop the clock, the monitors and any spawning."""
        self.clock.stop()
        self._user_control.end()
        self._stop_monitors()
        self.load.note_users(users_of(self._environment))

    def on_drain(self) -> None:
        """Return when users have left and their last numbers have arrived."""
        self._workers.drain()

    def on_drain_cut_short(self) -> None:
        """Cut the drain short: a second signal, or one while a run drains that ended by itself."""
        self.say("The drain is cut short: messages that are still open count as in flight")
        self._workers.cut_drain_short()

    def on_judge(self) -> None:
        """Reach the verdict, write the result files, and set the exit code."""
        gevent.killall(self._greenlets, block=False)
        self._console.clear()
        self._workers.report_refused()
        self._monitors.finish()
        self.result = conclude(self._ended())
        self._environment.process_exit_code = self.result.exit_code
        if self._annotations is not None:  # last: by now everything is written
            entry = self._annotations.finish(self.result.summary, self.clock.elapsed_s(), self.load.stages())
            note_annotations(self.result.summary, self.result.folder, entry)

    def on_headcount(self, process: str, report: HeadcountReport | None) -> None:
        """Note how many users of a process have work left; end the run when none has."""
        self._completion.note(process, report)

    def on_worker_lost(self, client_id: str, why: str, *, is_last: bool) -> None:
        """Go on without a worker, or stop."""
        self.snapshots.lose(client_id)
        is_stopped = self.is_on and (self.options.on_worker_lost == "stop" or is_last)
        consequence = "The run goes on without it." if self.is_on else "The run does not wait for its report."
        self.say(f"Worker {client_id} is lost: {why}. {'The run stops.' if is_stopped else consequence}")
        if is_stopped:
            self._stopped_by = f"worker {client_id} was lost"
            gevent.spawn(end_run, self._environment)

    def on_worker_refused(self, client_id: str, problem: str) -> None:
        """End the run without a verdict, as if it had not begun: a worker's machine cannot do its part."""
        self._stop_monitors()
        gevent.killall(self._greenlets, block=False)
        if self._annotations is not None:
            self._annotations.stop()
        self._environment.process_exit_code = USAGE_EXIT
        self.say(f"Worker {client_id} cannot take part. {problem}")
        self._on_refused()
        gevent.spawn(end_run, self._environment)  # not in this greenlet: it receives from the workers

    def _stop_monitors(self) -> None:
        self._monitors.stop()
        if self._crash is not None:
            self._crash.stop()

    def _begin_crash(self) -> CrashDriver | None:
        """Return the driver that stops the server during the run; None in a run without a crash."""
        if self._prepared.crash is None:
            return None
        plan, server = self._prepared.crash
        check, options = self._context.benchmark.check, self.options

        def answers() -> bool:
            """Return whether the server passes the check that it passed before the run."""
            return not check(options, lambda _line: None).fatal

        return CrashDriver(plan, server, elapsed_s=self.elapsed_s, answers=answers, say=self.say)

    def _planned_storm(self) -> StormRecord | None:
        """Return which connections are cut when; None in a run without a storm."""
        if self._context.benchmark.storm is None:
            return None
        plan, since_s = self._context.benchmark.storm(self.options), max([0.0, *self.clock.resets])
        return planned_storm(plan, since_s, self.clock.elapsed_s(), self._workers.expected)

    def _storm(self, course: RunCourse) -> StormRecord | None:
        """Return the record of an ended run's storm; None in a run without one."""
        planned = self._planned_storm()
        return planned and storm_record(planned, self.snapshots, course.judged_from_s(self.options.plan))

    def _ended(self) -> EndedRun:
        """Return the run in its final state."""
        course = self.load.course()
        return EndedRun(
            options=self.options,
            thresholds=self._prepared.thresholds,
            snapshots=self.snapshots,
            judged_s=self.clock.judged_s(),
            judge_elsewhere=self._monitors.judge,
            interrupted=self._was_interrupted(),
            drain_cut_short=self.end.drain_cut_short,
            workers=self._workers,
            host=self._prepared.host,
            doubts=self._doubts(),
            started_at=self.clock.started_at,
            aborted=self._monitors.aborted,
            server=self._monitors.server,
            capacity=self._monitors.capacity,
            crash=None if self._crash is None else self._crash.record,
            storm=self._storm(course),
            baseline=self._prepared.baseline,
            course=course,
        )

    def _was_interrupted(self) -> bool:
        """Return whether the run ended before its planned end."""
        if self._completion.is_complete:
            return False
        if self._monitors.is_search_done is not None:
            return not self._monitors.is_search_done
        if self.options.plan.shape:
            return not self._user_control.is_shape_done or self.clock.judged_s() <= 0
        return self.clock.ended_early(is_finite=self._context.benchmark.is_finite(self.options))

    def _doubts(self) -> list[str]:
        """Return the reasons not to trust this run's numbers, beyond those that the numbers themselves show."""
        runner = self._environment.runner
        own = doubts_of(self._stopped_by, list(runner.exceptions.values()) if runner is not None else [])
        crash = () if self._crash is None else crash_doubts(self._crash.record)
        return [*own, *crash, *self._workers.doubts(), *self._user_control.doubts(), *self.load.target.doubts()]

    def _tick(self) -> None:
        """Check the run every second, so that a short peak of users is not missed and late workers get the right
        clock.
        """
        while True:
            gevent.sleep(TICK_S)
            self.load.note_users(users_of(self._environment))
            bound_history(self._environment.stats)
            self._workers.tick()
            self._monitors.look()
            if self._annotations is not None and self.is_on:
                self._annotations.look(self.clock.elapsed_s(), self.load.stages())

    def _progress_line(self) -> str:
        totals, recent = self.totals(), self.snapshots.series(RECENT_ROWS)
        elapsed_s, duration_s = self.clock.elapsed_s(), self.options.plan.duration_s
        users, fits = users_of(self._environment), self._console.fits
        return progress_line(totals, recent, elapsed_s, duration_s, users, fits)


def users_of(environment: Environment) -> int:
    """Return how many users Locust runs at this moment, on all processes."""
    return int(environment.runner.user_count) if environment.runner is not None else 0


def doubts_of(stopped_by: str, exceptions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the reasons to doubt a run: what stopped it early, and Locust's table of unexpected exceptions in users."""
    if stopped_by:
        yield f"the run was stopped before its time: {stopped_by}"
    if exceptions:
        count = sum(row["count"] for row in exceptions)
        yield f"{count} unexpected exceptions in users, the first: {exceptions[0]['msg']}"
