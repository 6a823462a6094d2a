"""Users in each second of a run in stages, and the stage of each moment."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.stages.timetable import Stage, Timetable

LENGTHS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 300)), min_size=1, max_size=8).filter(
    lambda stages: any(length for length, _ in stages)
)


def timetable(*stages):
    return Timetable([Stage(f"s{n}", length_s, users) for n, (length_s, users) in enumerate(stages)])


@pytest.mark.parametrize(
    ("stages", "users"),
    [
        ([(4, 9)], [0, 2, 5, 7, 9]),
        ([(2, 4), (2, 4)], [0, 2, 4, 4, 4]),
        ([(0, 8), (2, 8), (0, 2), (2, 2)], [8, 8, 2, 2, 2]),
        ([(0, 9), (4, 0)], [9, 7, 5, 2, 0]),
        ([(1, 5), (1, 0)], [0, 5, 0]),
    ],
)
def test_each_second_has_its_users(stages, users):
    """Evenly from one number to the next, a half rounded up; a stage of no length is a jump."""
    assert [timetable(*stages).users_at(second) for second in range(len(users))] == users


@given(LENGTHS)
def test_users_are_the_nearest_whole_number_to_the_line(stages):
    """It holds for every second of every stage, and at its end for exactly the stated number."""
    table, begins_s, before = timetable(*stages), 0, 0
    for length_s, users in stages:
        for second in range(length_s):
            exact = before + Fraction((users - before) * second, length_s)
            assert abs(table.users_at(begins_s + second) - exact) <= Fraction(1, 2)
        begins_s, before = begins_s + length_s, users
    assert table.users_at(begins_s) == before
    assert table.total_s == begins_s
    assert all(0 <= table.users_at(second) <= table.peak for second in range(begins_s + 2))


@given(LENGTHS)
def test_the_changes_are_all_seconds_in_which_the_number_changes(stages):
    """Going from change to change shows every number that checking each second shows."""
    table, second, seen = timetable(*stages), 0, {0}
    while second < table.total_s:
        second = table.next_change(second)
        seen.add(second)
    changes = {one for one in range(1, table.total_s) if table.users_at(one) != table.users_at(one - 1)}
    assert seen == {0, table.total_s} | changes


def test_a_moment_belongs_to_the_stage_that_it_lies_in():
    """A border belongs to the later stage; what comes after the end, to the last one that lasts."""
    table = timetable((2, 5), (0, 9), (3, 9), (0, 0))
    moments = {-1.0: "s0", 0.0: "s0", 1.999: "s0", 2.0: "s2", 4.999: "s2", 5.0: "s2", 60.0: "s2"}
    assert {moment: table.phase_at(moment) for moment in moments} == {
        moment: f"main:{name}" for moment, name in moments.items()
    }
    assert [(begins_s, before, stage.name) for begins_s, before, stage in table.spans()] == [(0, 0, "s0"), (2, 9, "s2")]
