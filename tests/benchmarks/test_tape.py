"""What is read off a tape is read while all sessions were there."""

import pytest

from benchmarks.tape import Reading, Tape


def tape(*readings):
    """A tape with these (second, CPU, open, joined, appended)."""
    made = Tape()
    made.readings = [Reading(at_s, cpu_s, 0, now, joined, appended) for at_s, cpu_s, now, joined, appended in readings]
    return made


def test_rates_are_those_of_the_stretch_with_all_joined():
    """Neither the ramp before nor the leaving after."""
    stretch = tape((0, 0.0, 1, 1, 0), (1, 0.9, 2, 2, 5), (3, 1.9, 2, 2, 105), (4, 9.0, 1, 2, 110)).all_joined(2)
    assert stretch.length_s == 2
    assert stretch.appends_per_s == 50
    assert stretch.core_share == pytest.approx(0.5)
    assert stretch.cpu_s_per_append == pytest.approx(0.01)


@pytest.mark.parametrize("readings", [[], [(0, 0.0, 2, 2, 0)], [(0, 0.0, 1, 1, 0), (1, 1.0, 1, 1, 9)]])
def test_sessions_that_were_never_there_together_give_no_rate(readings):
    """One reading is no stretch."""
    with pytest.raises(RuntimeError, match="2 sessions were never there together"):
        tape(*readings).all_joined(2)
