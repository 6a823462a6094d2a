"""ULIDs and time stamps."""

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.chat.ids import ALPHABET, NaiveStamps, UlidMaker, encode_pairs, stored_id

MOMENTS = st.floats(min_value=0, max_value=4_000_000_000, allow_nan=False)


def test_the_time_part_is_that_of_the_record():
    """The first ten characters are the milliseconds: 01M850HCSC was made at 2026-11-23T20:11:12."""
    number = 0
    for character in b"01M850HCSC":
        number = number * 32 + ALPHABET.index(character)
    assert encode_pairs(number, 5) == b"01M850HCSC"
    assert NaiveStamps().seconds(number / 1000) == "2026-11-23T20:11:12"


@given(MOMENTS, st.integers(min_value=2, max_value=200))
def test_ulids_are_unique_and_grow_within_a_moment(now_s, count):
    """26 characters of the alphabet, each greater than the one before."""
    maker = UlidMaker()
    made = [maker.make(now_s) for _ in range(count)]
    assert made == sorted(set(made))
    assert {len(ulid) for ulid in made} == {26}
    assert set(b"".join(made)) <= set(ALPHABET)


def test_the_stored_id_is_another_of_the_same_millisecond():
    """As FleetLM's second ULID."""
    pushed = UlidMaker(seed=1).make(1_700_000_000.123)
    assert stored_id(pushed) != pushed
    assert stored_id(pushed)[:10] == pushed[:10]
    assert len(stored_id(pushed)) == 26


def test_stamps():
    """Six digits in pushes, none elsewhere, no offset."""
    stamps = NaiveStamps()
    assert stamps.micros(1_795_464_672.0) == b"2026-11-23T20:11:12.000000"
    assert stamps.micros(1_795_464_672.5)[20:] == b"500000"
    assert stamps.seconds(1_795_464_673.999999) == "2026-11-23T20:11:13"


@given(MOMENTS)
def test_stamps_have_one_form(now_s):
    """Never a seventh digit, never a full second in the fraction."""
    assert len(NaiveStamps().micros(now_s)) == 26
