"""A process in which users live: it begins and ends its part of a run, and takes cumulative snapshots of it."""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

from fleetlm_users.measure.judging.over_time.windows import carried_of
from fleetlm_users.measure.judging.thresholds import Threshold, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.snapshot import Snapshot
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.run import HeadcountReport, Run
from fleetlm_users.swarm.run_end import Once
from fleetlm_users.swarm.runtime.gc_freeze import GcFreeze
from fleetlm_users.swarm.runtime.health import HealthSampler, yield_to_loop
from fleetlm_users.swarm.visits import Visits
from fleetlm_users.workload.arrivals.process import SessionArrival, arrivals, own_of
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.orders.load_clock import NO_ORDER, LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder
from fleetlm_users.workload.user_numbers import Numbering, WorkerSlot


class LocalRun:
    """One process's part in one run after another; both a worker and a standalone process have one.

    `on_idle` is called when no user of it has work left.
    """

    def __init__(self, context: BenchmarkContext, name: str, on_idle: Callable[[], None]) -> None:
        self._context = context
        self._on_idle = on_idle
        self._name = name
        self._seq = 0
        self._numbering: Numbering | None = None
        self._gc_freeze = GcFreeze()
        self._drain: Once | None = None

    def begin(  # noqa: PLR0913, PLR0917  # what a worker that joins late has to know
        self,
        options: Options,
        epoch: str,
        slot: WorkerSlot,
        elapsed_s: float = 0.0,
        resets: int = 0,
        order: LoadOrder = NO_ORDER,
    ) -> None:
        """Begin a run: from now on users may live and facts are recorded.

        A run that begins a second time here continues its numbering: users of the first time may still be known.

        Args:
            options: The options of the run.
            epoch: The run's name on all processes.
            slot: The place of this process among all that take part.
            elapsed_s: Seconds since the run began elsewhere.
            resets: How often its statistics have been reset.
            order: Everything ordered in it so far.
        """
        if not self.is_in(epoch) or self._numbering is None:
            self._numbering = self._context.benchmark.numbering(options, slot)
        carried = carried_of(_thresholds_of(options, self._context), self._context.catalogue)
        ledger = Ledger(
            self._context.catalogue,
            epoch,
            self._name,
            resets=resets,
            elapsed_s=elapsed_s,
            carried=carried,
            utc_offset_s=time.time() - time.perf_counter(),
        )
        self._context.recorder.record_into(ledger)
        table = self._context.locust_stats
        self._context.run = run = Run(
            options,
            epoch,
            self._numbering,
            ledger,
            self._context.events,
            on_idle=self._on_idle,
            columns_of=table.columns_of,
            elapsed_s=elapsed_s,
        )
        if self._context.benchmark.search is not None:
            run.step_order = StepOrder()
        run.follow(order)
        if options.plan.rates is not None:
            plan = options.plan
            run.visits = Visits(run, own_arrivals(options, slot), plan.duration_s or math.inf, plan.warm_up_s)
        self._gc_freeze.begin(lambda: run.user_count)
        self._drain = Once(partial(self._drain_and_free, run, HealthSampler(run, table.flush)))

    def drain(self) -> None:
        """Drain the run, once; every caller returns when it has ended."""
        if self._drain is not None:
            self._drain()

    def cut_drain_short(self) -> None:
        """Cut the run's drain short, even one still to come."""
        if self._context.run is not None:
            self._context.run.cut_drain_short()

    def reset(self, epoch: str, resets: int) -> None:
        """Reset the statistics of that run: everything is counted from zero, in a new ledger.

        A message in flight is counted in neither ledger: it was sent before, and without that its fate means nothing.
        """
        run = self._context.run
        if run is None or not self.is_in(epoch) or run.is_draining or resets <= run.ledger.resets:
            return
        self._context.locust_stats.flush()
        now_s = time.perf_counter()
        ledger = run.ledger.renewed(resets, now_s, now_s - run.started_s)
        self._context.recorder.record_into(ledger)
        run.reset(ledger)

    def order(self, epoch: str, order: StepOrder) -> None:
        """Follow the current order of that run's capacity search."""
        run = self._context.run
        if run is not None and self.is_in(epoch):
            run.step_order = order

    def follow(self, epoch: str, order: LoadOrder) -> None:
        """Follow everything ordered in that run so far."""
        run = self._context.run
        if run is not None and self.is_in(epoch):
            run.follow(order)

    def forget_rows(self, epoch: str, resets: int, before: int) -> None:
        """Drop the rows before that second, which the master has merged for that run and number of resets."""
        run = self._context.run
        if run is not None and self.is_in(epoch) and run.ledger.resets == resets:
            run.ledger.forget_rows(before)

    def is_in(self, epoch: str) -> bool:
        """Return whether this process takes part in the run of that name."""
        return self._context.run is not None and self._context.run.epoch == epoch

    def headcount(self) -> HeadcountReport | None:
        """Return the users of this process in the form for CompletionTracker; None before the first run."""
        run = self._context.run
        return None if run is None else HeadcountReport(run.epoch, run.headcount())

    def snapshot(self) -> Snapshot | None:
        """Return everything measured in the run so far; final once the run has ended; None before the first run."""
        run = self._context.run
        if run is None:
            return None
        self._seq += 1
        elapsed_s = (run.ended_s or time.perf_counter()) - run.started_s
        has_ended = self._drain is not None and self._drain.is_done
        return run.ledger.snapshot(self._seq, has_ended, elapsed_s, yield_to_loop)

    def _drain_and_free(self, run: Run, health: HealthSampler) -> None:
        try:
            run.drain(run.options.drain_timeout_s)
        finally:
            health.stop()
            self._gc_freeze.end()


def own_arrivals(options: Options, slot: WorkerSlot) -> Iterator[SessionArrival]:
    """Return the sessions that arrive in the process with that slot; none in a run without a session rate."""
    plan = options.plan
    if plan.rates is None:
        return iter(())
    every = arrivals(plan.rates, plan.arrivals, options.seed, plan.mix)
    return own_of(every, plan.total_users, slot)


def _thresholds_of(options: Options, context: BenchmarkContext) -> list[Threshold]:
    """Return every threshold that the run may be judged by; the coordinator has checked them."""
    defaults = (each for by_metric in context.benchmark.thresholds.values() for each in by_metric.items())
    texts = (f"{metric}: {conditions}" for metric, conditions in defaults)
    return parse_thresholds([*options.plan.thresholds, *options.given_thresholds, *texts], context.catalogue)
