import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.cli.compare.distribution import Histogram, KnownPoints

BUCKETS = [[0.0, 1.0, 10], [1.0, 2.0, 80], [4.0, 8.0, 10]]


@pytest.mark.parametrize(
    ("rank", "value"), [(1, 0.05), (10, 0.95), (11, 1.00625), (50, 1.49375), (90, 1.99375), (100, 7.8), (1000, 8.0)]
)
def test_a_rank_lies_evenly_in_its_bucket(rank, value):
    """The samples of a bucket are spread evenly over it; beyond the last it is the upper edge."""
    assert Histogram(BUCKETS).value_at(rank) == pytest.approx(value)


def test_spread_is_the_standard_deviation_of_the_middles():
    """Ten at 0.5, eighty at 1.5, ten at 6."""
    assert Histogram(BUCKETS).spread() == pytest.approx(1.4222, abs=1e-3)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.data())
def test_values_rise_with_the_rank(counts, data):
    """Never a lower value at a higher rank, and always within the buckets."""
    histogram = Histogram([[index, index + 1, count] for index, count in enumerate(counts)])
    first = data.draw(st.integers(1, sum(counts)))
    second = data.draw(st.integers(first, sum(counts)))
    assert 0 <= histogram.value_at(first) <= histogram.value_at(second) <= len(counts)


def figures(count, **known):
    return {"count": count, "med": None, "p90": None, "p95": None, "p99": None, "p99.9": None, **known}


def test_known_points_meet_the_known_figures():
    """At the ranks of known percentiles their own values come back, between them something in between."""
    points = KnownPoints.of(figures(999, min=1.0, med=5.0, p90=9.0, p95=10.0, p99=20.0, max=80.0))
    assert points.value_at(500) == pytest.approx(5.0)
    assert points.value_at(950) == pytest.approx(10.0)
    assert 10.0 < points.value_at(970) < 20.0
    assert points.value_at(999) == pytest.approx(80.0)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_few_samples_still_have_a_value_at_every_rank(count):
    """With nothing known but minimum and maximum."""
    points = KnownPoints.of(figures(count, min=0.0, max=3.0))
    assert all(0.0 <= points.value_at(rank) <= 3.0 for rank in range(1, count + 1))
