"""A search's order: which messages belong to the step, and which are sent at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.orders.step_order import StepOrder


@pytest.mark.parametrize(
    ("due_s", "phase"), [(9.999, "warm_up"), (10.0, "main"), (11.999, "main"), (12.0, "warm_up"), (99.0, "warm_up")]
)
def test_a_message_belongs_to_the_step_in_which_it_is_due(due_s, phase):
    """The step includes its start and excludes its end."""
    assert StepOrder(10.0, 12.0).phase_at(due_s) == phase


@pytest.mark.parametrize("due_s", [0.0, 1.0, 1e6])
def test_between_two_steps_a_message_belongs_to_none(due_s):
    """The time before the first step is alike."""
    assert StepOrder().phase_at(due_s) == "warm_up"


@given(st.floats(0, 1), st.floats(0, 0.999), st.integers(1, 500))
def test_the_share_is_sent(share, offset, turns):
    """Within one message, however many there are."""
    sent = sum(StepOrder(share=share).sends(turn, offset) for turn in range(turns))
    assert abs(sent - share * turns) <= 1


def test_all_or_nothing():
    """The offset does not matter."""
    assert all(StepOrder(share=1.0).sends(turn, 0.7) for turn in range(50))
    assert not any(StepOrder(share=0.0).sends(turn, 0.7) for turn in range(50))
