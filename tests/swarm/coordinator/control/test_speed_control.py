"""The speed of a run's timetables, as a person changes it."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.coordinator.control import speed_control
from fleetlm_users.swarm.coordinator.control.speed_control import LEAD_S, SpeedControl
from fleetlm_users.workload.orders.load_clock import MAX_CHANGES, SpeedChange


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now_s = 10.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_a_change_holds_from_a_moment_that_all_hear_of_before(clock):
    """The answer states that moment."""
    control = SpeedControl(clock)
    assert control.set(2.0) == f"2 times the planned rate from {10 + LEAD_S:.1f} s into the run on"
    assert control.changes == [SpeedChange(10 + LEAD_S, 2.0)]
    assert control.edits == [{"at_s": 10.5, "speed": 2.0}]


def test_after_a_pause_the_rate_is_that_before_it(clock):
    """It holds after two pauses, too."""
    control = SpeedControl(clock)
    control.set(0.5)
    for _ in range(2):
        clock.now_s += 5
        assert control.set(0.0).startswith("paused from")
        assert (control.speed, control.speed_to_resume) == (0.0, 0.5)


def test_a_change_that_has_not_happened_yet_gives_way_to_the_next(clock):
    """Only the last one ever takes effect, so the report does not name the other."""
    control = SpeedControl(clock)
    control.set(0.0)
    clock.now_s += LEAD_S / 2
    control.set(1.0)
    assert [change.speed for change in control.changes] == [1.0]


def test_changes_are_bounded(clock, monkeypatch):
    """Messages to workers must be bounded."""
    control = SpeedControl(clock)
    assert MAX_CHANGES == 10_000
    monkeypatch.setattr(speed_control, "MAX_CHANGES", 100)
    for _ in range(100):
        clock.now_s += 1
        control.set(1.5)
    with pytest.raises(UsageError, match="no more than 100 changes in a run"):
        control.set(2.0)
