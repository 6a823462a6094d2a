"""The Locust workers of a master, reached by messages."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from fleetlm_users.foreign_text import printable_lines
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.swarm.cluster.admission import WorkerAdmission, code_version_of
from fleetlm_users.swarm.cluster.liveness import WorkerLiveness
from fleetlm_users.swarm.cluster.messages import ReportExtras, RunDescription, RunRefused, WorkDone
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.worker_registry import WorkerRegistry
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.workers.workers import RunOfWorkers
from fleetlm_users.swarm.options.locust_plan import dispatched_to
from fleetlm_users.swarm.run import AUDIT_S, CLEANUP_S, HeadcountReport, audit_bound_s
from fleetlm_users.swarm.stats.locust_tables import bound_report
from fleetlm_users.workload.options.audit import is_audited
from fleetlm_users.workload.orders.step_order import StepOrder


class RemoteWorkers:
    """The Locust workers of this master."""

    def __init__(
        self,
        environment: Environment,
        runner: MasterRunner,
        context: BenchmarkContext,
        say: Callable[[str], None],
        family: str,
    ) -> None:
        self._environment = environment
        self._runner = runner
        self._say = say
        self._run: RunOfWorkers | None = None
        self._assigned: list[int] = []
        self._refused = RefusedMessages(say)
        self._liveness = WorkerLiveness(runner, self._on_lost, self._on_found)
        # last, so that all others only receive what passes through it
        version = code_version_of(environment, context)
        self._admission = WorkerAdmission(runner, version, say, self._refused, family)
        self._registry = WorkerRegistry(runner, self._liveness, self._refused)
        runner.register_message(RunRefused.kind, self.on_refused)
        runner.register_message(WorkDone.kind, self.on_work_done)

    def begin(self, run: RunOfWorkers) -> None:
        """Take part in that run; workers learn about it from Locust's spawn messages."""
        self._run = run
        self._assigned = dispatched_to(self._runner)
        self.tick()
        self._refused.begin()
        self._registry.begin(run.snapshots, run.clock.elapsed_s)
        self._liveness.begin(run.options.worker_timeout_s)

    def release(self) -> None:
        """Forget the run: it is over."""
        self._run = None

    def tick(self) -> None:
        """Describe the run, with its current clock, in the options that Locust sends with every spawn message."""
        run = self._run
        if run is None or run.clock.is_stopped:
            return
        description = RunDescription(
            epoch=run.snapshots.epoch,
            options=run.options,
            dispatched_to=self._assigned,
            elapsed_s=run.clock.elapsed_s(),
            resets=run.snapshots.resets,
            order=run.load_order,
        )
        vars(self._environment.parsed_options)[RunDescription.option] = description.to_wire()

    def absorb(self) -> None:
        """Do nothing: workers send their numbers by themselves."""

    def look(self) -> None:
        """Have every worker send its numbers of this moment; return when they have arrived, or time is up."""
        if self._run is not None:
            self._registry.look(self._run.snapshots.epoch)

    def order(self, order: StepOrder) -> None:
        """Tell the workers the order of a capacity search."""
        if self._run is not None:
            self._registry.order(self._run.snapshots.epoch, order)

    def order_load(self) -> None:
        """Tell the workers what has been ordered in the run."""
        if self._run is not None:
            self.tick()
            self._registry.order_load(self._run.snapshots.epoch, self._run.load_order)

    def reset(self) -> None:
        """Have all workers count from zero."""
        if self._run is not None:
            self.tick()
            self._registry.reset(self._run.snapshots)

    def drain(self) -> None:
        """Drain the run on all workers; return when their final reports have arrived, or time is up."""
        if self._run is not None:
            options = self._run.options
            if is_audited(options):
                self._say(f"Once its users have left, each worker has up to {AUDIT_S / 60:.0f} min for the audit")
            afterwards_s = (CLEANUP_S if options.cleanup else 0.0) + audit_bound_s(options)
            self._registry.drain(self._run.snapshots.epoch, options.drain_timeout_s + afterwards_s)

    def cut_drain_short(self) -> None:
        """Have the workers cut their drain short."""
        self._registry.cut_drain_short()

    def report_refused(self) -> None:
        """Report how many messages were refused."""
        self._refused.report_count()

    def doubts(self) -> Sequence[str]:
        """Return which workers sent messages that were refused."""
        return self._admission.refused_of_workers()

    def gone(self, processes: Iterable[str]) -> set[str]:
        """Return the workers that have gone, of those connected and of `processes`."""
        clients = self._runner.clients.all
        present = {client.id for client in clients if client.state != STATE_MISSING}
        return {*processes, *(client.id for client in clients)} - present

    @property
    def has_ramped_up(self) -> bool:
        """Whether Locust has spawned all users of its target."""
        return bool(self._runner.spawning_completed)

    @property
    def expected(self) -> int:
        """The workers that took part in the run."""
        return self._registry.expected

    @property
    def final(self) -> int:
        """The workers whose final report has arrived."""
        return self._registry.final

    @property
    def lost(self) -> Sequence[LostWorker]:
        """The workers that were lost during the run."""
        return self._registry.lost

    def on_connect(self, client_id: str) -> None:
        """Let a newly connected worker join the run late."""
        self._registry.on_connect(client_id)
        if self._run is not None and not self._run.clock.is_stopped:
            self.tick()  # Locust assigns it users right after this
            self._say(f"Worker {client_id} joins the run, {self._run.clock.elapsed_s():.0f} s after it began")

    def on_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Merge the contents of a worker's report."""
        bound_report(self._environment.stats, data)
        self._registry.on_report(client_id, data)
        self._on_headcount(client_id, ReportExtras.of(data).users)

    def on_work_done(self, msg: Any, **_: Any) -> None:
        """Handle a worker whose users have all done their work."""
        self._on_headcount(msg.node_id, WorkDone.from_wire(msg.data).users)

    def on_refused(self, msg: Any, **_: Any) -> None:
        """Handle a worker whose machine cannot do its part in the run."""
        run, refusal = self._run, RunRefused.from_wire(msg.data)
        if run is not None and refusal.epoch == run.snapshots.epoch:
            run.on_worker_refused(msg.node_id, printable_lines(refusal.problem))

    def _on_headcount(self, client_id: str, report: HeadcountReport | None) -> None:
        if self._run is not None:
            self._run.on_headcount(client_id, report)

    def _on_lost(self, client_id: str, why: str) -> None:
        if self._run is not None and self._registry.note_lost(client_id, why):
            self._run.on_worker_lost(client_id, why, is_last=self._registry.is_deserted)

    def _on_found(self, client_id: str) -> None:
        """Handle a lost worker that returns: its measurements meanwhile come with its next report."""
        if self._registry.note_found(client_id):
            self._say(f"Worker {client_id} is back.")
