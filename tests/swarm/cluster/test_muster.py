"""Everybody is asked for the last report, and waited for as long as an answer can still come."""

import pytest

from fleetlm_users.swarm.cluster.muster import ASK_AGAIN_S, CUT_S, Muster

BOUND_S = 20.0
OVERALL_S = 100.0
HURRY_S = 7.0


class Workers:
    """Workers of which some are silent; whoever is asked is written down."""

    def __init__(self, *missing):
        self.missing = set(missing)
        self.silences = {}
        self.asked = []
        self.muster = Muster(
            lambda: self.missing,
            lambda name: self.silences.get(name, 0.0),
            self.asked.append,
            bound_s=BOUND_S,
            overall_s=OVERALL_S,
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


def test_one_that_is_lost_and_back_for_ever_cannot_prolong_the_end():
    """Each return gives it all its time again, up to a bound over all."""
    workers = Workers("a")
    now_s = 100.0
    while workers.awaited(now_s):
        assert now_s < 100.0 + OVERALL_S
        workers.silences["a"] = CUT_S - workers.silences.get("a", 0.0)  # cut off and back, in turn
        now_s += BOUND_S / 2
    assert now_s == 100.0 + OVERALL_S


@pytest.mark.parametrize("silent_s", [0.0, CUT_S], ids=["heard", "cut-off"])
def test_in_a_hurry_all_are_asked_again_at_once_and_waited_for_only_a_little(silent_s):
    """They cut their drain short and still send their last numbers."""
    workers = Workers("a")
    workers.silences["a"] = silent_s
    assert workers.awaited(100.0)
    workers.muster.hurry(101.0, HURRY_S)
    assert workers.awaited(101.0)
    assert workers.asked == ["a", "a"]
    assert workers.awaited(101.0 + HURRY_S - 0.1)
    assert not workers.awaited(101.0 + HURRY_S)


def test_a_hurry_never_lengthens_the_wait():
    """The bound over all stays."""
    workers = Workers("a")
    assert workers.awaited(100.0)
    workers.muster.hurry(100.0 + OVERALL_S - 1.0, HURRY_S)
    assert not workers.awaited(100.0 + OVERALL_S)
