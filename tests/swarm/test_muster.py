"""Everybody is asked for the last report, and waited for as long as an answer can still come."""

import pytest

from fleetlm_users.swarm.muster import ASK_AGAIN_S, CUT_S, Muster

BOUND_S = 20.0


class Workers:
    """Workers of which some are silent; whoever is asked is written down."""

    def __init__(self, *missing):
        self.missing = set(missing)
        self.silences = {}
        self.asked = []
        self.muster = Muster(
            lambda: self.missing, lambda name: self.silences.get(name, 0.0), self.asked.append, BOUND_S
        )

    def awaited(self, now_s):
        return self.muster.is_awaited(now_s)


def test_nobody_is_waited_for_when_nobody_is_missing():
    """A master without workers ends at once."""
    assert not Workers().awaited(0.0)


def test_each_is_asked_at_once_and_again_from_time_to_time():
    """An answer may be lost with its connection."""
    workers = Workers("a", "b")
    assert workers.awaited(100.0)
    assert sorted(workers.asked) == ["a", "b"]
    assert workers.awaited(100.0 + ASK_AGAIN_S / 2)
    assert len(workers.asked) == 2
    workers.missing = {"a"}
    assert workers.awaited(100.0 + ASK_AGAIN_S)
    assert workers.asked[2:] == ["a"]


def test_one_that_lives_and_does_not_answer_is_waited_for_only_so_long():
    """An upper bound."""
    workers = Workers("a")
    assert workers.awaited(100.0)
    assert workers.awaited(100.0 + BOUND_S - 0.1)
    assert not workers.awaited(100.0 + BOUND_S)


def test_one_that_is_cut_off_is_waited_for_until_it_is_given_up():
    """It cannot have heard the question; who gives it up takes it off the missing ones."""
    workers = Workers("a")
    workers.silences["a"] = CUT_S
    assert workers.awaited(100.0)
    assert workers.awaited(100.0 + 2 * BOUND_S)
    workers.missing = set()
    assert not workers.awaited(101.0 + 2 * BOUND_S)


@pytest.mark.parametrize("away_s", [4.0, 40.0])
def test_one_that_is_back_is_asked_at_once_and_has_all_its_time(away_s):
    """From its return, not from the first asking."""
    workers = Workers("a")
    workers.silences["a"] = CUT_S
    assert workers.awaited(100.0)
    asked = len(workers.asked)
    workers.silences["a"] = 0.0
    assert workers.awaited(100.0 + away_s)
    assert len(workers.asked) == asked + 1
    assert workers.awaited(100.0 + away_s + BOUND_S - 0.1)
    assert not workers.awaited(100.0 + away_s + BOUND_S)
