"""The kernel takes every moment that it is given: it refuses a nanosecond too many without a word to us."""

import math
import sys
import time

import pytest
from gevent.event import Event

from fleetlm_users.swarm.runtime.timerfd import LinuxKernel


@pytest.mark.skipif(sys.platform != "linux", reason="no timerfd")
@pytest.mark.parametrize(
    "moment_s",
    [math.nextafter(float(int(time.perf_counter())), 0.0), float(int(time.perf_counter())), 0.0, -1.0],
    ids=["within a nanosecond of a second", "a second", "the machine's start", "before it"],
)
def test_a_moment_that_has_passed_rings_at_once_wherever_in_its_second_it_is(moment_s):
    """A sleeper whose timer was not set would sleep forever."""
    rung = Event()
    (timer,) = LinuxKernel().timers(1, lambda one: (one.clear(), rung.set()))
    timer.set(moment_s, 0.0)
    assert rung.wait(60)
    timer.close()
