"""The users a run should have: as planned until edited, then as requested last."""

from fleetlm_users.swarm.coordinator.control.user_target import UserTarget


def target(*seen, users=18, duration_s=120.0):
    made = UserTarget(users, duration_s)
    for number in seen:
        made.note(number)
    return made


def test_a_plan_that_was_never_reached_is_doubted():
    """However many users left again later."""
    assert list(target(3, 18, 5).doubts()) == []
    assert list(target(3, 17, 5).doubts()) == ["only 17 of the planned 18 users ever ran"]


def test_an_edit_changes_what_is_planned():
    """Down before the first number was reached, or up: only the last number counts."""
    down, up = target(7), target(18)
    down.edit(5, running=7, elapsed_s=3.04)
    up.edit(30, running=18, elapsed_s=40.0)
    up.note(29)
    assert list(down.doubts()) == []
    assert down.edits == [{"at_s": 3.0, "users": 5}]
    assert list(up.doubts()) == ["only 29 of the planned 30 users ever ran"]


def test_an_edit_that_changes_nothing_is_none():
    """The form was sent as it was."""
    same = target(18)
    same.edit(18, running=18, elapsed_s=5.0)
    assert same.edits == []


def test_the_end_stays_where_it_was():
    """It is in whole seconds, never below one; a run until stopped has none."""
    assert target().remaining_s(40.3) == 80
    assert target().remaining_s(130.0) == 1
    assert target(duration_s=None).remaining_s(40.0) is None


def test_a_shapes_steps_are_judged_by_what_they_had_time_for():
    """A step that is over before its users can be there proves nothing; one that lasts does."""
    quick = target(users=0, duration_s=None)
    quick.step(40, rate=20, running=10, elapsed_s=5.0)
    quick.note(12, 6.0)
    quick.step(5, rate=100, running=12, elapsed_s=6.5)
    quick.note(5, 30.0)
    assert list(quick.doubts()) == []
    slow = target(users=0, duration_s=None)
    slow.step(40, rate=20, running=10, elapsed_s=5.0)
    slow.note(37, 17.0)
    slow.step(41, rate=20, running=37, elapsed_s=17.0)
    slow.note(40, 60.0)
    assert list(slow.doubts()) == ["only 37 of the 40 users that the load shape asked for ran"]
    assert slow.edits == []
