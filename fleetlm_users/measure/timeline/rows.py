"""The seconds of a run as flat rows: what timeseries.csv, the charts and the progress line are made of."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, overload

from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.timeline.second import (
    BACKLOG_COLUMNS,
    COUNTER_COLUMNS,
    FAILURE_COLUMNS,
    TREND_COLUMNS,
    Stretch,
)

PERCENTS: Final = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}

_FIRST_COUNTERS: Final = tuple(COUNTER_COLUMNS)[:10]
"""The counters before the percentiles: a file's columns keep their places, later ones are added at the end."""

SeriesRow = dict[str, int | float | None]
"""One second in figures by column; None where nothing was measured."""


def flat(stretch: Stretch) -> SeriesRow:
    """Return the row of one second, in the order of `columns`."""
    whole = stretch.whole()
    counts: SeriesRow = dict(zip(COUNTER_COLUMNS, whole.counts, strict=True))
    row: SeriesRow = {"second": stretch.second, **{name: counts.pop(name) for name in _FIRST_COUNTERS}}
    row["failures"] = sum(int(row[column] or 0) for column in FAILURE_COLUMNS)
    row["connections"] = stretch.connections
    row["cpu_percent"] = round(stretch.cpu_percent, 1)
    for column in TREND_COLUMNS:
        buckets = whole.spreads.get(column, {})
        row[f"{column}_count"] = sum(buckets.values())
        for name, value_ms in zip(PERCENTS, percentiles_ms(buckets), strict=True):
            row[f"{column}_{name}"] = value_ms
    return {**row, **counts, **dict(zip(BACKLOG_COLUMNS, whole.backlogs, strict=True))}


def columns() -> list[str]:
    """Return the columns of a row in order, for the head of a CSV file."""
    return list(flat(Stretch.empty(0)))


def to_csv(rows: Iterable[SeriesRow]) -> str:
    """Return the rows as text for timeseries.csv, with a head; what was not measured is an empty field."""
    lines = (",".join("" if value is None else str(value) for value in row.values()) for row in rows)
    return "".join(f"{line}\n" for line in (",".join(columns()), *lines))


def percentiles_ms(buckets: Mapping[int, int]) -> list[float | None]:
    """Return the PERCENTS of a coarse distribution in ms, within 3.2 %; each None where nothing was measured."""
    if not buckets:
        return [None] * len(PERCENTS)
    indexes = sorted(buckets)
    running = list(accumulate(buckets[index] for index in indexes))
    ranks = [max(1, math.ceil(percent * running[-1] / 100)) for percent in PERCENTS.values()]
    return [round(sum(coarse_bounds(indexes[bisect_left(running, rank)])) / 2000, 3) for rank in ranks]


class SeriesTable(Sequence[SeriesRow]):
    """The rows of a whole run by columns: a day of them takes 25 MB, and ten times that as rows."""

    def __init__(self, rows: Iterable[SeriesRow] = ()) -> None:
        self._columns = {name: array("d") for name in columns()}
        for row in rows:
            for values, value in zip(self._columns.values(), row.values(), strict=True):
                values.append(math.nan if value is None else value)

    def __repr__(self) -> str:
        return f"SeriesTable({len(self)} rows)"

    def __len__(self) -> int:
        return len(self._columns["second"])

    @overload
    def __getitem__(self, index: int) -> SeriesRow: ...

    @overload
    def __getitem__(self, index: slice) -> "SeriesTable": ...

    def __getitem__(self, index: int | slice) -> "SeriesRow | SeriesTable":
        if isinstance(index, slice):
            part = SeriesTable()
            part._columns = {name: values[index] for name, values in self._columns.items()}
            return part
        return {name: _value(name, values[index]) for name, values in self._columns.items()}

    def column(self, name: str) -> list[int | float | None]:
        """Return the values of one column."""
        return [_value(name, value) for value in self._columns[name]]


def column_of(rows: Sequence[SeriesRow], name: str) -> list[int | float | None]:
    """Return one column of rows, quickly where they are a table."""
    return rows.column(name) if isinstance(rows, SeriesTable) else [row[name] for row in rows]


def _value(name: str, value: float) -> int | float | None:
    """Return the value as it came in: None for what was not measured, whole numbers for what is counted."""
    if math.isnan(value):
        return None
    return value if name.endswith(("_ms", "_percent")) else int(value)
