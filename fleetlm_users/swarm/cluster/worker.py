"""A worker's side of a run: it begins with the first spawn message, reports, and ends when the master says so.

Every Locust report carries the cumulative snapshot. The final one is a message of its own, for which the master waits,
because Locust itself waits only half a second at the end of a run.
"""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.foreign_text import printable_lines
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.swarm.cluster.admission import code_version_of
from fleetlm_users.swarm.cluster.liveness import MasterLiveness
from fleetlm_users.swarm.cluster.messages import (
    ClusterMessage,
    DrainRequest,
    FinalReport,
    Introduction,
    LoadOrdered,
    ReportExtras,
    ResetRequest,
    RowsReceived,
    RunDescription,
    RunRefused,
    SnapshotReply,
    SnapshotRequest,
    StepOrdered,
    WorkDone,
    WorkerRejected,
)
from fleetlm_users.swarm.cluster.process_identity import own_identity
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.host.open_file_limit import allow_users
from fleetlm_users.swarm.host.startup_error import NO_TARGET_EXIT, USAGE_EXIT, StartupError
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.swarm.locust_internals import cache_default_arguments
from fleetlm_users.swarm.role import Role
from fleetlm_users.swarm.run_end import RunEnd
from fleetlm_users.workload.open_files import users_per_process
from fleetlm_users.workload.user_numbers import slot_of

logger = logging.getLogger(__name__)


class Worker(Role):
    """The role of a Locust worker process."""

    def __init__(
        self, environment: Environment, runner: WorkerRunner, context: BenchmarkContext, family: str = ""
    ) -> None:
        self._environment = environment
        self._benchmark = context.benchmark
        self._runner = runner
        self._local_run = LocalRun(context, runner.client_id, self.on_idle)
        self._answering = ""
        self._liveness = MasterLiveness(runner, self.on_master_lost)
        runner.register_message(DrainRequest.kind, self.on_drain_request, concurrent=True)
        runner.register_message(SnapshotRequest.kind, self.on_snapshot_request, concurrent=True)
        runner.register_message(WorkerRejected.kind, self.on_rejected)
        runner.register_message(ResetRequest.kind, self.on_reset)
        runner.register_message(RowsReceived.kind, self.on_rows_received)
        runner.register_message(StepOrdered.kind, self.on_step_ordered)
        runner.register_message(LoadOrdered.kind, self.on_load_ordered)
        cache_default_arguments()
        version = code_version_of(environment, context).to_wire()
        self._send(Introduction(version=version, process=own_identity(), family=family))

    def start(self) -> None:
        """Begin the run that the master described in the spawn message, or report why this machine cannot."""
        described: Any = getattr(self._environment.parsed_options, RunDescription.option, {})
        try:
            run = RunDescription.from_wire(described)
        except ShapeError as problem:
            epoch = described.get("epoch") if isinstance(described, Mapping) else None
            self._refuse(epoch, f"The run that its master describes cannot be read: {problem}")
            return
        options = run.options
        slot = slot_of(self._runner.worker_index, run.dispatched_to)
        self._local_run.begin(options, run.epoch, slot, run.elapsed_s, run.resets, run.order)
        self._end = RunEnd(self)
        self._liveness.begin(options.worker_timeout_s)
        try:
            users = users_per_process(self._benchmark.most_users(options), len(run.dispatched_to))
            allow_users(users, self._benchmark.sockets_of_user(options))
            self._benchmark.check_host(options, False)
        except (StartupError, UsageError) as problem:
            self._refuse(run.epoch, str(problem))

    def _refuse(self, epoch: object, problem: str) -> None:
        logger.error("This worker cannot take part. %s", problem)
        self.drain()  # users spawned anyway find the run ending
        if isinstance(epoch, str):
            self._send(RunRefused(epoch=epoch, problem=problem))
        else:
            self._leave(USAGE_EXIT)  # a master that does not name the run would not accept the answer

    def on_stop(self) -> None:
        """Do nothing: only users have to stop here, and the drain stops them."""

    def on_drain(self) -> None:
        """Drain the run in this process: its users settle and leave."""
        self._local_run.drain()

    def on_drain_cut_short(self) -> None:
        """Cut the drain of this process short."""
        self._local_run.cut_drain_short()

    def on_judge(self) -> None:
        """Send the final report, on which the master bases its verdict."""
        snapshot = self._local_run.snapshot()
        if snapshot is None:
            return
        try:
            self._send(FinalReport(epoch=snapshot.epoch, snapshot=encode_snapshot(snapshot)))
        except RPCError as problem:
            logger.warning("The final report cannot be sent to the master: %s", problem)

    def on_idle(self) -> None:
        """Report that no user of this worker has work left: the master may be waiting for that."""
        try:
            self._send(WorkDone(users=self._local_run.headcount()))
        except RPCError as problem:  # the next report repeats it
            logger.warning("The report that all users have done their work cannot be sent: %s", problem)

    def on_drain_request(self, msg: Any, **_: Any) -> None:
        """Drain the run, then send the final report, or say that there is none."""
        request = DrainRequest.from_wire(msg.data)
        epoch = request.epoch
        if request.cut_short and self._local_run.is_in(epoch):
            self.stop()
            self.cut_drain_short()
        if self._answering == epoch:
            return  # the master asks again in case its request, or our answer, was lost
        self._answering = epoch
        try:
            encoded = None
            if self._local_run.is_in(epoch):
                self.drain()
                encoded = self._encoded_snapshot()
            self._send(FinalReport(epoch=epoch, snapshot=encoded))
        finally:
            self._answering = ""

    def on_snapshot_request(self, msg: Any, **_: Any) -> None:
        """Send the snapshot of this moment."""
        epoch = SnapshotRequest.from_wire(msg.data).epoch
        encoded = self._encoded_snapshot() if self._local_run.is_in(epoch) else None
        self._send(SnapshotReply(epoch=epoch, snapshot=encoded))

    def on_rejected(self, msg: Any, **_: Any) -> None:
        """Report why the master does not admit this worker, and leave."""
        sys.stderr.write(f"{printable_lines(WorkerRejected.from_wire(msg.data).problem)}\n")
        self._leave(USAGE_EXIT)

    def on_master_lost(self, why: str) -> None:
        """Leave: without a master, nothing ends the run or receives the measurements."""
        logger.error("The master is gone: %s. This worker ends its users and quits.", why)
        self._leave(NO_TARGET_EXIT)

    def on_reset(self, msg: Any, **_: Any) -> None:
        """Clear our statistics and Locust's, which Locust itself clears on the master only."""
        request = ResetRequest.from_wire(msg.data)
        self._local_run.reset(request.epoch, request.resets)
        self._runner.stats.reset_all()

    def on_rows_received(self, msg: Any, **_: Any) -> None:
        """Forget the rows of seconds that the master has; all others are sent again."""
        received = RowsReceived.from_wire(msg.data)
        self._local_run.forget_rows(received.epoch, received.resets, received.before)

    def on_step_ordered(self, msg: Any, **_: Any) -> None:
        """Follow the order of the master's capacity search."""
        ordered = StepOrdered.from_wire(msg.data)
        self._local_run.order(ordered.epoch, ordered.order)

    def on_load_ordered(self, msg: Any, **_: Any) -> None:
        """Follow the orders given in the run so far."""
        ordered = LoadOrdered.from_wire(msg.data)
        self._local_run.follow(ordered.epoch, ordered.order)

    def add_to_report(self, data: dict[str, Any]) -> None:
        """Add our part to one of Locust's reports."""
        users = self._local_run.headcount()
        ReportExtras(snapshot=self._encoded_snapshot(), users=users, wall_clock_s=time.time()).add_to(data)

    def _encoded_snapshot(self) -> bytes | None:
        snapshot = self._local_run.snapshot()
        return None if snapshot is None else encode_snapshot(snapshot)

    def _send(self, message: ClusterMessage) -> None:
        self._runner.send_message(message.kind, message.to_wire())

    def _leave(self, exit_code: int) -> None:
        self._environment.process_exit_code = exit_code
        gevent.spawn(self._runner.quit)  # it would end the greenlet that receives from the master, which this may be
