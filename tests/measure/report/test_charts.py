"""Charts are well-formed, leave gaps where nothing was measured, and thin long runs without hiding the worst."""

import re
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.report.charts import (
    MAX_POINTS,
    Line,
    LineChart,
    Scale,
    clock,
    distribution_figure,
    fitting,
    from_zero,
    log_around,
    time_ticks,
)
from fleetlm_users.measure.report.html import environment

LATENCY = LineChart("Latency <ms>", "ms", (Line("p50", "p50", 1), Line("p99", "p99", 3)), percentiles=True)
COUNTS = LineChart("Messages", "per second", (Line("sent", "sent </script>", 1),))


def drawn(figure):
    """The figure as the report's template draws it."""
    return str(environment().get_template("macros.html").module.chart(figure))


def parsed(figure):
    """The figure as XML: the boolean-free HTML we write is also that."""
    return ElementTree.fromstring(figure)


def data_of(figure):
    return orjson.loads(re.search(r"<script[^>]*>(.*?)</script>", figure)[1])


def test_a_gap_is_not_drawn_through():
    """Three stretches: a line, a dot, a line."""
    rows = [{"p50": value, "p99": 5.0} for value in (1.0, 2.0, None, 3.0, None, 2.0, 1.0)]
    figure = drawn(LATENCY.figure(rows, warm_up_s=2))
    lines = [path.get("d") for path in parsed(figure).iter("path") if path.get("class") == "line c1"]
    assert lines[0].count("M") == 3
    assert lines[0].count("L") == 2


def test_the_warm_up_is_shaded_to_its_end():
    """It never extends beyond the chart."""
    rows = [{"sent": 5}] * 10
    widths = [
        parsed(drawn(COUNTS.figure(rows, warm_up_s))).find(".//rect[@class='warm']").get("width")
        for warm_up_s in (0, 5, 99)
    ]
    assert widths == ["0.0", "500.0", "1000.0"]


@pytest.mark.parametrize(("chart", "column", "kept"), [(LATENCY, "p99", 900.0), (COUNTS, "sent", 451.0)])
def test_a_long_run_is_thinned_by_its_worst_or_its_mean(chart, column, kept):
    """A percentile keeps its peak, a rate its mean."""
    rows = [{"p50": 1.0, "p99": 2.0, "sent": 2} for _ in range(MAX_POINTS * 2)]
    rows[700] = {"p50": 1.0, "p99": 900.0, "sent": 900}
    data = data_of(drawn(chart.figure(rows, 0)))
    values = dict(zip([line.column for line in chart.lines], [values for _, values in data["lines"]], strict=True))[
        column
    ]
    assert len(values) == MAX_POINTS
    assert data["step"] == 2
    assert max(values) == kept


def test_names_cannot_break_out_of_the_page():
    """Neither text nor embedded data lets them."""
    figure = drawn(COUNTS.figure([{"sent": 1}] * 3, 0)) + drawn(LATENCY.figure([{"p50": 1.0, "p99": None}] * 3, 0))
    assert figure.count("</script>") == 2
    assert "Latency &lt;ms&gt;" in figure


def test_a_chart_of_nothing_is_known_as_such():
    """Zeros and gaps are nothing to look at."""
    assert not LATENCY.has_data([{"p50": None, "p99": None}])
    assert not COUNTS.has_data([{"sent": 0}])
    assert COUNTS.has_data([{"sent": 0}, {"sent": 1}])
    figure = drawn(LATENCY.figure([{"p50": 1.0, "p99": None}], 0))
    assert "M" not in re.search(r'class="line c3" d="([^"]*)"', figure)[1]


def test_a_distribution_has_bars_and_marks():
    """One bar for each stretch with samples, one line for each mark, the highest bar below the top."""
    buckets = [[0.0, 0.001, 2], [1.0, 1.1, 50], [9.0, 9.6, 5]]
    figure = drawn(distribution_figure("append", buckets, [("p95", 9.3), ("med", 1.05)]))
    bars = [bar for bar in parsed(figure).iter("rect") if bar.get("class") == "bar"]
    assert len(bars) >= 3
    assert max(float(bar.get("height")) for bar in bars) == pytest.approx(184, abs=0.2)
    assert len([mark for mark in parsed(figure).iter("path") if mark.get("class") == "mark"]) == 2
    assert "p95 9.300 ms" in figure


def test_a_distribution_of_one_value_can_be_drawn():
    """All in one bucket."""
    assert 'class="bar"' in drawn(distribution_figure("append", [[1.0, 1.001, 7]], []))


positive = st.floats(0.001, 4_000_000)


@given(st.lists(positive | st.just(0.0), max_size=20))
def test_every_value_fits_its_axis(values):
    """Values lie between the ends, in order; the few ticks are all within."""
    scale = fitting(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert scale.high > scale.low
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert all(scale.low * 0.99 <= tick <= scale.high * 1.01 for tick in ticks)


@given(positive, positive)
def test_a_log_axis_begins_and_ends_at_round_values(one, other):
    """1, 2 or 5 times a power of ten, around both."""
    low, high = sorted((one, other))
    scale = log_around(low, high)
    assert scale.low <= low * 1.001
    assert scale.high >= high * 0.999
    assert scale.at(scale.low) == 0
    assert scale.at(scale.high) == pytest.approx(1)


@pytest.mark.parametrize(
    ("high", "ticks"),
    [(0, [0.0]), (4, [0, 1, 2, 3, 4]), (38, [0, 10, 20, 30, 40]), (0.9, [0, 0.2, 0.4, 0.6, 0.8, 1.0])],
)
def test_a_linear_axis_begins_at_zero(high, ticks):
    """A cut axis exaggerates."""
    assert from_zero(high).ticks()[: len(ticks)] == pytest.approx(ticks)


def test_an_axis_turns_logarithmic_where_values_differ_much():
    """A stall of 2 s must not flatten a median of 1 ms."""
    assert not fitting([1.0, 30.0]).logarithmic
    assert fitting([1.0, 2000.0]).logarithmic
    assert fitting([]) == Scale(0.0, 1.0)


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [(4, [0, 1, 2, 3, 4]), (135, [0, 30, 60, 90, 120]), (3600, [0, 600, 1200, 1800, 2400, 3000, 3600])],
)
def test_time_is_named_at_round_moments(seconds, ticks):
    """There are at most seven labels, which fit a phone."""
    assert time_ticks(seconds) == ticks
    assert len(time_ticks(400 * 86400.0)) > 1


@pytest.mark.parametrize(("second", "text"), [(5, "0:05"), (125, "2:05"), (3725, "1:02:05")])
def test_the_clock(second, text):
    """It is clock time."""
    assert clock(second) == text
