"""Arrivals: their number in each second, their law, and that every layout has the same ones."""

import math
from collections import Counter
from itertools import pairwise
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.arrivals.notation import parse_rates, profile_of
from fleetlm_users.workload.arrivals.process import EVEN, POISSON, arrivals, own_of
from fleetlm_users.workload.arrivals.rates import RateProfile
from fleetlm_users.workload.user_numbers import WorkerSlot

ONE = {"churn": 1}
MIX = {"long_lived": 10, "burst": 5, "churn": 3, "none": 0}


def due(rate, kind=EVEN, seed=1, end_s=60.0, mix=ONE):
    return list(arrivals(profile_of(parse_rates(str(rate), "it")), kind, seed, mix, end_s))


def per_second(arrived):
    return Counter(int(arrival.due_s) for arrival in arrived)


@given(st.integers(1, 200), st.integers(1, 20))
def test_even_arrivals_of_a_whole_rate_are_that_many_in_every_second(rate, seconds):
    """The arrivals of all processes together are, too."""
    arrived = due(rate, end_s=seconds)
    assert per_second(arrived) == dict.fromkeys(range(seconds), rate)
    assert [arrival.number for arrival in arrived] == list(range(1, rate * seconds + 1))


@given(st.integers(1, 5_000_000).map(lambda rate: rate / 10_000), st.integers(1, 30))
def test_even_arrivals_are_the_nearest_whole_number_to_what_is_expected(rate, seconds):
    """It holds for every second, even at a fractional rate, and they are evenly spaced."""
    arrived = due(f"{rate:.4f}", end_s=seconds)
    for second in range(1, seconds + 1):
        by_then = sum(arrival.due_s < second for arrival in arrived)
        assert abs(by_then - rate * second) <= 0.5 + 1e-6
    gaps = [later.due_s - earlier.due_s for earlier, later in pairwise(arrived)]
    assert all(gap == pytest.approx(1 / rate, rel=1e-6) for gap in gaps)


def test_even_arrivals_at_a_changing_rate():
    """Each second has as many as the profile expects, and none come after its end."""
    arrived = due("4s:8,2s:8,4s:0", end_s=math.inf)
    assert [per_second(arrived)[second] for second in range(11)] == [1, 3, 5, 7, 8, 8, 7, 5, 3, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_poisson_arrivals_have_their_mean_and_variance(seed):
    """Counts of distinct seconds have the mean and the variance of the rate; fixed seeds, so the bounds always hold."""
    counts = per_second(due(20, POISSON, seed, end_s=2000.0))
    counted = [counts[second] for second in range(2000)]
    assert fmean(counted) == pytest.approx(20, abs=4 * math.sqrt(20 / 2000))
    assert variance(counted) == pytest.approx(20, rel=4 * math.sqrt(2 / 2000))
    neighbours = fmean((one - 20) * (other - 20) for one, other in pairwise(counted))
    assert abs(neighbours) < 4 * 20 / math.sqrt(2000)


@pytest.mark.parametrize("seed", range(5))
def test_gaps_of_poisson_arrivals_are_exponential(seed):
    """The test of Kolmogorov and Smirnov shows it, at a level of one in a thousand."""
    arrived = due(50, POISSON, seed, end_s=100.0)
    gaps = sorted(later.due_s - earlier.due_s for earlier, later in pairwise(arrived))
    law = [1 - math.exp(-50 * gap) for gap in gaps]
    n = len(gaps)
    distance = max(max((at + 1) / n - share, share - at / n) for at, share in enumerate(law))
    assert distance < 1.95 / math.sqrt(n)


def test_poisson_arrivals_follow_a_changing_rate():
    """As many come before and after the middle of a ramp as the profile expects, within four deviations."""
    arrived = due("100s:40", POISSON, 3, end_s=math.inf)
    first = sum(arrival.due_s < 50 for arrival in arrived)
    assert first == pytest.approx(500, abs=4 * math.sqrt(500))
    assert len(arrived) - first == pytest.approx(1500, abs=4 * math.sqrt(1500))


def test_the_seed_decides_the_arrivals():
    """Another one gives others; even arrivals have no chance in them."""
    assert due(20, POISSON, 1) == due(20, POISSON, 1) != due(20, POISSON, 2)
    assert due(20, EVEN, 1) == due(20, EVEN, 2)


@given(
    kind=st.sampled_from((EVEN, POISSON)),
    seed=st.integers(0, 2**53),
    turns=st.integers(1, 8),
    users=st.integers(1, 40),
    rate=st.sampled_from(("7", "2s:9,3s:9", "0.5")),
)
def test_every_layout_has_the_same_arrivals(kind, seed, turns, users, rate):
    """Each arrival begins on exactly one process, one that has users, and is the same there as on a single one."""
    all_of_them = due(rate, kind, seed, mix=MIX, end_s=20.0)
    owned = [
        list(own_of(due(rate, kind, seed, mix=MIX, end_s=20.0), users, WorkerSlot(n, n, turns))) for n in range(turns)
    ]
    assert sorted(arrival for own in owned for arrival in own) == all_of_them
    assert not any(own for turn, own in enumerate(owned) if turn >= users)
    assert list(own_of(all_of_them, users, WorkerSlot(9, None, turns))) == []


@pytest.mark.parametrize("turns", [2, 3, 4])
def test_each_process_has_its_share_of_every_scenario(turns):
    """It includes scenarios that take turns in the same rhythm as the processes."""
    mix = {"a": 1, "b": 1, "c": 1, "d": 1}
    for turn in range(turns):
        own = Counter(arrival.scenario for arrival in own_of(due(12, mix=mix), 12, WorkerSlot(turn, turn, turns)))
        assert own == dict.fromkeys(mix, 180 // turns)


def test_scenarios_arrive_in_proportion():
    """It holds for any stretch, as evenly as the counts allow; a scenario outside the mix never arrives."""
    arrived = due(18, mix=MIX, end_s=10.0)
    for start in range(0, 180, 18):
        assert Counter(arrival.scenario for arrival in arrived[start : start + 18]) == Counter(
            {"long_lived": 10, "burst": 5, "churn": 3}
        )


def test_a_rate_without_end_ends_with_the_run():
    """An arrival due at its end or later never comes."""
    steady = RateProfile.constant(2)
    assert [arrival.due_s for arrival in arrivals(steady, EVEN, 1, ONE, 1.25)] == [0.25, 0.75]
