"""When latency was back after a cut, by windows before and after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram_buckets import coarse_index
from fleetlm_users.measure.judging.storm.latency_recovery import IN_A_ROW, latency_recovery


def seconds(*latencies_ms, n=40):
    """Return seconds with this many appends each, all of that latency; None for a second without any."""
    return {
        at: {} if latency_ms is None else {coarse_index(round(latency_ms * 1000)): n}
        for at, latency_ms in enumerate(latencies_ms)
    }


def recovery(data, cut_s=10.0, last_s=None, begins_s=0.0):
    return latency_recovery(data, begins_s, cut_s, cut_s if last_s is None else last_s, float(len(data)))


def test_back_at_the_first_of_three_windows_in_a_row():
    """One good window between slow ones is not it."""
    result = recovery(seconds(*[2.0] * 10, 90, 80, 2, 70, 2, 2, 2, 2, 2, 2))
    assert (result.window_s, result.recovered_s) == (1, 4.0)
    assert result.limit_ms == pytest.approx(2.0, rel=0.04)
    assert result.derived.value == 4.0
    assert "4.0 s after the cut" in result.words


def test_a_second_without_messages_is_not_fast():
    """While everybody is away, nothing is slow."""
    assert recovery(seconds(*[2.0] * 10, None, None, None, None, 50, 2, 2, 2)).recovered_s == 5.0


def test_latency_that_never_changed_is_back_at_once():
    """The window in which the cut lies counts."""
    result = recovery(seconds(*[2.0] * 20), cut_s=10.4)
    assert result.recovered_s == 0.0
    assert "at once" in result.words


def test_latency_that_does_not_come_back_is_a_doubt():
    """There is no figure: how long it would have taken is unknown."""
    result = recovery(seconds(*[2.0] * 10, *[90.0] * 10))
    assert result.recovered_s is None
    assert (result.derived.value, result.derived.is_doubtful) == (None, True)
    assert "had not recovered 10 s after the cut" in result.words


@pytest.mark.parametrize("before", [0, 4])
def test_too_little_before_the_cut_tells_nothing(before):
    """It speaks for nothing."""
    result = recovery(seconds(*[2.0] * before, *[2.0] * 10), cut_s=float(before))
    assert (result.derived.value, result.derived.is_doubtful) == (None, False)


def test_few_messages_a_second_take_wider_windows():
    """The shortest in which half of the windows hold enough for a percentile."""
    assert recovery(seconds(*[2.0] * 30, n=10), cut_s=20.0).window_s == 2
    assert recovery(seconds(*[2.0] * 60, n=5), cut_s=40.0).window_s == 5
    assert recovery(seconds(*[2.0] * 60, n=1), cut_s=40.0).limit_ms is None


def test_of_several_cuts_the_last_is_what_it_recovers_from():
    """Before is before the first."""
    data = seconds(*[2.0] * 10, 90, 2, 2, 2, 2, 90, 90, 2, 2, 2)
    assert recovery(data, cut_s=10.0, last_s=15.0).recovered_s == 2.0


def test_the_warm_up_is_not_before():
    """Its latencies do not count."""
    data = seconds(*[500.0] * 3, *[2.0] * 8, 90, 90, 2, 2, 2)
    assert recovery(data, cut_s=11.0, begins_s=2.5).limit_ms == pytest.approx(2.0, rel=0.04)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 40.0]), min_size=5, max_size=30), st.data())
def test_windows_in_a_row_keep_the_limit(before, data):
    """Whatever comes after, the figure names the first run of windows at or below the highest one before."""
    after = data.draw(st.lists(st.sampled_from([1.0, 40.0, 300.0]), max_size=30))
    result = recovery(seconds(*before, *after), cut_s=float(len(before)))
    good = [latency <= max(before) for latency in after]
    runs = [at for at in range(len(after) - IN_A_ROW + 1) if all(good[at : at + IN_A_ROW])]
    assert result.recovered_s == (float(runs[0]) if runs else None)
