"""The workers of a process without Locust workers: itself."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.workers.workers import RunOfWorkers
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.workload.orders.step_order import StepOrder
from fleetlm_users.workload.user_numbers import ALONE

LOCAL: Final = "local"


class LocalWorkers:
    """The workers of a process without Locust workers: itself."""

    has_ramped_up = False
    expected = 1
    final = 1
    lost: Sequence[LostWorker] = ()

    def __init__(self, context: BenchmarkContext) -> None:
        self._local_run = LocalRun(context, LOCAL, self._on_idle)
        self._run: RunOfWorkers | None = None

    def begin(self, run: RunOfWorkers) -> None:
        """Begin the run in this process."""
        self._run = run
        self._local_run.begin(run.options, run.snapshots.epoch, ALONE)

    def release(self) -> None:
        """Forget the run: it is over."""
        self._run = None

    def tick(self) -> None:
        """Do nothing: no worker joins late."""

    def absorb(self) -> None:
        """Merge this process's newest numbers."""
        snapshot = self._local_run.snapshot()
        if self._run is None or snapshot is None:
            return
        snapshots = self._run.snapshots
        if snapshots.absorb(LOCAL, snapshot):
            self._local_run.forget_rows(snapshots.epoch, snapshots.resets, snapshots.taken_to(LOCAL))

    def look(self) -> None:
        """Merge this process's newest numbers."""
        self.absorb()

    def order(self, order: StepOrder) -> None:
        """Follow the order of a capacity search."""
        if self._run is not None:
            self._local_run.order(self._run.snapshots.epoch, order)

    def order_load(self) -> None:
        """Follow the orders given in the run."""
        if self._run is not None:
            self._local_run.follow(self._run.snapshots.epoch, self._run.load_order)

    def reset(self) -> None:
        """Count from zero."""
        if self._run is not None:
            self._local_run.reset(self._run.snapshots.epoch, self._run.snapshots.resets)

    def drain(self) -> None:
        """Drain the run; return when its users have left and their numbers are merged."""
        self._local_run.drain()
        self.absorb()

    def cut_drain_short(self) -> None:
        """Cut the drain short."""
        self._local_run.cut_drain_short()

    def report_refused(self) -> None:
        """Do nothing: nobody sends messages."""

    def doubts(self) -> Sequence[str]:
        """Return nothing: there are no messages to doubt."""
        return ()

    def gone(self, _processes: Iterable[str]) -> set[str]:
        """Return nothing: this process is present."""
        return set()

    def on_connect(self, client_id: str) -> None:
        """Do nothing: no worker connects."""

    def on_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Do nothing: no worker reports."""

    def _on_idle(self) -> None:
        if self._run is not None:
            self._run.on_headcount(LOCAL, self._local_run.headcount())
