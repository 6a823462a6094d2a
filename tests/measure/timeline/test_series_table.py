"""A table is the same sequence of rows as a list of them."""

from fleetlm_users.measure.report.charts import Line, LineChart
from fleetlm_users.measure.timeline.rows import Second, flat, to_csv
from fleetlm_users.measure.timeline.series_table import SeriesTable

ROWS = [
    flat(second, Second([second] * 10, second, 12.34, {"append": {111: second}} if second else {}))
    for second in range(20)
]


def test_it_gives_the_rows_back():
    """Whole numbers as such, None for what was not measured, parts as tables."""
    table = SeriesTable(iter(ROWS))
    assert list(table) == ROWS
    assert list(table[:-1]) == ROWS[:-1]
    assert (len(table), len(table[5:7]), table[-1]["sent"]) == (20, 2, 19)
    assert table.column("append_p50_ms") == [row["append_p50_ms"] for row in ROWS]
    assert not SeriesTable()


def test_files_and_charts_are_the_same():
    """To the letter."""
    table = SeriesTable(ROWS)
    assert to_csv(table) == to_csv(ROWS)
    chart = LineChart("latency", "ms", (Line("append_p50_ms", "p50", 1), Line("sent", "sent", 2)), percentiles=True)
    assert chart.has_data(table)
    assert chart.figure(table, 2.0) == chart.figure(ROWS, 2.0)
