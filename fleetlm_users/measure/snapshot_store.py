"""The newest snapshot of every worker, on the master; `totals()` is their sum."""

from collections.abc import Container, Mapping
from types import MappingProxyType

import msgspec
from msgspec import structs

from fleetlm_users.measure.counter_kinds import Kinds
from fleetlm_users.measure.histogram import required_samples
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.metrics.metric import ALL, MAIN
from fleetlm_users.measure.metrics.phoenix import PUSH_FATES
from fleetlm_users.measure.snapshot import LONGEST_RUN_S, Snapshot, SnapshotHead
from fleetlm_users.measure.snapshot_check import AHEAD_S, decode_head, decode_snapshot
from fleetlm_users.measure.timeline.history import SILENT_S
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.rows import SeriesRow, SeriesTable
from fleetlm_users.measure.timeline.second import BACKLOG_COLUMNS
from fleetlm_users.measure.totals import Derived, Totals


class _Worker(msgspec.Struct):
    snapshot: Snapshot
    final: bool
    state: "WorkerState | None" = None  # made on first use, once per snapshot: it decodes histograms


class WorkerState(msgspec.Struct, frozen=True):
    """The state of one worker by its newest snapshot; None for what it did not report, or on too few samples.

    `open_messages` of the `sent` ones had no fate in it; 0 once it is final. `what` says what they are: messages, or
    pushes to any Phoenix application.
    """

    worker: str
    seq: int
    final: bool
    elapsed_s: float
    cpu_percent: float | None
    cpu_peak_percent: float | None
    rss_bytes: int | None
    cpu_samples: int
    cpu_starved: int
    lateness_p99_us: int | None
    loop_lag_p99_us: int | None
    sent: int = 0
    open_messages: int = 0
    what: str = "messages"


class SnapshotStore:
    """Snapshots in any order, any number of times: per worker the highest `seq` of this `epoch` counts.

    `resets` is how often the run's statistics were reset: a snapshot from before the last reset belongs to another
    epoch. `dropped_epoch` and `dropped_stale` count the snapshots not merged: another run's, and older or repeated
    ones. `timeline` holds the seconds.
    """

    def __init__(self, epoch: str, catalogue: Catalogue = DEFAULT, resets: int = 0) -> None:
        self.epoch = epoch
        self.catalogue = catalogue
        self.resets = resets
        self.dropped_epoch = 0
        self.dropped_stale = 0
        self._kinds = Kinds()
        self._workers: dict[str, _Worker] = {}
        self.timeline = MergedTimeline()

    def __repr__(self) -> str:
        return f"SnapshotStore(epoch={self.epoch!r}, workers={sorted(self._workers)})"

    def absorb_encoded(self, worker_id: str, encoded: object, elapsed_s: float = LONGEST_RUN_S) -> Snapshot | None:
        """Merge a snapshot of another process and return it; None if it was dropped.

        Args:
            worker_id: The process that sent it.
            encoded: The output of `encode_snapshot` there.
            elapsed_s: How long the run has lasted, in seconds.

        Raises:
            ShapeError: No ledger of this version can have written the snapshot; nothing of it is merged.
        """
        if not self._is_news(worker_id, decode_head(encoded)):
            return None
        assert isinstance(encoded, bytes)  # for mypy: decode_head has checked it
        known = self._workers.get(worker_id)
        trends = known.snapshot.trends if known is not None else ()
        snapshot = decode_snapshot(encoded, self.catalogue, limit_s=elapsed_s + AHEAD_S, known_trends=trends)
        self._take(worker_id, snapshot)
        return snapshot

    def absorb(self, worker_id: str, snapshot: Snapshot) -> bool:
        """Merge a snapshot of this very process, which needs no check; return False if it was dropped."""
        if not self._is_news(worker_id, snapshot):
            return False
        self._take(worker_id, snapshot)
        return True

    def _is_news(self, worker_id: str, head: SnapshotHead) -> bool:
        if (head.epoch, head.resets) != (self.epoch, self.resets):
            self.dropped_epoch += 1
            return False
        known = self._workers.get(worker_id)
        if known is not None and head.seq <= known.snapshot.seq:
            self.dropped_stale += 1
            return False
        return True

    def _take(self, worker_id: str, snapshot: Snapshot) -> None:
        known = self._workers.get(worker_id)
        is_final = snapshot.final or (known is not None and known.final)
        without_rows = structs.replace(snapshot, counts=self._kinds.merged(snapshot.counts), rows=[])
        self._workers[worker_id] = _Worker(without_rows, is_final)
        self.timeline.absorb(worker_id, snapshot.rows, snapshot.final)

    def lose(self, worker_id: str) -> None:
        """Drop the backlogs of a lost worker from the sums; if it returns, its next snapshot restores them."""
        worker = self._workers.get(worker_id)
        if worker is not None:
            gauges = [
                structs.replace(reading, now=0.0) if reading.metric in BACKLOG_COLUMNS else reading
                for reading in worker.snapshot.gauges
            ]
            worker.snapshot = structs.replace(worker.snapshot, gauges=gauges)

    def totals(
        self, figures: Mapping[tuple[str, str], Derived] = MappingProxyType({}), *, without: Container[str] = ()
    ) -> Totals:
        """Return the sum over all workers but those `without`, as of now, with the `figures` of derived metrics.

        Later snapshots do not change it.
        """
        parts = [worker.snapshot for name, worker in sorted(self._workers.items()) if name not in without]
        return Totals(self.catalogue, parts, figures)

    def sent_until_s(self) -> float:
        """Return until when all workers that reported to the end were sending, in seconds of the run."""
        ends = [worker.snapshot.elapsed_s for worker in self._workers.values() if worker.final]
        return min(ends, default=float(self.timeline.complete_to(SILENT_S)))

    def taken_to(self, worker_id: str) -> int:
        """Return the second before which all rows of the worker are merged: it need not send those again."""
        return self.timeline.taken_to(worker_id)

    def table(self, scenario: str | None = None) -> SeriesTable:
        """Return the seconds of all workers together, for one scenario or all, for the files at the end of a run."""
        return SeriesTable(self.timeline.each_row(scenario=scenario))

    def series(self, newest: int | None = None) -> list[SeriesRow]:
        """Return the seconds of all workers together, or the `newest` ones; see MergedTimeline.rows."""
        return self.timeline.rows(newest)

    @property
    def workers(self) -> tuple[WorkerState, ...]:
        """Every worker heard from, in order of id, with its health."""
        for worker_id, worker in self._workers.items():
            if worker.state is None:
                worker.state = self._state(worker_id, worker)
        return tuple(worker.state for _, worker in sorted(self._workers.items()) if worker.state is not None)

    def _state(self, worker_id: str, worker: _Worker) -> WorkerState:
        own = Totals(self.catalogue, [worker.snapshot])
        levels = {level.metric: level for level in worker.snapshot.levels}
        accounting = own.accounting(phase=ALL)
        pushes = own.count("pushes_sent", phase=ALL) if "pushes_sent" in self.catalogue else 0
        open_pushes = pushes - sum(own.count(f"pushes_{fate}", phase=ALL) for fate in PUSH_FATES) if pushes else 0
        cpu, rss = levels.get("worker_cpu_percent"), levels.get("worker_rss_bytes")
        return WorkerState(
            worker=worker_id,
            seq=worker.snapshot.seq,
            final=worker.final,
            elapsed_s=worker.snapshot.elapsed_s,
            sent=accounting.sent + pushes,
            open_messages=accounting.unknown + open_pushes,
            what="pushes" if pushes and not accounting.sent else "messages",
            cpu_percent=cpu.last if cpu else None,
            cpu_peak_percent=cpu.peak if cpu else None,
            rss_bytes=int(rss.last) if rss else None,
            cpu_samples=own.count("worker_cpu_samples"),
            cpu_starved=own.count("worker_cpu_starved"),
            lateness_p99_us=_p99_us(own, "generator_lateness_ms"),
            loop_lag_p99_us=_p99_us(own, "event_loop_lag_ms"),
        )


def _p99_us(totals: Totals, metric: str) -> int | None:
    trend = totals.trend(metric, phase=MAIN)
    return trend.percentile(99.0) if trend is not None and trend.count >= required_samples(99.0) else None
