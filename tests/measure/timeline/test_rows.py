"""A second as a flat row, rows as CSV, and a table that is the same sequence as a list of rows."""

from fleetlm_users.measure.report.charts import Line, LineChart
from fleetlm_users.measure.timeline.rows import SeriesTable, columns, flat, from_csv, to_csv
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, Part, Stretch

WIDTH = len(COUNTER_COLUMNS)


def stretch(second, counts, connections=0, cpu_percent=0.0, spreads=None):
    padded = [*counts, *[0] * (WIDTH - len(counts))]
    return Stretch(second, connections, cpu_percent, {"burst": Part(padded, (second, 2, 0, 0), spreads or {})})


ROWS = [
    flat(stretch(second, [second] * WIDTH, second, 12.34, {"append": {111: second}} if second else {}))
    for second in range(20)
]


def test_failures_are_everything_that_failed():
    """One column for people; its parts are next to it."""
    row = flat(stretch(0, [9, 4, 1, 2, 0, 0, 7, 3, 4, 5]))
    assert row["failures"] == 1 + 2 + 3 + 4 + 5


def test_csv_has_a_head_and_an_empty_field_for_what_was_not_measured():
    """0 and nothing are different."""
    head, row = to_csv([flat(stretch(0, [5], 2, 30.0))]).splitlines()
    assert head.split(",") == columns()
    fields = dict(zip(head.split(","), row.split(","), strict=True))
    assert (fields["sent"], fields["append_p95_ms"], fields["append_count"]) == ("5", "", "0")


def test_a_table_gives_the_rows_back():
    """Whole numbers stay whole, unmeasured values are None, and slices are tables."""
    table = SeriesTable(iter(ROWS))
    assert list(table) == ROWS
    assert list(table[:-1]) == ROWS[:-1]
    assert (len(table), len(table[5:7]), table[-1]["sent"]) == (20, 2, 19)
    assert table.column("append_p50_ms") == [row["append_p50_ms"] for row in ROWS]
    assert not SeriesTable()


def test_files_and_charts_of_a_table_are_the_same():
    """They are identical to the letter."""
    table = SeriesTable(ROWS)
    assert to_csv(table) == to_csv(ROWS)
    chart = LineChart("latency", "ms", (Line("append_p50_ms", "p50", 1), Line("sent", "sent", 2)), percentiles=True)
    assert chart.has_data(table)
    assert chart.figure(table, 2.0) == chart.figure(ROWS, 2.0)


def test_a_csv_gives_the_rows_back():
    """It includes files of an older version, which lack some columns, and of a newer one with more."""
    assert list(from_csv(to_csv(ROWS))) == ROWS
    (row,) = from_csv("second,sent,of_tomorrow\n7,3,x\n")
    assert row == dict.fromkeys(columns()) | {"second": 7, "sent": 3}
