"""The estimate of how long a machine takes to wake up: a quantile, bounded, of wake-ups alone."""

import random

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.swarm.runtime.wake_up import FIRST_GUESS_S, LONGEST_S, SHARE, WakeUp


def test_it_comes_to_lie_where_its_share_of_the_wake_ups_is_over():
    """Evenly spread from 10 to 50 µs, six in ten are shorter than 34."""
    wake_up, rng = WakeUp(), random.Random(17)
    for _ in range(5000):
        wake_up.took(rng.uniform(10e-6, 50e-6))
    assert abs(wake_up.early_s - (10e-6 + SHARE * 40e-6)) < 6e-6


def test_what_is_no_wake_up_does_not_count():
    """A process that was busy for a second was not waking up for that long; nobody is up before time."""
    wake_up = WakeUp()
    for seconds in (1.0, LONGEST_S * 1.01, -1e-6):
        wake_up.took(seconds)
    assert wake_up.early_s == FIRST_GUESS_S
    assert repr(wake_up) == "WakeUp(20 µs)"


@given(st.lists(st.floats(0, LONGEST_S), min_size=1, max_size=80))
def test_it_stays_within_its_bounds(seen):
    """It holds for any observations, however many."""
    wake_up = WakeUp()
    for seconds in seen:
        wake_up.took(seconds)
        assert 0.0 <= wake_up.early_s <= LONGEST_S
