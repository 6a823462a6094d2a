"""A process's part in one run after another."""

import gevent
from locust.env import Environment

from fleetlm_users.swarm.context import Fleet
from fleetlm_users.swarm.local_run import Station
from fleetlm_users.workload.user_numbers import ALONE, seat_of
from tests.swarm.samples import benchmark, options


class Stays:
    """A user that leaves only by force."""

    def __init__(self, run):
        self.run, self.forced = run, 0
        run.enter(self)

    def wind_down(self):
        pass

    def end_by_force(self):
        self.forced += 1
        self.run.leave(self)


def begun(station, fleet, epoch, seat=ALONE):
    """The numbers of the first three users of a run."""
    station.begin(options(), epoch, seat)
    numbers = [fleet.run.next_vu("Burst") for _ in range(3)]
    station.end()
    return numbers


def test_a_run_that_begins_again_gives_no_number_twice():
    """A spawn message that comes late, after the worker was told to stop, begins the same run anew."""
    fleet = Fleet(Environment(), benchmark())
    station = Station(fleet, "w", lambda: None)
    first, again = begun(station, fleet, "one"), begun(station, fleet, "one")
    assert not set(first) & set(again)


def test_another_run_is_numbered_from_its_beginning():
    """Same seed, same numbers, same draws; the seat is the run's own."""
    fleet = Fleet(Environment(), benchmark())
    station = Station(fleet, "w", lambda: None)
    first = begun(station, fleet, "one")
    assert begun(station, fleet, "two") == first
    assert begun(station, fleet, "three", seat_of(1, [1, 0])) != first
    assert station.is_in("three")
    assert station.snapshot()["epoch"] == "three"


def test_the_end_is_drained_once_and_hurried_by_whoever_cannot_wait():
    """The snapshot is final when it is over, for each caller."""
    fleet = Fleet(Environment(), benchmark())
    station = Station(fleet, "w", lambda: None)
    station.end()  # before the first run
    station.hurry()
    station.begin(options(), "one", ALONE)
    stays = Stays(fleet.run)
    callers = [gevent.spawn(station.end) for _ in range(3)]
    gevent.idle()
    assert not station.snapshot()["final"]
    station.hurry()
    gevent.joinall(callers, timeout=10, raise_error=True)
    assert stays.forced == 1
    assert station.snapshot()["final"]
