import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.comparing import statistics
from fleetlm_users.measure.comparing.statistics import ConfidenceInterval, quantile_ranks


@pytest.mark.parametrize(
    ("count", "fraction", "confidence", "ranks"),
    [
        (100, 0.5, 0.95, (40, 61)),  # the textbook case, Hahn & Meeker table A.15
        (5, 0.5, 0.95, (None, None)),  # 1 - 2 * 0.5**5 is 0.9375: not even all five enclose the median with 95 %
        (6, 0.5, 0.95, (1, 6)),
        (100, 0.99, 0.95, (97, None)),  # P(all 100 below p99) is 0.37: no upper bound
        (1, 0.5, 0.95, (None, None)),
        (0, 0.5, 0.95, (None, None)),
        (10, 0.0, 0.95, (None, None)),
    ],
)
def test_ranks_enclose_a_quantile(count, fraction, confidence, ranks):
    """Exact binomial ranks, None where no sample is far enough out."""
    assert quantile_ranks(count, fraction, confidence) == ranks


@given(st.integers(1, 3000), st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.sampled_from([0.9, 0.95, 0.99]))
def test_ranks_are_exact_and_tight(count, fraction, confidence):
    """Each tail holds at most half of the remaining probability, and the next rank inwards would hold more."""
    tail = (1 - confidence) / 2
    low, high = quantile_ranks(count, fraction, confidence)

    def below(k):  # P(X <= k)
        return sum(math.exp(log_weight(count, i, fraction)) for i in range(k + 1))

    if low is not None:
        assert below(low - 1) <= tail + 1e-9 < below(low) + 1e-6
    if high is not None:
        assert below(high - 1) >= 1 - tail - 1e-9
        assert high == 1 or below(high - 2) < 1 - tail + 1e-9


def log_weight(count, k, fraction):
    """The logarithm of the binomial probability of k."""
    ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
    return ways + k * math.log(fraction) + (count - k) * math.log1p(-fraction)


def test_ranks_of_a_million_samples_are_near_the_quantile():
    """No underflow and no loop over all of them: the window is a few standard deviations."""
    low, high = quantile_ranks(1_000_000, 0.95, 0.99)
    assert 949_000 < low < 950_000 < high < 951_000


@pytest.mark.parametrize(
    ("passes", "total", "expected"),
    [
        (81, 263, (0.2553, 0.3662)),  # Newcombe 1998, table I, method 3
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (20, 20, (0.8389, 1.0)),
    ],
)
def test_wilson_as_published(passes, total, expected):
    """The 95 % score interval of Newcombe's examples."""
    assert statistics.wilson(passes, total, 0.95) == pytest.approx(expected, abs=1e-4)


def test_wilson_of_nothing_is_open():
    """No trials, no interval."""
    assert statistics.wilson(0, 0, 0.95) == statistics.OPEN


@pytest.mark.parametrize(
    ("count", "expected"), [(0, (0.0, 3.69)), (1, (0.025, 5.57)), (10, (4.80, 18.39)), (100, (81.4, 121.6))]
)
def test_poisson_as_in_tables(count, expected):
    """Byar's approximation is within a few hundredths of the exact tolerances."""
    assert statistics.poisson(count, 0.95) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            (48, 80),
            (56, 70),
            (0.0524, 0.3339),
        ),  # Newcombe 1998, "ConfidenceInterval estimation for the difference", method 10
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((0, 10), (10, 10), (0.6075, 1.0)),
    ],
)
def test_difference_of_rates_is_newcombes(before, after, expected):
    """With two Wilson intervals, the method gives Newcombe's hybrid score interval."""
    ends = statistics.difference(
        before[0] / before[1], statistics.wilson(*before, 0.95), after[0] / after[1], statistics.wilson(*after, 0.95)
    )
    assert ends == pytest.approx(expected, abs=1e-4)


def test_an_open_end_leaves_the_difference_open():
    """A bound unknown for one run is unknown for the difference."""
    assert statistics.difference(
        1.0, ConfidenceInterval(None, 2.0), 3.0, ConfidenceInterval(2.5, None)
    ) == ConfidenceInterval(pytest.approx(2 - math.hypot(0.5, 1)), None)


def test_a_mean_needs_thirty_samples():
    """Below, nothing is claimed."""
    assert statistics.mean(10.0, 2.0, 29, 0.95) == statistics.OPEN
    assert statistics.mean(10.0, 2.0, 100, 0.95) == pytest.approx((9.608, 10.392), abs=1e-3)


def test_two_samples_of_one_distribution_rarely_differ():
    """Coverage by simulation: of 300 pairs from one skewed distribution at most 5 % differ in p95 at 99 %."""
    rng = random.Random(7)
    differing = 0
    for _ in range(300):
        left, right = (sorted(rng.expovariate(1) for _ in range(400)) for _ in range(2))
        low, high = quantile_ranks(400, 0.95, 0.99)
        ends = [ConfidenceInterval(side[low - 1], side[high - 1]) for side in (left, right)]
        gap = statistics.difference(left[379], ends[0], right[379], ends[1])
        differing += gap.low > 0 or gap.high < 0
    assert differing <= 15
