"""How long a run lasted, how much of it is judged, and whether it ended early."""

import pytest

from fleetlm_users.swarm.coordinator.run_clock import ENDED_EARLY_S, RunClock

BEGAN_S = 1000.0


class Clocked:
    """A run's clock at a moment of the test's choice."""

    def __init__(self, duration_s, warm_up_s=0.0):
        self.now_s = BEGAN_S
        self.clock = RunClock(duration_s, warm_up_s, lambda: self.now_s)

    def after(self, elapsed_s):
        self.now_s = BEGAN_S + elapsed_s
        return self.clock


def test_time_stands_still_when_the_run_is_stopped():
    """Settling afterwards is not part of it, and a second stop changes nothing."""
    run = Clocked(60.0)
    run.after(5.0).stop()
    run.after(9.0).stop()
    assert run.clock.is_stopped
    assert run.after(20.0).elapsed_s() == 5.0


def test_the_judged_part_begins_with_the_warm_ups_end_or_with_the_last_reset():
    """It is never less than 0."""
    run = Clocked(60.0, warm_up_s=10.0)
    assert run.after(4.0).judged_s() == 0.0
    assert run.after(15.0).judged_s() == 5.0
    run.after(20.04).reset()
    assert run.clock.resets == [20.0]
    assert run.after(26.0).judged_s() == 6.0


@pytest.mark.parametrize(
    ("duration_s", "is_finite", "elapsed_s", "early"),
    [
        (60.0, False, 5.0, True),
        (60.0, False, 30.0, True),
        (60.0, False, 60.0 - ENDED_EARLY_S - 0.1, True),
        (60.0, False, 60.0 - ENDED_EARLY_S, False),
        (60.0, False, 60.3, False),
        (60.0, True, 30.0, True),
        (None, True, 30.0, True),
        (None, False, 5.0, True),
        (None, False, 10.0, True),
        (None, False, 10.1, False),
    ],
)
def test_a_run_was_interrupted_when_it_ended_before_it_could_be_judged_as_planned(
    duration_s, is_finite, elapsed_s, early
):
    """Without a planned end it is only so with work left over, or within the warm-up, here of ten seconds."""
    run = Clocked(duration_s, warm_up_s=10.0)
    run.after(elapsed_s).stop()
    assert run.after(elapsed_s + 30.0).ended_early(is_finite=is_finite) is early
