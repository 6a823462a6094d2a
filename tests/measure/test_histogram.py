"""A trend is exact where it says so, within 0.1 % elsewhere, and merging or sending it changes nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import Trend, required_samples
from fleetlm_users.measure.histogram_buckets import MAX_US

durations = st.one_of(st.integers(0, 5_000), st.integers(0, MAX_US))
samples = st.lists(durations, max_size=60)


def trend_of(values_us):
    trend = Trend()
    for value_us in values_us:
        trend.add(value_us)
    return trend


def same(one, other):
    return one.encode() == other.encode()


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.0, 1, 50, 90, 95, 99, 99.9, 100]))
def test_a_percentile_is_the_nearest_rank_within_a_thousandth(values_us, percent):
    """The reported value is that of the nearest rank in the sorted list, at most 0.1 % above it, never below."""
    rank = max(1, math.ceil(round(percent * len(values_us) / 100, 6)))
    exact = sorted(values_us)[rank - 1]
    reported = trend_of(values_us).percentile(percent)
    assert exact <= reported <= exact * 1.001


@given(st.lists(durations, min_size=1, max_size=200))
def test_count_sum_minimum_and_maximum_are_exact(values_us):
    """These four do not come from buckets."""
    trend = trend_of(values_us)
    assert (trend.count, trend.sum_us, trend.min, trend.max) == (
        len(values_us),
        sum(values_us),
        min(values_us),
        max(values_us),
    )
    assert trend.mean_us == sum(values_us) / len(values_us)


@given(
    st.lists(durations, min_size=1, max_size=200), st.lists(durations, max_size=5), st.sampled_from([50, 95, 99, 100])
)
def test_a_count_up_to_a_bound_agrees_with_the_percentiles(values_us, bounds_us, percent):
    """Counts are within a thousandth of the bound, and reach a share exactly when that percentile keeps the bound."""
    trend = trend_of(values_us)
    for bound_us, found in zip(bounds_us, trend.at_most(bounds_us), strict=True):
        assert sum(value * 1.001 <= bound_us for value in values_us) <= found
        assert found <= sum(value <= bound_us for value in values_us)
        rank = max(1, math.ceil(round(percent * len(values_us) / 100, 6)))
        assert (found >= rank) == (trend.percentile(percent) <= bound_us)


def test_an_empty_trend_holds_nothing_below_any_bound():
    """No histogram has been made yet."""
    assert Trend().at_most([0, 1_000]) == [0, 0]


@given(samples, samples, samples)
def test_merging_is_associative_and_order_free(one, two, three):
    """(a+b)+c = a+(b+c) = c+b+a = all recorded in one."""
    left = trend_of(one)
    left.merge(trend_of(two))
    left.merge(trend_of(three))
    right = trend_of(two)
    right.merge(trend_of(three))
    outer = trend_of(one)
    outer.merge(right)
    back = trend_of(three)
    back.merge(trend_of(two))
    back.merge(trend_of(one))
    whole = trend_of(one + two + three)
    assert same(left, whole)
    assert same(outer, whole)
    assert same(back, whole)


@given(samples)
def test_a_trend_survives_encode_and_decode(values_us):
    """The decoded trend answers like the encoded one, and goes on recording."""
    decoded = Trend.decode(trend_of(values_us).encode())
    assert decoded.summary() == trend_of(values_us).summary()
    decoded.add(77)
    assert same(decoded, trend_of([*values_us, 77]))


@given(st.lists(samples, max_size=6))
def test_it_does_not_matter_when_values_are_folded(chunks):
    """Asking in between changes nothing about the end."""
    trend = Trend()
    for chunk in chunks:
        for value_us in chunk:
            trend.add(value_us)
        trend.summary()
    assert same(trend, trend_of([value_us for chunk in chunks for value_us in chunk]))


def test_taken_values_are_handed_over_once():
    """Taken values are neither in the buffer nor in the histogram until they are folded."""
    trend = trend_of([5, 6])
    taken = trend.take()
    assert taken == [5, 6]
    assert trend.count == 0
    trend.fold(taken)
    assert trend.count == 2


def test_folding_tells_how_often_each_value_came():
    """The timeline builds its coarse distribution from this tally; refused values are not in it."""
    assert Trend().fold([5, 7, 5, -1, MAX_US + 9]) == {5: 2, 7: 1, MAX_US: 1}


def test_above_an_hour_counts_as_an_hour_and_is_reported():
    """HDR could not hold more; silence about it would be a lie."""
    trend = trend_of([MAX_US + 1, MAX_US])
    assert (trend.count, trend.max, trend.clamped) == (2, MAX_US, 1)


def test_a_negative_duration_is_reported_and_never_recorded():
    """A negative latency is a defect, not a sample."""
    trend = trend_of([-1, -5, 3])
    assert (trend.count, trend.negative, trend.min) == (1, 2, 3)
    only_bad = trend_of([-1])
    assert (only_bad.count, only_bad.negative, only_bad.percentile(50)) == (0, 1, None)
    assert Trend.decode(only_bad.encode()).negative == 1


def test_an_empty_trend_knows_nothing():
    """None means not measured; 0 would be a figure."""
    figures = Trend().summary()
    assert figures.count == 0
    assert {figures.min_us, figures.mean_us, figures.med_us, figures.p99_us, figures.max_us} == {None}
    assert repr(Trend()) == "Trend(count=0, min_us=None, max_us=None)"


@pytest.mark.parametrize(
    ("percent", "needed"), [(0, 1), (50, 2), (90, 10), (95, 20), (99, 100), (99.9, 1000), (99.99, 10_000), (100, 1)]
)
def test_how_many_samples_a_percentile_needs(percent, needed):
    """One sample at least must lie above it."""
    assert required_samples(percent) == needed


@pytest.mark.parametrize(("count", "has_p95", "has_p99"), [(19, False, False), (20, True, False), (100, True, True)])
def test_a_summary_leaves_out_what_the_samples_cannot_tell(count, has_p95, has_p99):
    """p99 of 20 samples would be the maximum under another name."""
    figures = trend_of(range(count)).summary()
    assert (figures.p95_us is not None, figures.p99_us is not None) == (has_p95, has_p99)


@given(st.lists(durations, max_size=100))
def test_the_distribution_holds_every_sample(values_us):
    """Buckets rise and add up to the count."""
    buckets = trend_of(values_us).distribution()
    assert sum(buckets.values()) == len(values_us)
    assert list(buckets) == sorted(buckets)


@given(st.binary(max_size=200))
def test_garbage_is_not_a_trend(encoded):
    """Anything that `encode` did not write raises ValueError, or decodes when it happens to be a bare header."""
    try:
        Trend.decode(encoded)
    except ValueError:
        return
    assert len(encoded) == 48
