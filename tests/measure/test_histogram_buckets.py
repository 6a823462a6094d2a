"""Bucket arithmetic agrees with HdrHistogram's, and coarse buckets cover every value once."""

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram_buckets import DIGITS, MAX_US, coarse_bounds, coarse_index, fine_high, fine_index

HDR = HdrHistogram(1, MAX_US, DIGITS)
values = st.one_of(st.integers(0, 10_000), st.integers(0, MAX_US))
octave_edges = [
    edge + step for power in range(1, 32) for edge in [2**power] for step in (-1, 0, 1) if edge + 1 <= MAX_US
]


@given(values)
def test_the_fine_index_is_that_of_hdr_histogram(value_us):
    """Our inlined arithmetic puts a value where HdrHistogram would."""
    assert fine_index(value_us) == HDR.get_counts_array_index(value_us)
    assert fine_high(fine_index(value_us)) == HDR.get_highest_equivalent_value(value_us)


@pytest.mark.parametrize("value_us", [0, *octave_edges, MAX_US])
def test_octave_edges_lie_in_the_right_bucket(value_us):
    """Off-by-one errors would hide where an octave begins."""
    assert fine_index(value_us) == HDR.get_counts_array_index(value_us)
    low, high = coarse_bounds(coarse_index(value_us))
    assert low <= value_us <= high


@given(values)
def test_a_coarse_bucket_holds_its_value_within_its_width(value_us):
    """A coarse bucket is at most 1/16 of its value wide, so its midpoint is within 3.2 %."""
    low, high = coarse_bounds(coarse_index(value_us))
    assert low <= value_us <= high
    assert high - low <= low / 16


@given(st.integers(0, 400))
def test_coarse_buckets_follow_each_other_without_gap(index):
    """Every value has exactly one coarse bucket."""
    assert coarse_bounds(index)[1] + 1 == coarse_bounds(index + 1)[0]
