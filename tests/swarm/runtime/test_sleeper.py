"""A sleeper wakes at its moment or when woken, and late calls do no harm."""

import time

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer
from fleetlm_users.swarm.runtime.sleeper import Sleeper

DEADLINE_S = 60.0


@pytest.fixture
def sleeper():
    """One with a timer of its own; a test that hangs fails."""
    timer = PreciseTimer()
    with gevent.Timeout(DEADLINE_S):
        yield Sleeper(timer)
    timer.close()


def test_it_sleeps_until_the_moment(sleeper):
    """It never wakes earlier."""
    moment_s = time.perf_counter() + 0.005
    while time.perf_counter() < moment_s:
        sleeper.sleep(moment_s)
    assert time.perf_counter() >= moment_s


def test_it_is_woken_before_it(sleeper):
    """Another greenlet wakes it from an endless sleep."""
    gevent.spawn(sleeper.wake)
    sleeper.sleep()


def test_two_wakes_are_one(sleeper):
    """The second finds nobody asleep, and does not end what the greenlet waits for next."""
    done = Event()
    gevent.spawn(lambda: (sleeper.wake(), sleeper.wake(), gevent.spawn_later(0.005, done.set)))
    sleeper.sleep()
    assert done.wait(DEADLINE_S)


def test_the_alarm_of_an_ended_sleep_rings_for_nobody(sleeper):
    """The greenlet waits for something else by then, and goes on waiting."""
    moment_s = time.perf_counter() + 0.003
    gevent.spawn(sleeper.wake)
    sleeper.sleep(moment_s)
    done = Event()
    gevent.spawn_later(0.02, done.set)
    assert done.wait(DEADLINE_S)
    assert time.perf_counter() >= moment_s


def test_a_killed_sleeper_is_asleep_no_more(sleeper):
    """Neither its timer nor a wake-up reaches the dead greenlet."""
    asleep = gevent.spawn(lambda: sleeper.sleep(time.perf_counter() + 0.005))
    gevent.sleep(0)
    asleep.kill()
    sleeper.wake()
    done = Event()
    gevent.spawn_later(0.02, done.set)
    assert done.wait(DEADLINE_S)
    assert asleep.dead
    assert repr(sleeper) == "Sleeper(awake)"
