"""Everything that one process measures in one run, and the cumulative snapshot of it that the master merges.

A snapshot holds everything since the start, so a lost or repeated report does no harm; only rows of seconds that the
master has confirmed are left out. A ledger is made of counter cells, gauge cells, levels and series.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.cells import Cell, GaugeCell, Level, Series
from fleetlm_users.measure.counter_kinds import Kinds
from fleetlm_users.measure.findings import Finding, Findings
from fleetlm_users.measure.first_moments import FirstMoments
from fleetlm_users.measure.generator_limits import CPU_STARVED_PERCENT
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.metrics.metric import MAIN, PHASES, WARM_UP, Kind, is_main
from fleetlm_users.measure.slow_messages import Slowest, SlowMetric
from fleetlm_users.measure.snapshot import SNAPSHOT_FORMAT, Count, EncodedTrend, GaugeReading, LevelReading, Snapshot
from fleetlm_users.measure.timeline.second import (
    BACKLOG_COLUMNS,
    COUNTER_COLUMNS,
    PLACES,
    TREND_COLUMNS,
    Second,
    backlogs_of,
)
from fleetlm_users.measure.timeline.windowed import Carried
from fleetlm_users.measure.timeline.worker_timeline import ROWS_AT_ONCE, WorkerTimeline

CONNECTIONS: Final = "active_connections"
CPU: Final = "worker_cpu_percent"
_WATCHED: Final = frozenset(COUNTER_COLUMNS.values())


NOTHING_CARRIED: Final = Carried()


def _no_yield() -> None:
    """Do nothing: there are no other greenlets to yield to."""


class Ledger:
    """The measurements of one process in one run. Not thread-safe: all callers share one event loop.

    `epoch` names the run and `worker` the process; `resets` is how often the run's statistics had been reset when the
    ledger began, and `elapsed_s` how long the run had lasted. It only counts the fates of messages sent since
    `since_s`, by the clock of their stamps. `carried` are the metrics that thresholds on windows need second by second.
    `utc_offset_s` turns stamps into seconds since 1970 (UTC). Metric names are checked when a metric is first used in a
    scenario (UsageError), not on each call.
    """

    def __init__(  # noqa: PLR0913  # what it belongs to, and since when it counts
        self,
        catalogue: Catalogue,
        epoch: str,
        worker: str,
        *,
        resets: int = 0,
        since_s: float = -math.inf,
        elapsed_s: float = 0.0,
        carried: Carried = NOTHING_CARRIED,
        utc_offset_s: float = 0.0,
    ) -> None:
        self.catalogue = catalogue
        self.epoch = epoch
        self.worker = worker
        self.resets = resets
        self.since_s = since_s
        self._cells: dict[tuple[str, str, str, str], Cell] = {}
        self._kinds = Kinds()
        self._series: dict[tuple[str, str, str], Series] = {}
        self._gauges: dict[tuple[str, str], GaugeCell] = {}
        self._levels: dict[str, Level] = {}
        self._findings = Findings()
        self._firsts = FirstMoments()
        self._slowest: dict[tuple[SlowMetric, str, str], Slowest] = {}
        self._utc_offset_s = utc_offset_s
        self._timeline = WorkerTimeline(elapsed_s)
        self._watched: dict[str, dict[str, list[Cell]]] = {}
        self._carried = carried
        self._carried_cells: dict[tuple[str, str], list[Cell]] = {}
        self._carried_seen: dict[tuple[str, str], int] = {}
        self._snapshots_under_way = 0

    def __repr__(self) -> str:
        held = f"{len(self._series)} trends, {len(self._cells)} counts"
        return f"Ledger(epoch={self.epoch!r}, worker={self.worker!r}, {held})"

    def renewed(self, resets: int, since_s: float, elapsed_s: float) -> "Ledger":
        """Return an empty ledger of the same run, from this moment on; gauges and levels keep their values."""
        new = Ledger(
            self.catalogue,
            self.epoch,
            self.worker,
            resets=resets,
            since_s=since_s,
            elapsed_s=elapsed_s,
            carried=self._carried,
            utc_offset_s=self._utc_offset_s,
        )
        lasting = ((key, cell.now) for key, cell in self._gauges.items() if key[0] not in BACKLOG_COLUMNS)
        new._gauges = {key: GaugeCell(now, now, now) for key, now in lasting}
        new._levels = {metric: Level(level.last, level.last) for metric, level in self._levels.items()}
        return new

    def trend(self, metric: str, scenario: str, phase: str) -> Trend:
        """Return the trend of that metric, made on first use; a hot path keeps its `add`."""
        series = self._series.get((metric, scenario, phase))
        return series.trend if series is not None else self._new_series(metric, scenario, phase).trend

    def count(self, metric: str, scenario: str, phase: str, n: int = 1, label: str = "") -> None:
        """Count `n` more; `label` breaks the count down by reason, kind or close code (counter_kinds.py bounds
        them).
        """
        cell = self._cells.get((metric, scenario, phase, label))
        (cell if cell is not None else self.counter(metric, scenario, phase, label)).n += n

    def counter(self, metric: str, scenario: str, phase: str, label: str = "") -> Cell:
        """Return the cell that `count` counts in, for a hot path to keep."""
        name = self._name(metric, phase, "counter")
        cell = self._cells.setdefault((name, scenario, phase, self._kinds.of(name, label)), Cell())
        if name in _WATCHED:
            self._watch(name, scenario, cell)
        if self.catalogue[name].is_trouble:
            self._firsts.watch(name, scenario, phase, cell)
        if is_main(phase) and name in self._carried.counters:
            cells = self._carried_cells.setdefault((scenario, name), [])
            if not any(cell is carried for carried in cells):
                cells.append(cell)
        return cell

    def gauge(self, metric: str, scenario: str, delta: int) -> None:
        """Move a gauge up or down, both in its scenario and in the whole process."""
        for key in ((metric, scenario), (metric, "")):
            cell = self._gauges.get(key)
            if cell is None:
                cell = self._gauges.setdefault((self._name(metric, MAIN, "gauge"), key[1]), GaugeCell())
            cell.move(delta)
            if scenario == "":
                break

    def level(self, metric: str, value: float, phase: str = MAIN) -> None:
        """Take a reading of a per-worker gauge; readings of the CPU are also counted, for the verdict."""
        level = self._levels.get(metric)
        if level is None:
            level = self._levels.setdefault(self._name(metric, phase, "gauge"), Level())
        level.read(value)
        if metric == CPU:
            self.count("worker_cpu_samples", "", phase)
            self.count("worker_cpu_starved", "", phase, n=int(value > CPU_STARVED_PERCENT))

    def finding(self, finding: Finding) -> None:
        """Record one fault of a message; the first ones are named, all are counted."""
        self._findings.add(finding)

    def first(self, metric: str, scenario: str, phase: str, at_s: float) -> None:
        """Take the moment, in seconds of the run, of an event that a counter of trouble counts only later."""
        self._firsts.tell(self._name(metric, phase, "counter"), scenario, phase, at_s)

    def slowest(self, metric: SlowMetric, scenario: str, phase: str) -> Slowest:
        """Return the list of that metric's slowest messages, made on first use; a hot path keeps it.

        All stages share one list.
        """
        return self._slowest.setdefault((metric, scenario, MAIN if is_main(phase) else phase), Slowest())

    def tick(self, elapsed_s: float, yield_to_loop: Callable[[], None] = _no_yield) -> None:
        """Close a row of the timeline; call it about once a second.

        `yield_to_loop` is called after each chunk of values that is folded.
        """
        self._seal(elapsed_s)
        if self._snapshots_under_way:
            return  # its trends must not run ahead of its counters; the snapshot or the next tick folds
        for series in list(self._series.values()):
            mark = series.mark
            while series.fold_one(mark):
                yield_to_loop()
                if self._snapshots_under_way:
                    return  # one began while this one yielded

    def snapshot(
        self, seq: int, final: bool, elapsed_s: float, yield_to_loop: Callable[[], None] = _no_yield
    ) -> Snapshot:
        """Return everything measured so far; `seq` must grow from one snapshot to the next.

        All of it describes the moment at which the call begins. Folding and encoding the trends takes longer, and
        `yield_to_loop` is called in between; samples added meanwhile wait for the next snapshot.
        """
        self._seal(elapsed_s)
        captured = self._captured(seq, final, elapsed_s)
        marks = [(key, series, series.mark) for key, series in self._series.items()]
        rows = self._timeline.rows(None if final else ROWS_AT_ONCE)
        self._snapshots_under_way += 1
        try:
            for key, series, mark in marks:
                while series.fold_one(mark):
                    yield_to_loop()
                captured.trends.append(EncodedTrend(*key, series.encoded_at(mark)))
                yield_to_loop()
        finally:
            self._snapshots_under_way -= 1
        captured.rows = [*rows[:-1], rows[-1].copy()]  # all but the youngest are complete and stay as they are
        return captured

    def forget_rows(self, before: int) -> None:
        """Drop the rows before that second: the master has confirmed them, so no later snapshot holds them."""
        self._timeline.forget(before)

    def _captured(self, seq: int, final: bool, elapsed_s: float) -> Snapshot:
        return Snapshot(
            format=SNAPSHOT_FORMAT,
            epoch=self.epoch,
            resets=self.resets,
            seq=seq,
            final=final,
            elapsed_s=elapsed_s,
            worker=self.worker,
            counts=[Count(*key, cell.n) for key, cell in self._cells.items() if cell.n],
            gauges=[GaugeReading(*key, cell.now, cell.peak) for key, cell in self._gauges.items()],
            levels=[LevelReading(metric, level.last, level.peak) for metric, level in self._levels.items()],
            findings=self._findings.copy(),
            firsts=list(self._firsts.named()),
            slowest=[
                message for place, slow in self._slowest.items() for message in slow.named(*place, self._utc_offset_s)
            ],
        )

    def _seal(self, elapsed_s: float) -> Second:
        totals = {
            scenario: [sum(cell.n for cell in cells) for cells in by_metric.values()]
            for scenario, by_metric in self._watched.items()
        }
        connections, cpu = self._gauges.get((CONNECTIONS, "")), self._levels.get(CPU)
        row = self._timeline.tick(
            elapsed_s, totals, connections.restart() if connections else 0, cpu.last if cpu else 0.0
        )
        self._read_backlogs(totals)
        self._carry_counts(row)
        self._firsts.seal(row.second)
        for series in self._series.values():
            series.seal(row)
        return row

    def _read_backlogs(self, totals: Mapping[str, Sequence[int]]) -> None:
        """Read the gauges of backlogs, which are derived from counts: a hot path maintains none of them."""
        for place, (metric, arrived) in enumerate(BACKLOG_COLUMNS.items()):
            waiting = {
                scenario: backlogs_of(counts)[place] for scenario, counts in totals.items() if counts[PLACES[arrived]]
            }
            for scenario, now in {**waiting, "": sum(waiting.values())}.items() if waiting else ():
                self._gauges.setdefault((metric, scenario), GaugeCell()).read(now)

    def _carry_counts(self, row: Second) -> None:
        """Add the counts since the last second to this one, for thresholds on windows."""
        for key, cells in self._carried_cells.items():
            now = sum(cell.n for cell in cells)
            if now != self._carried_seen.get(key, 0):
                scenario, metric = key
                row.part(scenario).windowed.count(metric, now - self._carried_seen.get(key, 0))
                self._carried_seen[key] = now

    def _watch(self, metric: str, scenario: str, cell: Cell) -> None:
        """Show a counter in the timeline from now on."""
        by_metric = self._watched.setdefault(scenario, {name: [] for name in COUNTER_COLUMNS.values()})
        if not any(cell is watched for watched in by_metric[metric]):
            by_metric[metric].append(cell)

    def _new_series(self, metric: str, scenario: str, phase: str) -> Series:
        name = self._name(metric, phase, "trend")
        columns = [column for column, watched in TREND_COLUMNS.items() if watched == name]
        carried = name if is_main(phase) and name in self._carried.trends else ""
        series = Series(column=columns[0] if columns else None, scenario=scenario, carried=carried)
        return self._series.setdefault((name, scenario, phase), series)

    def _name(self, metric: str, phase: str, kind: Kind) -> str:
        if phase != WARM_UP and not is_main(phase):
            raise UsageError("phase", phase, " or ".join(PHASES), MAIN)
        declared = self.catalogue.find(metric, kind)
        if declared.parts:
            raise UsageError(
                "counter", metric, f"one that is counted itself, not a sum of {declared.parts}", declared.parts[0]
            )
        return declared.name
