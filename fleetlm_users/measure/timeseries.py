"""The timelines of all workers merged by second: rows for timeseries.csv, the charts and the progress line."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from fleetlm_users.measure.geometry import coarse_bounds
from fleetlm_users.measure.timeline import COUNTER_COLUMNS, FAILURE_COLUMNS, TREND_COLUMNS, WireRow

_COLUMNS: Final = tuple(COUNTER_COLUMNS)
_PERCENTS: Final = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}

SeriesRow = dict[str, int | float | None]


@dataclass(slots=True)
class _Second:
    counts: list[int] = field(default_factory=lambda: [0] * len(_COLUMNS))
    connections: int = 0
    cpu_percent: float = 0.0
    spreads: dict[str, dict[int, int]] = field(default_factory=dict)


def merged(workers: Iterable[Iterable[WireRow]], newest: int | None = None) -> list[SeriesRow]:
    """One row per second from 0 to the last, or the `newest` rows; a second without reports is a row of zeros.

    Counts are sums, `connections` the sum of each worker's highest number in that second, `cpu_percent` the highest
    worker's. Percentiles in ms come from coarse buckets, within 3.2 %, and are None where nothing was measured.
    """
    by_worker = [sorted(rows, key=lambda row: int(row[0])) for rows in workers]
    last = max((rows[-1][0] for rows in by_worker if rows), default=-1)
    first = 0 if newest is None else max(0, last + 1 - newest)
    seconds = [_Second() for _ in range(first, last + 1)]
    for rows in by_worker:
        _add_worker(seconds, first, rows)
    return [_flat(second, merged_second) for second, merged_second in enumerate(seconds, first)]


def columns() -> list[str]:
    """The columns of a row in order, for the head of a CSV file."""
    return list(_flat(0, _Second()))


def to_csv(rows: Iterable[SeriesRow]) -> str:
    """The rows as text for timeseries.csv, with a head; what was not measured is an empty field."""
    lines = [columns(), *(["" if value is None else str(value) for value in row.values()] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def _add_worker(seconds: list[_Second], first: int, rows: Sequence[WireRow]) -> None:
    connections, expected = 0, first
    for second, counts, row_connections, cpu_percent, spreads in rows:
        if second < first:
            continue
        for stalled in seconds[expected - first : second - first]:
            stalled.connections += connections  # the worker said nothing, but its sockets stayed
        into = seconds[second - first]
        into.counts = [have + more for have, more in zip(into.counts, counts, strict=True)]
        into.connections += row_connections
        into.cpu_percent = max(into.cpu_percent, cpu_percent)
        for column, steps in spreads.items():
            _add_steps(into.spreads.setdefault(column, {}), steps)
        connections, expected = row_connections, second + 1


def _flat(second: int, merged_second: _Second) -> SeriesRow:
    row: SeriesRow = {"second": second, **dict(zip(_COLUMNS, merged_second.counts, strict=True))}
    row["failures"] = sum(int(row[column] or 0) for column in FAILURE_COLUMNS)
    row["connections"] = merged_second.connections
    row["cpu_percent"] = round(merged_second.cpu_percent, 1)
    for column in TREND_COLUMNS:
        buckets = merged_second.spreads.get(column)
        row[f"{column}_count"] = sum(buckets.values()) if buckets else 0
        for name, value_ms in zip(_PERCENTS, _percentiles_ms(buckets or {}), strict=True):
            row[f"{column}_{name}"] = value_ms
    return row


def _add_steps(buckets: dict[int, int], steps: Sequence[int]) -> None:
    index = 0
    for step, times in zip(steps[::2], steps[1::2], strict=True):
        index += step
        buckets[index] = buckets.get(index, 0) + times


def _percentiles_ms(buckets: Mapping[int, int]) -> list[float | None]:
    if not buckets:
        return [None] * len(_PERCENTS)
    indexes = sorted(buckets)
    running = list(accumulate(buckets[index] for index in indexes))
    ranks = [max(1, math.ceil(percent * running[-1] / 100)) for percent in _PERCENTS.values()]
    return [round(sum(coarse_bounds(indexes[bisect_left(running, rank)])) / 2000, 3) for rank in ranks]
