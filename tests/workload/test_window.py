"""A closed loop never has more in flight than its depth, and each message is due when its slot became free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.window import Window


def test_all_slots_are_free_at_the_start():
    """The first messages are all due at once."""
    window = Window(3, 10.0)
    assert [window.take() for _ in range(3)] == [10.0, 10.0, 10.0]
    assert not window.has_room


def test_a_slot_is_due_from_the_moment_its_message_ended():
    """In the order in which the slots became free."""
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
    """Whatever the order of sends and fates."""
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
