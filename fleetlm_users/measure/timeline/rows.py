"""The seconds of a run as flat rows, for timeseries.csv, the charts and the progress line."""

import csv
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, overload

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.timeline.second import (
    BACKLOG_COLUMNS,
    COUNTER_COLUMNS,
    FAILURE_COLUMNS,
    PLACES,
    TREND_COLUMNS,
    Stretch,
)
from fleetlm_users.quoting import quote

PERCENTS: Final = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}

_FIRST_COUNTERS: Final = tuple(COUNTER_COLUMNS)[:10]
_FIRST_TRENDS: Final = tuple(TREND_COLUMNS)[:5]
"""The trends of the first file format: their columns keep their places, later ones are added at the end."""

MAX_FIELD: Final = 1e15

SeriesRow = dict[str, int | float | None]
"""One second's figures by column; None where nothing was measured."""


def flat(stretch: Stretch, scenario: str | None = None) -> SeriesRow:
    """Return the row of one second, of a scenario or of all, in the order of `columns`.

    Connections and CPU always cover all scenarios.
    """
    whole = stretch.of(scenario)
    counts: SeriesRow = dict(zip(COUNTER_COLUMNS, whole.counts, strict=True))
    row: SeriesRow = {"second": stretch.second, **{name: counts.pop(name) for name in _FIRST_COUNTERS}}
    row["failures"] = sum(whole.counts[PLACES[column]] for column in FAILURE_COLUMNS)
    row["connections"] = stretch.connections
    row["cpu_percent"] = round(stretch.cpu_percent, 1)
    spreads: SeriesRow = {}
    for column in TREND_COLUMNS:
        buckets = whole.spreads.get(column, {})
        figures = row if column in _FIRST_TRENDS else spreads
        figures[f"{column}_count"] = sum(buckets.values())
        for name, value_ms in zip(PERCENTS, percentiles_ms(buckets), strict=True):
            figures[f"{column}_{name}"] = value_ms
    return {**row, **counts, **dict(zip(BACKLOG_COLUMNS, whole.backlogs, strict=True)), **spreads}


def columns() -> list[str]:
    """Return the columns of a row in order, for the head of a CSV file."""
    return list(flat(Stretch.empty(0)))


def to_csv(rows: Iterable[SeriesRow]) -> str:
    """Return the rows as text for timeseries.csv, with a head; unmeasured values are empty fields."""
    lines = (",".join("" if value is None else str(value) for value in row.values()) for row in rows)
    return "".join(f"{line}\n" for line in (",".join(columns()), *lines))


def from_csv(text: str) -> "SeriesTable":
    """Return the rows of a timeseries.csv, of this version or an older one, whose file lacks some columns.

    Unknown columns are skipped; missing ones are empty.

    Raises:
        ShapeError: It is not such a file; the place is the line.
    """
    lines = csv.reader(text.splitlines())
    head = next(lines, [])
    if "second" not in head or len(set(head)) < len(head):
        raise ShapeError(f"is {quote(','.join(head))}; expected columns such as second,sent,appended", "line 1")
    places = {name: head.index(name) if name in head else None for name in columns()}
    return SeriesTable(_rows_from(lines, places, len(head)))


def _rows_from(lines: Iterable[list[str]], places: Mapping[str, int | None], width: int) -> Iterator[SeriesRow]:
    before = -1.0
    try:
        for number, fields in enumerate(lines, 2):
            place = f"line {number}"
            if len(fields) != width:
                raise ShapeError(f"has {len(fields)} fields; expected {width}", place)
            row = {name: None if at is None else _field(fields[at], place) for name, at in places.items()}
            second = row["second"]
            if second is None or second <= before:
                raise ShapeError("is not a later second than the line before it", place)
            before = second
            yield row
    except csv.Error as problem:
        raise ShapeError(f"is not CSV ({problem})") from problem


def _field(text: str, place: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < MAX_FIELD:
        raise ShapeError(f"holds {quote(text)}; expected a number", place)
    return value


def percentiles_ms(buckets: Mapping[int, int]) -> list[float | None]:
    """Return the PERCENTS of a coarse distribution in ms, within 3.2 %; each None where nothing was measured."""
    if not buckets:
        return [None] * len(PERCENTS)
    indexes = sorted(buckets)
    running = list(accumulate(buckets[index] for index in indexes))
    ranks = [max(1, math.ceil(percent * running[-1] / 100)) for percent in PERCENTS.values()]
    return [round(sum(coarse_bounds(indexes[bisect_left(running, rank)])) / 2000, 3) for rank in ranks]


class SeriesTable(Sequence[SeriesRow]):
    """The rows of a whole run by columns: a day of them takes 25 MB, and ten times that as rows.

    A column in which nothing ever happened takes no space: no run has all kinds of users.
    """

    def __init__(self, rows: Iterable[SeriesRow] = ()) -> None:
        self._columns: dict[str, array[float]] = {}
        self._length = 0
        for row in rows:
            self._append(row)

    def __repr__(self) -> str:
        return f"SeriesTable({len(self)} rows)"

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> SeriesRow: ...

    @overload
    def __getitem__(self, index: slice) -> "SeriesTable": ...

    def __getitem__(self, index: int | slice) -> "SeriesRow | SeriesTable":
        if isinstance(index, slice):
            part = SeriesTable()
            part._columns = {name: values[index] for name, values in self._columns.items()}
            part._length = len(range(*index.indices(self._length)))
            return part
        at = range(self._length)[index]
        columns = self._columns
        return {name: _value(name, columns[name][at]) if name in columns else empty for name, empty in _EMPTY.items()}

    def column(self, name: str) -> list[int | float | None]:
        """Return the values of one column."""
        if name not in self._columns:
            return [_EMPTY[name]] * self._length
        return [_value(name, value) for value in self._columns[name]]

    def _append(self, row: SeriesRow) -> None:
        for name, empty in _EMPTY.items():
            value, values = row[name], self._columns.get(name)
            if values is None and value == empty:
                continue
            if values is None:
                values = self._columns[name] = array("d", [_stored(empty)]) * self._length
            values.append(_stored(value))
        self._length += 1


def _stored(value: float | None) -> float:
    return math.nan if value is None else value


_EMPTY: Final = flat(Stretch.empty(0))
"""A row in which nothing happened."""


def column_of(rows: Sequence[SeriesRow], name: str) -> list[int | float | None]:
    """Return one column of rows, quickly if they are a table."""
    return rows.column(name) if isinstance(rows, SeriesTable) else [row[name] for row in rows]


def _value(name: str, value: float) -> int | float | None:
    """Return the value as it was added: None if not measured, a whole number for counts."""
    if math.isnan(value):
        return None
    return value if name.endswith(("_ms", "_percent")) else int(value)
