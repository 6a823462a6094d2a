"""A run ends by itself when every planned user was spawned and none has work left, on whatever process; once."""

import gevent
import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.coordinator.completion import CompletionTracker
from fleetlm_users.swarm.run import Headcount, HeadcountReport, Run
from fleetlm_users.swarm.stats.events import RunEvents
from tests.swarm.runners import LocalRunner, environment
from tests.swarm.samples import numbering, options


class Presence:
    """The workers of the run, some of which have gone."""

    def __init__(self, *gone):
        self.has_ramped_up = True
        self._gone = set(gone)

    def gone(self, _processes):
        return self._gone


def line(runner, headless=True, gone=()):
    return CompletionTracker(environment(runner, headless=headless), "e", Presence(*gone))


def told(entered, working, finished, epoch="e"):
    return HeadcountReport(epoch, Headcount(entered, working, finished))


def ended(runner):
    gevent.idle()  # the end is a greenlet of its own
    return runner.ended


def test_the_last_user_ends_a_headless_run():
    """It does so by quitting, as the run time does."""
    runner = LocalRunner(3)
    finish = line(runner)
    finish.note("local", told(3, 1, 2))
    assert not finish.is_complete
    finish.note("local", told(3, 0, 3))
    assert finish.is_complete
    assert ended(runner) == ["quit"]


def test_a_run_of_the_web_ui_is_stopped():
    """The page stays."""
    runner = LocalRunner(1)
    line(runner, headless=False).note("local", told(1, 0, 1))
    assert ended(runner) == ["stop"]


def test_users_that_are_still_to_be_spawned_are_waited_for():
    """Those that are there may all be done before the ramp-up is."""
    runner = LocalRunner(3)
    finish = line(runner)
    finish.note("local", told(2, 0, 2))
    assert not ended(runner)
    finish.note("local", told(3, 0, 3))
    assert ended(runner) == ["quit"]


def test_users_that_were_stopped_without_finishing_do_not_end_a_run():
    """Nobody has done any work: somebody took the users away."""
    runner = LocalRunner(2)
    line(runner).note("local", told(2, 0, 0))
    assert not ended(runner)


def test_it_ends_once_and_only_the_run_that_is_on():
    """Reports of an earlier run change nothing, nor do later ones."""
    runner = LocalRunner(1)
    finish = line(runner)
    finish.note("local", told(1, 0, 1, epoch="earlier"))
    finish.note("local", None)
    assert not ended(runner)
    for _ in range(3):
        finish.note("local", told(1, 0, 1))
    assert ended(runner) == ["quit"]


def test_all_workers_must_be_done():
    """Whichever is the last."""
    runner = LocalRunner(4)
    finish = line(runner)
    finish.note("one", told(2, 0, 2))
    finish.note("two", told(2, 1, 1))
    assert not ended(runner)
    finish.note("two", told(2, 0, 2))
    assert ended(runner) == ["quit"]


@pytest.mark.parametrize("entered", [(2, 2), (2, None)], ids=["it had reported", "it never reported"])
def test_a_lost_worker_is_not_waited_for(entered):
    """The others' users are done: nothing more will come."""
    runner = LocalRunner(4)
    finish = line(runner, gone=["two"])
    if entered[1] is not None:
        finish.note("two", told(entered[1], 2, 0))
    finish.note("one", told(entered[0], 1, 1))
    assert not ended(runner)
    finish.note("one", told(entered[0], 0, 2))
    assert ended(runner) == ["quit"]


def test_a_run_counts_who_works_and_calls_when_nobody_does():
    """A user that finished lives on; one that leaves in the middle of its work is gone too."""
    idle = []
    run = Run(
        options(), "e", numbering(), Ledger(DEFAULT, "e", "local"), RunEvents(), on_idle=lambda: idle.append(True)
    )
    members = [Member(run) for _ in range(2)]
    assert run.headcount() == (2, 2, 0)
    run.finish(members[0])
    assert (run.headcount(), idle) == ((2, 1, 1), [])
    run.leave(members[1])
    assert (run.headcount(), idle) == ((2, 0, 1), [True])
    assert run.user_count == 1


class Member:
    """A user that has a number and lives."""

    def __init__(self, run):
        run.next_vu("Burst")
        run.enter(self)

    def settle(self):
        """Nothing to do."""

    def close(self):
        """Nothing to do."""
