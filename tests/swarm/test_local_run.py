"""A process's part in one run after another."""

import gevent
from locust.env import Environment

from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.workload.user_numbers import ALONE, slot_of
from tests.swarm.samples import benchmark, options


class Stays:
    """A user that leaves only by force."""

    def __init__(self, run):
        self.run, self.forced = run, 0
        run.enter(self)

    def settle(self):
        pass

    def close(self):
        self.forced += 1
        self.run.leave(self)


def begun(local_run, context, epoch, slot=ALONE):
    """The numbers of the first three users of a run."""
    local_run.begin(options(), epoch, slot)
    numbers = [context.run.next_vu("Burst") for _ in range(3)]
    local_run.drain()
    return numbers


def test_a_run_that_begins_again_gives_no_number_twice():
    """A spawn message that arrives late, after the worker was told to stop, begins the same run again."""
    context = BenchmarkContext(Environment(), benchmark())
    local_run = LocalRun(context, "w", lambda: None)
    first, again = begun(local_run, context, "one"), begun(local_run, context, "one")
    assert not set(first) & set(again)


def test_another_run_is_numbered_from_its_beginning():
    """Same seed, same numbers, same draws; the slot is the run's own."""
    context = BenchmarkContext(Environment(), benchmark())
    local_run = LocalRun(context, "w", lambda: None)
    first = begun(local_run, context, "one")
    assert begun(local_run, context, "two") == first
    assert begun(local_run, context, "three", slot_of(1, [1, 0])) != first
    assert local_run.is_in("three")
    assert local_run.snapshot().epoch == "three"


def test_the_run_is_drained_once_and_the_drain_can_be_cut_short():
    """The snapshot is final when it is over, for each caller."""
    context = BenchmarkContext(Environment(), benchmark())
    local_run = LocalRun(context, "w", lambda: None)
    local_run.drain()  # before the first run
    local_run.cut_drain_short()
    local_run.begin(options(), "one", ALONE)
    stays = Stays(context.run)
    callers = [gevent.spawn(local_run.drain) for _ in range(3)]
    gevent.idle()
    assert not local_run.snapshot().final
    local_run.cut_drain_short()
    gevent.joinall(callers, timeout=60, raise_error=True)
    assert stays.forced == 1
    assert local_run.snapshot().final
