"""Unique things are unique, and things that must be the same everywhere are the same everywhere."""

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.workload.identity import (
    VUS_PER_BLOCK,
    check_name,
    check_run_id,
    new_run_id,
    participant,
    rng_for,
    vu_number,
)


def test_a_run_id_is_short_and_says_when():
    """Month, day, hour, minute and 16 random bits."""
    run_id = new_run_id(datetime(2026, 11, 24, 21, 35, tzinfo=UTC), random.Random(1))
    assert run_id == f"r1124-2135-{random.Random(1).getrandbits(16):04x}"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)), st.integers(1, 500_000), st.integers(0, 2**32))
def test_run_ids_sort_by_time_within_a_year_and_are_valid(now, later_min, seed):
    """The next minute's id sorts after this one's."""
    then = now + timedelta(minutes=later_min)
    first, second = (new_run_id(moment, random.Random(seed)) for moment in (now, then))
    assert check_run_id(first) == first
    assert then.year != now.year or first < second


UNSAFE = ["", "a b", "a/b", "ä", "x" * 65, "a\n", "a:b", ".", "..", ".hidden", "../x", "x" * 10_000, "a\x1bb"]


@pytest.mark.parametrize("text", UNSAFE)
def test_a_run_id_that_needs_escaping_is_refused(text):
    """Run ids stand in URLs, file names and participants."""
    with pytest.raises(UsageError) as raised:
        check_run_id(text)
    assert str(raised.value) == (
        f"invalid value {quote(text)} for --run-id (RUN_ID): "
        f"expected 1 to 64 letters, digits, dots, underscores or hyphens, "
        "not beginning with a dot, for example r1124-2135-7f3a"
    )


@pytest.mark.parametrize("text", ["a", "nightly_2.1-rc", "x" * 64])
def test_a_name_is_given_back(text):
    """A valid name passes unchanged."""
    assert check_name(text, "--participant-prefix", "bench") == text


def test_a_participant_names_its_run():
    """Clean-up finds a run's participants by their name."""
    assert participant("bench", "r1", 1_000_002) == "bench-r1-1000002"


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(1, VUS_PER_BLOCK)),
        unique=True,
        min_size=2,
    )
)
def test_numbers_of_blocks_never_meet(users):
    """No two users of a run have the same number, and so no two the same participant."""
    numbers = {vu_number(block, k) for block, k in users}
    assert len(numbers) == len(users)
    assert min(numbers) >= 1


@pytest.mark.parametrize(("block", "k"), [(-1, 1), (0, 0), (0, VUS_PER_BLOCK + 1)])
def test_a_number_that_could_meet_another_is_refused(block, k):
    """Numbers are from 1, and blocks end."""
    with pytest.raises(ValueError, match="no number for user"):
        vu_number(block, k)


def test_draws_are_the_same_in_every_process():
    """Neither the process nor Python's hash seed changes a user's draws."""
    script = "from fleetlm_users.workload.identity import rng_for; print(rng_for(42, 'burst', 7).getrandbits(64))"
    draws = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("0", "1")
    }
    assert draws == {str(rng_for(42, "burst", 7).getrandbits(64))}


def test_users_draw_differently():
    """Seed, scenario and number each make another stream."""
    streams = [rng_for(*key).random() for key in [(1, "a", 1), (2, "a", 1), (1, "b", 1), (1, "a", 2)]]
    assert len(set(streams)) == 4
