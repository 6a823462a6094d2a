"""One second of all workers as a flat row: what timeseries.csv, the charts and the progress line are made of.

A stretch of a run as all workers together saw it.

Two stretches that follow each other add up to one, so a longer one is as true as its parts: counts are summed,
distributions merged and only then asked for percentiles, of gauges the highest is kept.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.timeline.worker_timeline import (
    COUNTER_COLUMNS,
    FAILURE_COLUMNS,
    TREND_COLUMNS,
    WireRow,
    to_steps,
)

_COLUMNS: Final = tuple(COUNTER_COLUMNS)
PERCENTS: Final = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}

SeriesRow = dict[str, int | float | None]


@dataclass(slots=True)
class Second:
    """What happened in one second on all workers, or in a stretch of seconds; `cpus` is each worker's highest CPU."""

    counts: list[int] = field(default_factory=lambda: [0] * len(_COLUMNS))
    connections: int = 0
    cpu_percent: float = 0.0
    spreads: dict[str, dict[int, int]] = field(default_factory=dict)
    cpus: dict[str, float] = field(default_factory=dict)

    def add(self, row: WireRow, worker: str | None = None) -> None:
        """Add one worker's row, under the worker's name where each one's CPU matters."""
        _, counts, connections, cpu_percent, spreads = row
        self.counts = [have + more for have, more in zip(self.counts, counts, strict=True)]
        self.connections += connections
        self.cpu_percent = max(self.cpu_percent, cpu_percent)
        if worker is not None:
            self.cpus[worker] = cpu_percent
        for column, steps in spreads.items():
            _add_steps(self.spreads.setdefault(column, {}), steps)

    def to_wire(self, second: int) -> WireRow:
        """As one row of a process that saw all of it; whose CPU was which is not in it."""
        spreads = {column: to_steps(buckets) for column, buckets in self.spreads.items()}
        return [second, self.counts, self.connections, self.cpu_percent, spreads]

    def copy(self) -> "Second":
        """The same, to be added to alone."""
        spreads = {column: dict(buckets) for column, buckets in self.spreads.items()}
        return Second(list(self.counts), self.connections, self.cpu_percent, spreads, dict(self.cpus))

    def extend(self, later: "Second") -> None:
        """Take in what followed: what is left is true of both together; of gauges the highest is kept."""
        self.counts = [have + more for have, more in zip(self.counts, later.counts, strict=True)]
        self.connections = max(self.connections, later.connections)
        self.cpu_percent = max(self.cpu_percent, later.cpu_percent)
        for worker, cpu_percent in later.cpus.items():
            self.cpus[worker] = max(self.cpus.get(worker, 0.0), cpu_percent)
        for column, buckets in later.spreads.items():
            own = self.spreads.setdefault(column, {})
            for index, times in buckets.items():
                own[index] = own.get(index, 0) + times


def flat(second: int, what: Second) -> SeriesRow:
    """The row of one second, in the order of `columns`."""
    row: SeriesRow = {"second": second, **dict(zip(_COLUMNS, what.counts, strict=True))}
    row["failures"] = sum(int(row[column] or 0) for column in FAILURE_COLUMNS)
    row["connections"] = what.connections
    row["cpu_percent"] = round(what.cpu_percent, 1)
    for column in TREND_COLUMNS:
        buckets = what.spreads.get(column)
        row[f"{column}_count"] = sum(buckets.values()) if buckets else 0
        for name, value_ms in zip(PERCENTS, percentiles_ms(buckets or {}), strict=True):
            row[f"{column}_{name}"] = value_ms
    return row


def columns() -> list[str]:
    """The columns of a row in order, for the head of a CSV file."""
    return list(flat(0, Second()))


def to_csv(rows: Iterable[SeriesRow]) -> str:
    """The rows as text for timeseries.csv, with a head; what was not measured is an empty field."""
    lines = (",".join("" if value is None else str(value) for value in row.values()) for row in rows)
    return "".join(f"{line}\n" for line in (",".join(columns()), *lines))


def _add_steps(buckets: dict[int, int], steps: Sequence[int]) -> None:
    index = 0
    for step, times in zip(steps[::2], steps[1::2], strict=True):
        index += step
        buckets[index] = buckets.get(index, 0) + times


def percentiles_ms(buckets: Mapping[int, int]) -> list[float | None]:
    """PERCENTS of a coarse distribution in ms, within 3.2 %; each None where nothing was measured."""
    if not buckets:
        return [None] * len(PERCENTS)
    indexes = sorted(buckets)
    running = list(accumulate(buckets[index] for index in indexes))
    ranks = [max(1, math.ceil(percent * running[-1] / 100)) for percent in PERCENTS.values()]
    return [round(sum(coarse_bounds(indexes[bisect_left(running, rank)])) / 2000, 3) for rank in ranks]


@dataclass(slots=True)
class Interval:
    """From `second` of the run on, `width_s` seconds long."""

    second: int
    what: Second
    width_s: int = 1

    @property
    def end_s(self) -> int:
        """The second at which it is over."""
        return self.second + self.width_s

    def copy(self) -> "Interval":
        """The same, to be extended alone."""
        return Interval(self.second, self.what.copy(), self.width_s)

    def extend(self, later: "Interval") -> None:
        """Take in the stretch that follows this one."""
        self.width_s = later.end_s - self.second
        self.what.extend(later.what)
