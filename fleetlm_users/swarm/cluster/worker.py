"""A worker's side of a run: begins with the first spawn message, ends when the master says so, reports in between.

Every Locust report carries the cumulative snapshot; the last one goes as a message of its own, and the master waits for
it, because Locust itself waits only half a second at the end of a run (locust-runners.py:919).
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
    DRAIN,
    FINAL,
    FINISHED,
    HEADCOUNT,
    LOOK,
    LOOKED,
    PASSPORT,
    REFUSED,
    REPORT,
    RESET,
    RUN,
    STAMP,
    TAKEN,
    TURNED_AWAY,
)
from fleetlm_users.swarm.cluster.process_identity import own_identity
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.host.open_files import allow_users
from fleetlm_users.swarm.host.startup_error import NO_TARGET_EXIT, USAGE_EXIT, StartupError
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.swarm.locust_internals import cache_default_arguments
from fleetlm_users.swarm.options.wire import RUN_SHAPE, from_wire
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
        runner.register_message(DRAIN, self.on_drain_asked, concurrent=True)
        runner.register_message(LOOK, self.on_look, concurrent=True)
        runner.register_message(TURNED_AWAY, self.on_turned_away)
        runner.register_message(RESET, self.on_reset)
        runner.register_message(TAKEN, self.on_taken)
        cache_default_arguments()
        origin = own_identity()
        shown = {"passport": code_version_of(environment, context).to_wire(), "family": family}
        runner.send_message(PASSPORT, {**shown, "origin": origin.to_wire() if origin else None})

    def start(self) -> None:
        """Begins the run that the master described in the spawn message, or tells it why this machine cannot."""
        run: Mapping[str, Any] = getattr(self._environment.parsed_options, RUN, {})
        try:
            RUN_SHAPE(run)
        except ShapeError as problem:
            self._refuse(run, f"The run that its master describes cannot be read: {problem}")
            return
        options = from_wire(run["options"])
        slot = slot_of(self._runner.worker_index, run["dispatched_to"])
        self._local_run.begin(options, run["epoch"], slot, run["elapsed_s"], run["resets"])
        self._end = RunEnd(self)
        self._liveness.begin(options.worker_timeout_s)
        try:
            allow_users(users_per_process(self._benchmark.most_users(options), len(run["dispatched_to"])))
            self._benchmark.check_host(options, False)
        except (StartupError, UsageError) as problem:
            self._refuse(run, str(problem))

    def _refuse(self, run: Mapping[str, Any], problem: str) -> None:
        logger.error("This worker cannot take part. %s", problem)
        self.drain()  # users that are spawned all the same find the run winding down
        epoch = run.get("epoch") if isinstance(run, Mapping) else None
        if isinstance(epoch, str):
            self._runner.send_message(REFUSED, {"epoch": epoch, "problem": problem})
        else:
            self._leave(USAGE_EXIT)  # a master that does not say which run it is about would not take the answer

    def on_stop(self) -> None:
        """Of the run's end: nothing but users has to stop here."""

    def on_drain(self) -> None:
        """Of the run's end: users settle and leave."""
        self._local_run.end()

    def on_hurry(self) -> None:
        """Of the run's end: its drain is cut short."""
        self._local_run.hurry()

    def on_judge(self) -> None:
        """Of the run's end: it is the master that judges, from the final snapshot."""
        snapshot = self._local_run.snapshot()
        if snapshot is None:
            return
        try:
            self._runner.send_message(FINAL, {"epoch": snapshot.epoch, "snapshot": encode_snapshot(snapshot)})
        except RPCError as problem:
            logger.warning("The final report cannot be sent to the master: %s", problem)

    def on_idle(self) -> None:
        """No user of this worker has work left: the master may be waiting for that."""
        try:
            self._runner.send_message(FINISHED, self._local_run.headcount())
        except RPCError as problem:  # the next report tells it again
            logger.warning("The master cannot be told that all users have done their work: %s", problem)

    def on_drain_asked(self, msg: Any, **_: Any) -> None:
        """The master ends a run: drain, then send the final snapshot, or say that there is none."""
        epoch = msg.data["epoch"]
        if msg.data.get("hurry") and self._local_run.is_in(epoch):
            self.stop()
            self.hurry()
        if self._answering == epoch:
            return  # the master asks again in case its question, or our answer, was lost
        self._answering = epoch
        try:
            encoded = None
            if self._local_run.is_in(epoch):
                self.drain()
                encoded = self._encoded_snapshot()
            self._runner.send_message(FINAL, {"epoch": epoch, "snapshot": encoded})
        finally:
            self._answering = ""

    def on_look(self, msg: Any, **_: Any) -> None:
        """The master wants the numbers of this moment."""
        epoch = msg.data["epoch"]
        encoded = self._encoded_snapshot() if self._local_run.is_in(epoch) else None
        self._runner.send_message(LOOKED, {"epoch": epoch, "snapshot": encoded})

    def on_turned_away(self, msg: Any, **_: Any) -> None:
        """The master does not let this worker in: it runs other code."""
        sys.stderr.write(f"{printable_lines(str(msg.data['problem']))}\n")
        self._leave(USAGE_EXIT)

    def on_master_lost(self, why: str) -> None:
        """The master is gone: without it nobody ends the run, and nobody hears what is measured."""
        logger.error("The master is gone: %s. This worker ends its users and quits.", why)
        self._leave(NO_TARGET_EXIT)

    def on_reset(self, msg: Any, **_: Any) -> None:
        """A person reset the statistics; Locust clears its own on the master only, so ours and its are cleared here."""
        self._local_run.reset(msg.data["epoch"], msg.data["resets"])
        self._runner.stats.reset_all()

    def on_taken(self, msg: Any, **_: Any) -> None:
        """The master has these rows of seconds; what it has not is told again."""
        self._local_run.forget_rows(msg.data["epoch"], msg.data["resets"], msg.data["before"])

    def add_to_report(self, data: dict[str, Any]) -> None:
        """Adds the snapshot to one of Locust's reports."""
        data[REPORT] = self._encoded_snapshot()
        data[HEADCOUNT] = self._local_run.headcount()
        data[STAMP] = time.time()

    def _encoded_snapshot(self) -> bytes | None:
        snapshot = self._local_run.snapshot()
        return None if snapshot is None else encode_snapshot(snapshot)

    def _leave(self, exit_code: int) -> None:
        self._environment.process_exit_code = exit_code
        gevent.spawn(self._runner.quit)  # it ends the greenlet that hears the master, which this may be
