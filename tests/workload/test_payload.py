"""Messages are numbered uniquely, sized exactly and repeatable."""

import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.payload import Payloads, session_prefix


@given(st.integers(1, 5000), st.integers(0, 2**32))
def test_texts_have_the_size_asked_for(size_bytes, seed):
    """The size is bytes on the wire: ASCII that JSON does not escape."""
    text = Payloads(lambda: random.Random(seed), "r-1-1", size_bytes).next().text
    assert len(text.encode()) == size_bytes
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.integers(1, 500), st.integers(0, 2**32))
def test_texts_stay_what_they_were_for_a_seed(size_bytes, seed):
    """A run with an earlier run's seed sends the same bytes: those of `randbytes`, as letters."""
    text = Payloads(lambda: random.Random(seed), "r-1-1", size_bytes).next().text
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    assert text == "".join(letters[byte % 64] for byte in random.Random(seed).randbytes(size_bytes))


def test_references_are_readable_and_counted_from_one():
    """A reference says run, user, session and message."""
    payloads = Payloads(lambda: random.Random(1), session_prefix("r1124-2135-7f3a", 1_000_003, 2), 8)
    assert [payload.client_ref for payload in islice(payloads, 2)] == [
        "r1124-2135-7f3a-1000003-2-1",
        "r1124-2135-7f3a-1000003-2-2",
    ]
    assert repr(payloads) == "<Payloads r1124-2135-7f3a-1000003-2 made=2>"


@given(st.sets(st.tuples(st.integers(1, 3_000_000), st.integers(1, 99)), min_size=2, max_size=20))
def test_references_are_unique_in_a_run(sessions):
    """No two messages of a run share a reference, whichever users and sessions they come from."""
    refs = [
        payload.client_ref
        for vu, session in sessions
        for payload in islice(Payloads(lambda: random.Random(1), session_prefix("r1", vu, session), 1), 12)
    ]
    assert len(set(refs)) == len(refs)


def test_the_same_seed_gives_the_same_messages():
    """A run can be repeated, and its messages differ from one another."""
    first, again = (list(islice(Payloads(lambda: random.Random(3), "p", 32), 5)) for _ in range(2))
    assert first == again
    assert len({payload.text for payload in first}) == 5


@pytest.mark.parametrize("size_bytes", [0, -1])
def test_a_message_has_at_least_one_byte(size_bytes):
    """An empty text would be another kind of message."""
    with pytest.raises(ValueError, match="not a message size"):
        Payloads(lambda: random.Random(1), "p", size_bytes)


def test_the_generator_is_asked_for_once_with_the_first_message():
    """A session that says nothing needs none."""
    asked = []
    payloads = Payloads(lambda: asked.append(1) or random.Random(1), "p", 4)
    assert asked == []
    assert [each.client_ref for each in islice(payloads, 3)] == ["p-1", "p-2", "p-3"]
    assert asked == [1]
