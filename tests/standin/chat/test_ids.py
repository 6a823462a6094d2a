"""The ids of both protocols, and time stamps."""

import base64
import uuid

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.chat.ids import (
    ALPHABET,
    NaiveStamps,
    UlidMaker,
    UuidMaker,
    encode_base64,
    encode_pairs,
    stored_id,
)

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
    """FleetLM's second ULID is the same."""
    pushed = UlidMaker(seed=1).make(1_700_000_000.123)
    assert stored_id(pushed) != pushed
    assert stored_id(pushed)[:10] == pushed[:10]
    assert len(stored_id(pushed)) == 26


def uuid_of(text):
    """The UUID that 22 characters of URL-safe base64 are."""
    return uuid.UUID(bytes=base64.urlsafe_b64decode(text + b"=="))


def test_the_time_part_of_a_late_id_is_that_of_the_record():
    """AaIejuGO… was pushed at 19:50:10.063 and has version and variant of RFC 9562."""
    recorded = uuid_of(b"AaIejuGOeuaL52ffxZ7ycw")
    assert (recorded.version, recorded.variant) == (7, uuid.RFC_4122)
    ms = recorded.int >> 80
    assert NaiveStamps().micros(ms / 1000) == b"2026-11-27T19:50:10.062000"
    assert encode_base64(ms, 8) == b"AaIejuGO"


@given(MOMENTS, st.integers(min_value=2, max_value=200), st.integers(0, 99))
def test_late_ids_are_unique_and_of_version_7(now_s, count, seed):
    """22 characters; the other id of a message has the same form and time."""
    maker = UuidMaker(seed)
    made = [maker.make(now_s) for _ in range(count)]
    others = [stored_id(each) for each in made]
    found = [uuid_of(each) for each in (*made, *others)]
    assert {len(each) for each in (*made, *others)} == {22}
    assert len(set(found)) == 2 * count
    assert {(each.version, each.variant, each.int >> 80) for each in found} == {(7, uuid.RFC_4122, int(now_s * 1000))}


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
