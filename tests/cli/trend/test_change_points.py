"""E-divisive with a permutation test: how rarely it is wrong, what it finds, and when it gives no answer."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetlm_users.cli.trend.change_points import MIN_SEGMENT, change_points, fewest_after, fewest_figures

NOISES = {
    "normal": lambda rng: rng.gauss(100, 2),
    "skewed": lambda rng: 100 * rng.lognormvariate(0, 0.3),
    "outliers": lambda rng: rng.gauss(100, 2) + (60 if rng.random() < 0.05 else 0),
    "whole numbers": lambda rng: round(rng.gauss(0, 0.7)),
}


def shifted(before, after, *, scatter, shift, seed):
    """A series of figures around 100 that scatter by so many percent, and change by so many after `before` of them."""
    rng = random.Random(seed)
    level = 100 + shift
    return [rng.gauss(100, scatter) for _ in range(before)] + [rng.gauss(level, scatter) for _ in range(after)]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("count", [12, 30])
def test_fewer_than_one_unchanged_history_in_a_hundred_shows_a_change(noise, count):
    """It holds for any noise: 400 histories each, of 12 and of 30 runs. docs/trend.md states the rate."""
    alarms = 0
    for seed in range(400):
        rng = random.Random(seed)
        alarms += bool(change_points([NOISES[noise](rng) for _ in range(count)]))
    assert alarms / 400 <= 0.01


@pytest.mark.parametrize(
    ("before", "after", "scatter", "least"),
    [(20, 10, 1.5, 0.95), (30, 10, 2.0, 0.9), (20, 5, 1.5, 0.85), (20, 3, 1.0, 0.9), (8, 8, 1.0, 0.95)],
)
def test_a_shift_of_five_percent_is_found(before, after, scatter, least):
    """These are the shares of fifty histories, by how much runs scatter. docs/trend.md states them."""
    found = 0
    for seed in range(50):
        changes = change_points(shifted(before, after, scatter=scatter, shift=5, seed=seed))
        found += any(abs(change.at - before) <= 2 for change in changes)
    assert found / 50 >= least


def test_a_rise_and_a_fall_are_two_changes():
    """Each at its place, within a run or two."""
    values = shifted(30, 40, scatter=2, shift=8, seed=4) + shifted(30, 0, scatter=2, shift=0, seed=5)
    places = [change.at for change in change_points(values)]
    assert len(places) == 2
    assert abs(places[0] - 30) <= 2
    assert abs(places[1] - 70) <= 2


def test_one_odd_run_is_no_change():
    """Nor is the newest."""
    rng = random.Random(1)
    for place in (15, 39):
        values = [rng.gauss(100, 1) for _ in range(40)]
        values[place] = 200
        assert change_points(values) == []


def test_equal_figures_never_change():
    """A rate of 1.0 in all runs, a count of 0, and nothing at all."""
    assert change_points([1.0] * 100) == []
    assert change_points([]) == []


def test_a_history_that_is_too_short_says_nothing():
    """However large the step: chance orders ten figures like this once in 126 times."""
    few = fewest_figures()
    assert few == 12
    for count in (few - 1, few):
        values = [1.0] * (count // 2) + [9.0] * (count - count // 2)
        assert bool(change_points(values)) == (count >= few)


def test_how_many_runs_must_lie_behind_a_change():
    """Fewer in longer histories."""
    assert [fewest_after(count) for count in (11, 12, 15, 20, 30, 100)] == [None, 6, 4, 3, 3, 2]
    rng = random.Random(2)
    assert change_points([rng.gauss(100, 1) for _ in range(47)] + [150.0, 151.0, 149.0])[0].at == 47


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=25), st.sampled_from([0.5, 2.0, 1024.0]))
def test_changes_rise_keep_their_distance_and_do_not_depend_on_the_unit(values, factor):
    """The same series gives the same answer, also in another unit."""
    changes = change_points(values)
    assert changes == change_points(values)
    assert [change.at for change in changes] == [change.at for change in change_points([v * factor for v in values])]
    places = [0, *(change.at for change in changes), len(values)]
    assert all(after - before >= MIN_SEGMENT for before, after in pairwise(places) if changes)
    assert all(0 < change.p_value <= 0.005 for change in changes)
