"""The timetables of the single-purpose benchmarks are those of the issue; shares of a rate add up to it."""

import math
import random
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.benchmark_paces import ArrivalPace, ConcurrentPace, InboxPace, SteadyPace, seconds_of

seeds = st.integers(0, 2**32)


def test_held_sessions_ping_every_30_s_and_are_left_after_60():
    """The first ping half a minute after the join, none when it is time to leave."""
    pace = ConcurrentPace(seconds_of(60_000))
    assert list(pace.dues(1000.0)) == [1030.0]
    assert pace.pause_s == 1.0


def test_nought_milliseconds_hold_until_the_run_ends():
    """Pings without end."""
    pace = ConcurrentPace(seconds_of(0))
    assert pace.keep_alive_s == math.inf
    assert list(islice(pace.dues(0.0), 3)) == [30.0, 60.0, 90.0]
    assert pace.scaled(0.1).keep_alive_s == math.inf


def test_a_steady_user_sends_on_a_fixed_timetable_for_its_runtime():
    """One interval after the join, then every interval, none at the end itself."""
    assert list(SteadyPace(1.0).dues(100.0, 105.0)) == [101.0, 102.0, 103.0, 104.0]


@given(seeds, st.integers(1, 50), st.floats(0.1, 500), st.floats(0.5, 30))
def test_the_shares_of_all_users_add_up_to_the_rate_within_one_message_each(seed, users, rate_per_s, runtime_s):
    """However they are spread over workers: a share depends on the number of all users only."""
    pace = ArrivalPace.share(rate_per_s, users)
    counts = [len(list(pace.dues(50.0, 50.0 + runtime_s, random.Random(f"{seed}:{user}")))) for user in range(users)]
    share = rate_per_s / users * runtime_s
    assert all(share - 1.001 < count < share + 1.001 for count in counts)


@given(seeds)
def test_arrivals_are_even_and_their_beginning_is_drawn_by_seed(seed):
    """The same seed gives the same timetable."""
    pace = ArrivalPace.share(40.0, 4)
    dues = list(pace.dues(0.0, 5.0, random.Random(seed)))
    assert dues == list(pace.dues(0.0, 5.0, random.Random(seed)))
    assert 0.0 <= dues[0] < 0.1
    assert all(later - earlier == pytest.approx(0.1) for earlier, later in pairwise(dues))


@given(seeds)
def test_an_inbox_is_written_to_with_drawn_gaps_for_30_s(seed):
    """Some of them longer than the second after which a real FleetLM's inbox falls silent."""
    dues = list(InboxPace().dues(0.0, random.Random(seed)))
    assert all(0.299 < later - earlier < 3.001 for earlier, later in pairwise([0.0, *dues]))
    assert dues[-1] < 30.0
