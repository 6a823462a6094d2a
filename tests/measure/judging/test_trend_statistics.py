"""Mann–Kendall, Theil–Sen, and Hamed and Rao's correction."""

from itertools import combinations
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.trend_statistics import interval, mann_kendall, p_value, slopes, variance_inflation

SERIES = st.lists(st.integers(-50, 50).map(float), min_size=3, max_size=30)


def test_score_and_variance_by_their_definition():
    """S counts rising pairs less falling ones; three pairs of equal values take 18 each from the variance."""
    score, variance = mann_kendall([10, 22, 21, 30, 22, 30, 40, 40])
    pairs = combinations([10, 22, 21, 30, 22, 30, 40, 40], 2)
    assert score == sum((later > first) - (later < first) for first, later in pairs)
    assert variance == (8 * 7 * 21 - 3 * 2 * 1 * 9) / 18


@given(SERIES)
def test_a_reversed_series_has_the_opposite_trend(series):
    """Score and slope change their sign, the variance stays."""
    score, variance = mann_kendall(series)
    assert mann_kendall(series[::-1]) == (-score, variance)
    assert median(slopes(series[::-1])) == pytest.approx(-median(slopes(series)))


@given(SERIES)
def test_the_interval_holds_the_slope(series):
    """It widens with the variance."""
    rates = slopes(series)
    narrow, wide = interval(rates, 1.0), interval(rates, 100.0)
    assert wide[0] <= narrow[0] <= median(rates) <= narrow[1] <= wide[1]


def test_autocorrelation_costs_independence():
    """White noise is worth as many values as it has; a slow wave is worth fewer."""
    random = Random(1)
    noise = [random.gauss(0, 1) for _ in range(60)]
    wave = [0.0]
    for step in noise:
        wave.append(0.9 * wave[-1] + step)
    assert variance_inflation(noise, 0.0) < 2 < variance_inflation(wave, 0.0)
    assert variance_inflation([5.0] * 10, 0.0) == 1.0


def test_a_constant_series_has_no_trend():
    """All ties: no variance, and nothing is significant."""
    assert mann_kendall([3.0] * 10) == (0, 0.0)
    assert p_value(0, 0.0) == 1.0
    assert p_value(30, 50.0) < 0.001 < p_value(1, 50.0)
