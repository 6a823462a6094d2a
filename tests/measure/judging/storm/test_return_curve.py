"""When the sessions that were cut were back, of all that were cut."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.storm.return_curve import SHARES, return_curve


def trend(*values_us):
    made = Trend()
    for value_us in values_us:
        made.add(value_us)
    return made


def test_nobody_came_back():
    """No share has a time, and there is no curve."""
    curve = return_curve(10, Trend())
    assert curve.times_s == (None,) * 4
    assert (curve.cut, curve.back, curve.points) == (10, 0, ())


def test_shares_are_of_all_that_were_cut():
    """One of a hundred never came back, so there is no time for all of them."""
    curve = return_curve(100, trend(*(n * 1000 for n in range(1, 100))))
    assert curve.times_s == (
        pytest.approx(0.05, rel=0.002),
        pytest.approx(0.095, rel=0.002),
        pytest.approx(0.099),
        None,
    )
    assert curve.points[-1][1] == pytest.approx(0.99)


def test_one_session():
    """It is every share."""
    assert return_curve(1, trend(5000)).times_s == (pytest.approx(0.005, rel=0.002),) * 4


@given(st.lists(st.integers(1, 10**9), max_size=200), st.integers(0, 50))
def test_the_curve_rises_to_the_share_that_is_back(values_us, never):
    """Times rise with their shares, and each is that of the session at its rank, within the histogram's precision."""
    cut = len(values_us) + never
    curve = return_curve(cut, trend(*values_us))
    shares = [share for _, share in curve.points]
    assert shares == sorted(shares)
    assert [at_s for at_s, _ in curve.points] == sorted(at_s for at_s, _ in curve.points)
    assert not values_us or shares[-1] == pytest.approx(len(values_us) / cut)
    ranked = sorted(values_us)
    for share, time_s in zip(SHARES, curve.times_s, strict=True):
        rank = max(1, math.ceil(round(share * cut, 6)))
        expected = ranked[rank - 1] / 1e6 if rank <= len(ranked) else None
        assert time_s == (None if expected is None else pytest.approx(expected, rel=0.002))
