"""The seconds of a whole run as a table by columns: a day of them takes 25 MB here, and ten times that as rows."""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from fleetlm_users.measure.timeline.rows import SeriesRow, columns


class SeriesTable(Sequence[SeriesRow]):
    """A sequence of rows that keeps plain numbers and makes a row when it is asked for."""

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
        """The values of one column."""
        return [_value(name, value) for value in self._columns[name]]


def column_of(rows: Sequence[SeriesRow], name: str) -> list[int | float | None]:
    """One column of rows, quickly where they are a table."""
    return rows.column(name) if isinstance(rows, SeriesTable) else [row[name] for row in rows]


def _value(name: str, value: float) -> int | float | None:
    """As it came in: None for what was not measured, whole numbers for what is counted."""
    if math.isnan(value):
        return None
    return value if name.endswith(("_ms", "_percent")) else int(value)
