"""The load of a run: its changes in order of time, and the stages that have begun."""

from fleetlm_users.swarm.coordinator.control.run_load import RunLoad
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from tests.swarm.samples import options


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def run_load(**raw):
    """The load of a run, and its clock."""
    clock = Clock()
    return RunLoad(options(**raw).plan, RunClock(60.0, 0.0, clock)), clock


def test_changes_of_users_and_of_speed_are_in_order_of_time():
    """It does not matter who made them."""
    load, clock = run_load()
    clock.now_s = 1.0
    load.speed_control.set(2.0)
    clock.now_s = 1.2
    load.edit_users(9, 5)
    clock.now_s = 3.0
    load.speed_control.set(0.0)
    assert load.course().edits == [{"at_s": 1.2, "users": 9}, {"at_s": 1.5, "speed": 2.0}, {"at_s": 3.5, "speed": 0.0}]
    assert load.order.speeds == tuple(load.speed_control.changes)


def test_a_stage_begins_shortly_after_it_is_asked_for():
    """All processes know of it by then; the same number of users is the same stage."""
    load, clock = run_load()
    load.begin_first_stage(5, "quiet")
    clock.now_s = 20.0
    assert not load.begin_stage(5, "quiet")
    assert load.begin_stage(50, "crowd")
    clock.now_s = 30.0
    assert [(stage.name, stage.begins_s, stage.length_s) for stage in load.stages()] == [
        ("quiet", 0.0, 20.5),
        ("crowd", 20.5, 9.5),
    ]


def test_a_stop_by_control_is_a_change_and_an_order_that_came_too_late_is_none():
    """The first stop counts; a change that was due after the end of the run never happened."""
    load, clock = run_load()
    clock.now_s = 2.0
    load.speed_control.set(2.0)
    clock.now_s = 7.0
    load.speed_control.set(0.0)
    load.note_stop()
    clock.now_s = 7.3
    load.note_stop()
    load._clock.stop()
    assert load.course().edits == [{"at_s": 2.5, "speed": 2.0}, {"at_s": 7.0, "stopped": True}]
