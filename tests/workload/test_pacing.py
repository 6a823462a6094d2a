"""Due moments follow the timetable exactly, whatever the number of messages."""

import math
import random
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.pacing import LastingDues, Window, fixed, poisson, uniform, until

starts_s = st.floats(0, 1e7)
intervals_s = st.floats(1e-3, 1e4)
seeds = st.integers(0, 2**32)


@given(starts_s, intervals_s, st.integers(1, 500))
def test_the_kth_due_is_exact(start_s, interval_s, k):
    """No error adds up: the k-th due is one product, not k sums."""
    assert next(islice(fixed(start_s, interval_s), k - 1, None)) == start_s + k * interval_s


def test_the_first_due_is_one_interval_after_the_start():
    """Joining and the first message do not coincide by default."""
    assert list(islice(fixed(10.0, 2.0), 3)) == [12.0, 14.0, 16.0]
    assert list(islice(fixed(10.0, 2.0, at_start=True), 3)) == [10.0, 12.0, 14.0]


@given(starts_s, st.floats(0, 100), st.floats(1e-3, 100), seeds)
def test_uniform_gaps_stay_between_their_bounds(start_s, low_s, width_s, seed):
    """Dues never go back, and every gap is as requested (up to the clock's own resolution)."""
    high_s = low_s + width_s
    dues = [start_s, *islice(uniform(start_s, low_s, high_s, random.Random(seed)), 50)]
    slack_s = 4 * math.ulp(max(dues))
    for before_s, due_s in pairwise(dues):
        assert low_s - slack_s <= due_s - before_s <= high_s + slack_s
        assert due_s >= before_s


@given(starts_s, st.floats(1e-3, 1e5), seeds)
def test_poisson_arrivals_never_go_back(start_s, rate_per_s, seed):
    """Arrivals are in order and begin after the start."""
    dues = list(islice(poisson(start_s, rate_per_s, random.Random(seed)), 50))
    assert dues == sorted(dues)
    assert dues[0] >= start_s


def test_poisson_keeps_its_rate():
    """10,000 arrivals at 50/s take 200 s, within 5 % (five standard deviations)."""
    *_, last_s = islice(poisson(0.0, 50.0, random.Random(1)), 10_000)
    assert last_s == pytest.approx(200.0, rel=0.05)


@pytest.mark.parametrize("dues", [lambda rng: uniform(5.0, 1.0, 2.0, rng), lambda rng: poisson(5.0, 1.0, rng)])
def test_the_same_seed_gives_the_same_timetable(dues):
    """A run can be repeated."""
    assert list(islice(dues(random.Random(7)), 20)) == list(islice(dues(random.Random(7)), 20))


def test_drawn_timetables_can_begin_at_the_start():
    """`at_start` puts the first due on the start itself."""
    assert next(uniform(5.0, 1.0, 2.0, random.Random(1), at_start=True)) == 5.0
    assert next(poisson(5.0, 1.0, random.Random(1), at_start=True)) == 5.0


def test_until_ends_before_the_end():
    """A due at the end itself belongs to no session."""
    assert list(until(fixed(0.0, 1.0), 3.0)) == [1.0, 2.0]
    assert list(until(iter([1.0]), 3.0)) == [1.0]


@pytest.mark.parametrize("interval_s", [0, -1, math.nan, math.inf])
def test_an_impossible_pace_is_refused_at_once(interval_s):
    """The call fails, not the first due: a generator that fails late would kill a user in mid-session."""
    rng = random.Random(1)
    for make in (
        lambda: fixed(0.0, interval_s),
        lambda: uniform(0.0, 0.0, interval_s, rng),
        lambda: poisson(0.0, interval_s, rng),
    ):
        with pytest.raises(ValueError, match="not a pace"):
            make()


def test_uniform_refuses_bounds_in_the_wrong_order():
    """Low above high is a mistake, not a swap."""
    with pytest.raises(ValueError, match="not a pace"):
        uniform(0.0, 2.0, 1.0, random.Random(1))


def test_all_slots_are_free_at_the_start():
    """The first messages are all due at once."""
    window = Window(3, 10.0)
    assert [window.take() for _ in range(3)] == [10.0, 10.0, 10.0]
    assert not window.has_room


def test_a_slot_is_due_from_the_moment_its_message_ended():
    """Slots are taken in the order in which they became free."""
    window = Window(2, 10.0)
    window.take(), window.take()
    window.ended("a", 11.5)
    window.ended("b", 11.7)
    assert [window.take(), window.take()] == [11.5, 11.7]


def test_a_presumed_refusal_that_was_none_frees_one_slot_only():
    """Its message ends a second time when its broadcast comes."""
    window = Window(1, 10.0)
    window.take()
    window.ended("a", 11.0)
    window.reopened("a")
    window.ended("a", 12.0)
    assert window.take() == 11.0
    assert not window.has_room


@pytest.mark.parametrize("depth", [0, -1])
def test_no_slot_is_no_window(depth):
    """Nothing could ever be sent."""
    with pytest.raises(ValueError, match="not a depth"):
        Window(depth, 0.0)


@given(st.integers(1, 9), st.lists(st.booleans(), max_size=60))
def test_never_more_in_flight_than_the_depth(depth, steps):
    """The order of sends and fates does not matter."""
    window, in_flight, moment_s = Window(depth, 0.0), 0, 0.0
    for sends in steps:
        moment_s += 1.0
        if sends and window.has_room:
            assert window.take() < moment_s
            in_flight += 1
        elif in_flight:
            window.ended(str(moment_s), moment_s)
            in_flight -= 1
        assert window.has_room == (in_flight < depth)


@given(
    st.lists(st.floats(0, 100), max_size=50).map(sorted),
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100)), max_size=8),
)
def test_every_moment_of_a_lasting_timetable_is_yielded_or_left_out_once(dues, sessions):
    """Breaks do not matter; a yielded moment that could not be used comes first in the next session."""
    lasting, used, left_out = LastingDues(iter(dues)), [], 0
    for uses, back_s in sessions:
        left_out += lasting.leave_out(lambda due_s, back_s=back_s: due_s < back_s)
        upcoming = lasting.upcoming()
        used += islice(upcoming, uses)  # one more is taken, and breaks
        next(upcoming, None)
    rest = list(lasting.upcoming())
    assert len(used) + left_out + len(rest) == len(dues)
    assert used == sorted(used)
    assert rest == dues[len(dues) - len(rest) :]
