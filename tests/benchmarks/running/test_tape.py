"""Figures of a tape cover only the time while all sessions were there."""

import pytest

from benchmarks.running.tape import Reading, Tape


def tape(*readings):
    """A tape with these (second, CPU, open, joined, appended)."""
    made = Tape()
    made.readings = [
        Reading(at_s, cpu_s, 0, now, joined, appended, heartbeats=10 * at_s)
        for at_s, cpu_s, now, joined, appended in readings
    ]
    return made


def test_rates_are_those_of_the_stretch_with_all_joined():
    """They include neither the ramp before nor the leaving after."""
    stretch = tape((0, 0.0, 1, 1, 0), (1, 0.9, 2, 2, 5), (3, 1.9, 2, 2, 105), (4, 9.0, 1, 2, 110)).all_joined(2)
    assert stretch.length_s == 2
    assert stretch.appends_per_s == 50
    assert stretch.core_share == pytest.approx(0.5)
    assert stretch.cpu_s_per_append == pytest.approx(0.01)
    assert stretch.heartbeats == 20


def test_what_the_ramp_left_to_do_can_be_left_out():
    """The stretch begins that much later; one that ends before then is none."""
    made = tape((1, 0.9, 2, 2, 5), (2, 1.9, 2, 2, 5), (5, 2.0, 2, 2, 5), (6, 2.1, 2, 2, 5))
    assert made.all_joined(2, settling_s=3.0).core_share == pytest.approx(0.1)
    with pytest.raises(RuntimeError, match="less than 5 s"):
        made.all_joined(2, settling_s=5.0)


@pytest.mark.parametrize("readings", [[], [(0, 0.0, 2, 2, 0)], [(0, 0.0, 1, 1, 0), (1, 1.0, 1, 1, 9)]])
def test_sessions_that_were_never_there_together_give_no_rate(readings):
    """One reading is not a stretch."""
    with pytest.raises(RuntimeError, match="2 sessions were never there together"):
        tape(*readings).all_joined(2)
