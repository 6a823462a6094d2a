"""Axes begin and end at round values, name a few of them, and put every value between their ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.report.chart_scale import Scale, clock, fitting, from_zero, log_around, time_ticks

positive = st.floats(0.001, 4_000_000)


@given(st.lists(positive | st.just(0.0), max_size=20))
def test_every_value_fits_its_axis(values):
    """Between the ends, in order; a few ticks, all within."""
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
    """At most seven labels, which fit a phone."""
    assert time_ticks(seconds) == ticks
    assert len(time_ticks(400 * 86400.0)) > 1


@pytest.mark.parametrize(("second", "text"), [(5, "0:05"), (125, "2:05"), (3725, "1:02:05")])
def test_the_clock(second, text):
    """As on a watch."""
    assert clock(second) == text
