"""The users of a run have the same numbers in every layout, and no two share one."""

from collections import Counter
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.user_numbers import ALONE, Numbering, WorkerSlot, slot_of, spawn_order

plans = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 40), min_size=1)


def numbering(plan, slot):
    return Numbering(plan, spawn_order(plan), slot)


def dispatched(plan, dispatched_to):
    """Return what each worker, by index, gets of a plan: (class, number) in order of spawning."""
    numberings = [numbering(plan, slot_of(index, dispatched_to)) for index in dispatched_to]
    given_out = {index: [] for index in dispatched_to}
    for n, name in enumerate(spawn_order(plan)):
        turn = n % len(dispatched_to)
        given_out[dispatched_to[turn]].append((name, numberings[turn].take(name)))
    return given_out


@given(plans)
def test_the_order_has_every_planned_user(plan):
    """It has each as often as planned."""
    assert Counter(spawn_order(plan)) == Counter({name: count for name, count in plan.items() if count})


@given(plans, st.permutations(range(7)), st.integers(1, 7))
def test_every_layout_gives_the_same_users_the_same_numbers(plan, indexes, workers):
    """All of them, from 1, each once, whatever the number of workers and the order in which they came."""
    alone = dispatched(plan, [0])[0]
    assert [number for _, number in alone] == list(range(1, sum(plan.values()) + 1))
    spread = dispatched(plan, indexes[:workers])
    assert sorted(pair for given_out in spread.values() for pair in given_out) == sorted(alone)


@given(plans, st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ABCDEX")), max_size=200))
def test_numbers_are_unique_whatever_is_spawned_where(plan, spawns):
    """Users of lost workers live on elsewhere, three workers came late, one class is not in the plan."""
    numberings = [numbering(plan, slot_of(index, [2, 0, 1])) for index in range(6)]
    numbers = [numberings[index].take(name) for index, name in spawns]
    assert len(set(numbers)) == len(numbers)


def test_a_user_beyond_the_plan_has_a_number_of_its_workers_own():
    """Readable as such: the block is the worker's index, and the plan's."""
    second = numbering({"A": 2}, slot_of(1, [0, 1]))
    assert [second.take("A") for _ in range(3)] == [2, 2 * VUS_PER_BLOCK + 1, 2 * VUS_PER_BLOCK + 2]


def test_a_class_that_is_not_the_benchmarks_is_beyond_the_plan():
    """It is not looked up among the planned users, which are endless for a search."""
    endless = Numbering(["A"], cycle("A"), ALONE)
    assert [endless.take(name) for name in "AXA"] == [1, VUS_PER_BLOCK + 1, 2]


def test_a_worker_that_came_late_has_no_planned_number():
    """They are all dispatched."""
    assert slot_of(3, [0, 1]) == WorkerSlot(3, None, 2)
    assert numbering({"A": 2}, slot_of(3, [0, 1])).take("A") == 4 * VUS_PER_BLOCK + 1


@pytest.mark.parametrize(
    ("plan", "order"),
    [
        ({"A": 5, "B": 1}, "AABAAA"),
        ({"B": 2, "A": 2}, "ABAB"),
        ({"A": 0, "B": 1}, "B"),
    ],
)
def test_classes_are_mixed_as_they_are_counted(plan, order):
    """A ramp has the plan's mixture from the beginning."""
    assert "".join(spawn_order(plan)) == order


def test_alone_there_is_one_slot():
    """A single process has every turn."""
    assert slot_of(0, [0]) == ALONE
