"""The behaviours' timetables are those of the issue, and scale as a whole."""

import math
import random
from collections import Counter
from itertools import islice, pairwise
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.timetables import (
    ArrivalPace,
    BurstPace,
    ChurnPace,
    ConcurrentPace,
    InboxPace,
    LongLivedPace,
    SteadyPace,
    seconds_of,
)

seeds = st.integers(0, 2**32)


@given(seeds)
def test_long_lived_users_write_every_20_to_40_s_for_120_s(seed):
    """Each gap is drawn, and no message is due after the session."""
    dues = list(LongLivedPace().dues(1000.0, random.Random(seed)))
    assert 2 <= len(dues) <= 5
    assert all(19.999 < later - earlier < 40.001 for earlier, later in pairwise([1000.0, *dues]))
    assert dues[-1] < 1120.0


@given(seeds)
def test_burst_users_keep_one_interval_for_a_session(seed):
    """One interval of 100–500 ms per session of 60 s, drawn anew for the next."""
    rng = random.Random(seed)
    dues = list(BurstPace().dues(1000.0, rng))
    interval_s = dues[0] - 1000.0
    assert 0.0999 < interval_s < 0.5001
    assert dues == pytest.approx([1000.0 + k * interval_s for k in range(1, len(dues) + 1)])
    assert 1059.0 < dues[-1] < 1060.0
    assert next(iter(BurstPace().dues(1000.0, rng))) != dues[0]


@given(seeds)
def test_churn_users_write_2_to_4_messages_and_pause_3_to_8_s(seed):
    """The first message is due at the join, the others follow half a second apart."""
    rng = random.Random(seed)
    dues = list(ChurnPace().dues(1000.0, rng))
    assert dues == [1000.0 + k * 0.5 for k in range(len(dues))]
    assert 2 <= len(dues) <= 4
    assert 3.0 <= ChurnPace().pause_s(rng) <= 8.0


def test_the_fixed_lengths_are_those_of_the_issue():
    """Sessions, holds and pauses in seconds."""
    assert (LongLivedPace().session_s, LongLivedPace().pause_s) == (120.0, 1.0)
    assert (BurstPace().session_s, BurstPace().pause_s) == (60.0, 2.0)
    assert ChurnPace().hold_s == 2.0


def test_scaling_changes_durations_and_nothing_else():
    """Tests run the same behaviour faster: counts stay."""
    assert ChurnPace().scaled(0.1) == ChurnPace(2, 4, 0.05, 0.2, pytest.approx(0.3), pytest.approx(0.8))
    assert LongLivedPace().scaled(0.5) == LongLivedPace(10.0, 20.0, 60.0, 0.5)
    assert BurstPace().scaled(1) == BurstPace()


@pytest.mark.parametrize("time_scale", [0, -1, float("nan")])
def test_a_scale_that_stops_time_is_refused(time_scale):
    """Gaps of zero would be a flood."""
    with pytest.raises(ValueError, match="not a time scale"):
        BurstPace().scaled(time_scale)


pace_seeds = st.integers(0, 2**32)


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


@given(pace_seeds, st.integers(1, 50), st.floats(0.1, 500), st.floats(0.5, 30))
def test_the_shares_of_all_users_add_up_to_the_rate_within_one_message_each(seed, users, rate_per_s, runtime_s):
    """However they are spread over workers: a share depends on the number of all users only."""
    pace = ArrivalPace.share(rate_per_s, users)
    counts = [len(list(pace.dues(50.0, 50.0 + runtime_s, random.Random(f"{seed}:{user}")))) for user in range(users)]
    share = rate_per_s / users * runtime_s
    assert all(share - 1.001 < count < share + 1.001 for count in counts)


@given(pace_seeds)
def test_arrivals_are_even_and_their_beginning_is_drawn_by_seed(seed):
    """The same seed gives the same timetable."""
    pace = ArrivalPace.share(40.0, 4)
    dues = list(pace.dues(0.0, 5.0, random.Random(seed)))
    assert dues == list(pace.dues(0.0, 5.0, random.Random(seed)))
    assert 0.0 <= dues[0] < 0.1
    assert all(later - earlier == pytest.approx(0.1) for earlier, later in pairwise(dues))


@given(pace_seeds)
def test_an_inbox_is_written_to_with_drawn_gaps_for_30_s(seed):
    """Some of them longer than the second after which a real FleetLM's inbox falls silent."""
    dues = list(InboxPace().dues(0.0, random.Random(seed)))
    assert all(0.299 < later - earlier < 3.001 for earlier, later in pairwise([0.0, *dues]))
    assert dues[-1] < 30.0


@pytest.mark.parametrize("seed", range(3))
def test_the_shares_of_a_poisson_process_are_one_together(seed):
    """Counts of distinct seconds, of all users, have the mean and the variance of the whole rate."""
    pace = ArrivalPace.share(40, 8, is_poisson=True)
    dues = [due for user in range(8) for due in pace.dues(0.0, 1000.0, random.Random(f"{seed}:{user}"))]
    counted = Counter(int(due) for due in dues)
    counts = [counted[second] for second in range(1000)]
    assert fmean(counts) == pytest.approx(40, abs=4 * math.sqrt(40 / 1000))
    assert variance(counts) == pytest.approx(40, rel=4 * math.sqrt(2 / 1000))
