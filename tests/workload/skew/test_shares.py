"""Shares of one timetable: together they are exactly all of it, and each one follows Zipf's law."""

from collections import Counter
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.skew.notation import skew_of
from fleetlm_users.workload.skew.shares import STEP, WHOLE, SessionShare, busiest_of, first_between, parts_of

SKEWS = st.integers(0, 30).map(lambda tenths: f"zipf:{tenths / 10:g}")
MESSAGES = 400


def turns(part, first=0, below=MESSAGES):
    return list(takewhile(lambda turn: turn < below, part.turns(first)))


@given(skew=SKEWS, seed=st.integers(0, 2**53), sessions=st.integers(1, 60))
def test_every_message_belongs_to_exactly_one_session(skew, seed, sessions):
    """So the total is that of an even load at every moment, whatever the exponent."""
    parts = parts_of(skew, seed, "s", sessions)
    assert sum(part.size for part in parts) == WHOLE
    owned = Counter(turn for part in parts for turn in turns(part))
    assert owned == Counter(range(MESSAGES))


@given(skew=SKEWS, seed=st.integers(0, 2**53), sessions=st.integers(1, 60))
def test_each_session_has_its_share_of_any_number_of_messages(skew, seed, sessions):
    """The shares are right to within a few, as the multiples of the golden ratio are spread evenly."""
    for part in parts_of(skew, seed, "s", sessions):
        own = turns(part)
        for messages in (50, 173, MESSAGES):
            assert abs(sum(1 for turn in own if turn < messages) - messages * part.size / WHOLE) < 5


@given(skew=SKEWS, sessions=st.integers(1, 40), first=st.integers(0, 3 * MESSAGES))
def test_a_session_that_joins_late_has_what_is_left_of_its_turns(skew, sessions, first):
    """No turn moves because somebody came later."""
    for part in parts_of(skew, 7, "s", sessions):
        whole = turns(part, 0, 4 * MESSAGES)
        assert turns(part, first, 4 * MESSAGES) == [turn for turn in whole if turn >= first]


@given(sessions=st.integers(1, 300), skew=SKEWS)
def test_the_shares_are_those_of_zipfs_law_in_a_drawn_order(sessions, skew):
    """The same order on every process, another one with another seed."""
    parts = parts_of(skew, 1, "s", sessions)
    weights = [skew_of(skew).weight(rank) for rank in range(1, sessions + 1)]
    shares = sorted((part.size / WHOLE for part in parts), reverse=True)
    assert shares == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-6, abs=1e-12)
    busiest = [part.size for part in parts if part.is_busiest]
    assert len(busiest) == busiest_of(sessions) >= sessions / 10
    assert min(busiest) >= max((part.size for part in parts if not part.is_busiest), default=0) - 1


def test_the_seed_and_the_scenario_say_which_sessions_are_busy():
    """Neither the process nor the number of a user matters."""
    busy = [
        [place for place, part in enumerate(parts_of("zipf:1.1", seed, scenario, 100)) if part.is_busiest]
        for seed, scenario in ((1, "a"), (1, "a"), (2, "a"), (1, "b"))
    ]
    assert busy[0] == busy[1]
    assert len({tuple(each) for each in busy}) == 3


def test_due_moments_are_those_of_the_timetable_of_all():
    """They are evenly spaced over all sessions, from the requested moment to before the end."""
    parts = parts_of("zipf:2", 7, "s", 5)
    dues = sorted(due for part in parts for due in part.dues(100.0, 4.0, 101.0, 104.0))
    assert dues == pytest.approx([101.25 + quarter / 4 for quarter in range(11)])


def test_a_session_with_next_to_nothing_ends_its_timetable():
    """Rather than wait for centuries; one without any share has none at all."""
    assert list(SessionShare(5, 1, False).dues(0.0, 1000.0, 0.0, float("inf"))) == []
    assert list(SessionShare(5, 0, False).turns(0)) == []
    assert list(islice(SessionShare(0, WHOLE, True).turns(3), 3)) == [3, 4, 5]


@given(low=st.integers(1, 400), length=st.integers(0, 60), step=st.integers(1, 499))
def test_the_first_multiple_in_a_stretch_is_found(low, length, step):
    """Counting finds the same; the result is `whole` if there is none."""
    whole, high = 500, min(499, low + length)
    counted = next((k for k in range(1, whole) if low <= k * step % whole <= high), whole)
    assert first_between(step, low, high, whole) == counted


def test_the_step_is_the_golden_ratios():
    """It is odd, so that it meets every number."""
    assert STEP % 2 == 1
    assert pytest.approx((5**0.5 - 1) / 2, rel=1e-15) == STEP / WHOLE
