"""What a run is to have: as planned, until it is edited; then what was wanted last."""

from fleetlm_users.swarm.goal import Goal


def goal(*seen, users=18, duration_s=120.0):
    made = Goal(users, duration_s)
    for number in seen:
        made.note(number)
    return made


def test_a_plan_that_was_never_reached_is_doubted():
    """However many users left again later."""
    assert list(goal(3, 18, 5).doubts()) == []
    assert list(goal(3, 17, 5).doubts()) == ["only 17 of the planned 18 users ever ran"]


def test_an_edit_changes_what_is_planned():
    """Down before the first number was reached, or up: only the last number counts."""
    down, up = goal(7), goal(18)
    down.edit(5, running=7, elapsed_s=3.04)
    up.edit(30, running=18, elapsed_s=40.0)
    up.note(29)
    assert list(down.doubts()) == []
    assert down.edits == [{"at_s": 3.0, "users": 5}]
    assert list(up.doubts()) == ["only 29 of the planned 30 users ever ran"]


def test_an_edit_that_changes_nothing_is_none():
    """The form was sent as it was."""
    same = goal(18)
    same.edit(18, running=18, elapsed_s=5.0)
    assert same.edits == []


def test_the_end_stays_where_it_was():
    """In whole seconds, never below one; a run until stopped has none."""
    assert goal().remaining_s(40.3) == 80
    assert goal().remaining_s(130.0) == 1
    assert goal(duration_s=None).remaining_s(40.0) is None
