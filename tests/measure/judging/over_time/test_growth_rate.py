"""Noise is not called growth, and a leak is found; the rates come from simulation."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.over_time.growth_rate import MIN_READINGS, growth_rate, seconds_to_tell

RUNS = 300
TEN_MINUTES, AN_HOUR = 300, 1800  # readings, each two seconds


def white(random, n):
    return [random.gauss(0, 1) for _ in range(n)]


def persistent(random, n, r=0.9):
    value, values = random.gauss(0, 2), []
    for _ in range(n):
        value = r * value + random.gauss(0, 1)
        values.append(value)
    return values


def wandering(random, n):
    return persistent(random, n, 1.0)


def saw_tooth(random, n):
    """Memory between collections, each when it is full."""
    value, values = random.random(), []
    for _ in range(n):
        value += random.uniform(0.01, 0.1)
        value = value if value < 1 else random.uniform(0, 0.2)
        values.append(value)
    return values


def series(noise, seed, n, rise=0.0):
    """Readings that rise by so much over the whole run, below noise."""
    return [(2.0 * at, value + rise * at / n) for at, value in enumerate(noise(Random(seed), n))]


def claims(noise, n, rise=0.0):
    """The share of runs that are called growing: the whole interval is above 0, and the later half grows."""
    rates = [growth_rate(series(noise, seed, n, rise)) for seed in range(RUNS)]
    return sum(rate.low_per_h > 0 and rate.later_per_h > 0 for rate in rates) / RUNS


@pytest.mark.parametrize(
    ("noise", "at_most"), [(white, 0.01), (persistent, 0.01), (saw_tooth, 0.01), (wandering, 0.025)]
)
def test_what_does_not_grow_is_not_called_growing(noise, at_most):
    """In ten minutes, fewer than 1 of 100 runs are; of figures that wander freely, 2."""
    assert claims(noise, TEN_MINUTES) <= at_most


@pytest.mark.parametrize(("n", "rise"), [(TEN_MINUTES, 1.2), (AN_HOUR, 0.5)])
def test_a_leak_is_found(n, rise):
    """A rise over the run, in standard deviations of the noise, is found in 95 of 100 runs."""
    assert claims(white, n, rise) >= 0.95


def test_the_interval_holds_the_truth():
    """At least 98 of 100 runs do."""
    rates = [growth_rate(series(white, seed, TEN_MINUTES, rise=3.0)) for seed in range(RUNS)]
    truth_per_h = 3.0 * 3600 / (2 * TEN_MINUTES)
    assert sum(rate.low_per_h <= truth_per_h <= rate.high_per_h for rate in rates) / RUNS >= 0.98


def test_without_noise_the_slope_is_exact():
    """Its bounds are exact, too."""
    rate = growth_rate([(10 + 2.0 * at, 7 + 0.5 * at) for at in range(200)])
    assert (rate.per_h, rate.low_per_h, rate.high_per_h) == pytest.approx((900, 900, 900))
    assert rate.later_per_h == pytest.approx(900)


def test_what_fills_up_grows_no_longer_later():
    """The later half is flat, the whole is not."""
    rate = growth_rate([(2.0 * at, min(at, 180)) for at in range(400)])
    assert rate.per_h > 0
    assert (rate.later_per_h, rate.later_high_per_h) == (0, 0)


def test_gaps_do_not_bend_a_line():
    """Failed readings do not shorten the time between the others."""
    rate = growth_rate([(2.0 * at, 3.0 * at) for at in range(400) if not 100 < at < 180])
    assert rate.per_h == pytest.approx(5400, rel=0.02)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1e12)), min_size=MIN_READINGS, max_size=150))
def test_any_readings_give_ordered_figures(steps):
    """Or none, where no time passed."""
    readings, at_s = [], 0.0
    for step_s, value in steps:
        at_s += step_s
        readings.append((at_s, value))
    rate = growth_rate(readings)
    if rate is not None:
        assert rate.low_per_h <= rate.per_h <= rate.high_per_h
        assert rate.later_low_per_h <= rate.later_per_h <= rate.later_high_per_h


def test_too_few_readings_say_nothing():
    """They do not even show that there is no growth."""
    assert growth_rate([(2.0 * at, 0.0) for at in range(MIN_READINGS - 1)]) is None
    assert growth_rate([(1.0, 0.0)] * MIN_READINGS) is None


def test_how_long_a_run_would_have_to_be():
    """Longer, the closer the bound is."""
    rate = growth_rate(series(white, 1, TEN_MINUTES))
    near, far = (seconds_to_tell(rate, rate.per_h + gap) for gap in (1.0, 2.0))
    assert near > far >= rate.seconds
    assert seconds_to_tell(rate, rate.per_h) is None
