"""What a coordinator asks of the processes in which users live, and what those report to their run."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.run import HeadcountReport
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.orders.load_clock import LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder


class RunOfWorkers(Protocol):
    """The run as its workers see it: what they need from it, and what they report to it."""

    options: Options
    snapshots: SnapshotStore
    clock: RunClock

    @property
    def load_order(self) -> LoadOrder:
        """Everything ordered in the run so far."""

    def on_headcount(self, process: str, report: HeadcountReport | None) -> None:
        """Note how many users of a process have work left."""

    def on_worker_lost(self, client_id: str, why: str, *, is_last: bool) -> None:
        """Go on without a worker, or stop; `is_last` says that no other is left."""

    def on_worker_refused(self, client_id: str, problem: str) -> None:
        """End the run: a worker's machine cannot do its part."""


class Attendance(Protocol):
    """The processes that took part in a run, and those that reported to its end."""

    @property
    def expected(self) -> int:
        """The number of processes that took part."""

    @property
    def final(self) -> int:
        """The number of processes whose final numbers have arrived."""

    @property
    def lost(self) -> Sequence[LostWorker]:
        """The workers lost during the run."""


class Workers(Attendance, Protocol):
    """All processes in which users live, for one run after another."""

    def begin(self, run: RunOfWorkers) -> None:
        """Take part in that run from now on."""

    def release(self) -> None:
        """Forget the run: it is over."""

    def tick(self) -> None:
        """Keep the run's clock up to date for workers that join late; called once a second."""

    def absorb(self) -> None:
        """Merge this process's newest numbers, if users live in it."""

    def look(self) -> None:
        """Merge the numbers of this moment from all processes; return when they have arrived."""

    def order(self, order: StepOrder) -> None:
        """Have all processes follow the order of a capacity search."""

    def order_load(self) -> None:
        """Have all processes follow the orders given in the run."""

    def reset(self) -> None:
        """Have all processes count from zero, into the run's new snapshots."""

    def drain(self) -> None:
        """Drain the run on all processes; return when their final numbers have arrived, or time is up."""

    def cut_drain_short(self) -> None:
        """Cut the drain short."""

    def report_refused(self) -> None:
        """Report how many messages were refused."""

    def doubts(self) -> Sequence[str]:
        """Return the reasons not to trust the workers' measurements."""

    def gone(self, processes: Iterable[str]) -> set[str]:
        """Return the workers that have gone, of those connected and of `processes`."""

    def on_connect(self, client_id: str) -> None:
        """Handle a newly connected worker; it joins the current run."""

    def on_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Take one of Locust's reports."""

    @property
    def has_ramped_up(self) -> bool:
        """Whether all planned users have been spawned on workers that may since have gone."""
