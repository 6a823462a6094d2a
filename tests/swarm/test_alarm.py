"""The alarm rings at its moment and never before it, in order, on timerfd and without."""

import sys
import time

import gevent
import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetlm_users.swarm.alarm import Alarm


@pytest.fixture(params=["timerfd", "timers"])
def alarm(request):
    """An alarm of either kind."""
    made = Alarm()
    if request.param == "timers":
        made.close()  # falls back to gevent's own timers
    elif made._fd < 0:
        pytest.skip(f"no timerfd on {sys.platform}")
    yield made
    made.close()


def test_it_rings_never_before_its_moment(alarm):
    """A message must not be sent before it is due."""
    for _ in range(20):
        event = Event()
        moment_s = time.perf_counter() + 0.003
        alarm.at(moment_s, event.set)
        assert event.wait(5)
        assert time.perf_counter() >= moment_s - 0.001 * (alarm._fd < 0)


def test_a_moment_that_has_passed_rings_at_once(alarm):
    """A late user is not kept waiting."""
    event = Event()
    alarm.at(time.perf_counter() - 1.0, event.set)
    assert event.wait(5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=30))
def test_all_ring_in_order_whatever_the_order_they_were_set(delays_ms):
    """An earlier moment set later still rings first."""
    alarm = Alarm()
    base_s = time.perf_counter() + 0.002
    rung = []
    waits = []
    for index, delay_ms in enumerate(delays_ms):
        event = Event()
        event.rawlink(lambda _, index=index: rung.append(index))
        alarm.at(base_s + delay_ms / 1000, event.set)
        waits.append(event)
    gevent.wait(waits, timeout=5)
    alarm.close()
    assert sorted(rung, key=lambda index: (delays_ms[index], index)) == rung
