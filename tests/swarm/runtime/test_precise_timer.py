"""The timer rings at its moment and never before it, in order, on timerfd and without."""

import sys
import time

import gevent
import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer


@pytest.fixture(params=["timerfd", "timers"])
def timer(request):
    """A timer of either kind."""
    made = PreciseTimer()
    if request.param == "timers":
        made.close()  # falls back to gevent's own timers
    elif not made.is_exact:
        pytest.skip(f"no timerfd on {sys.platform}")
    yield made
    made.close()


def test_it_rings_never_before_its_moment(timer):
    """A message must not be sent before it is due."""
    for _ in range(20):
        event = Event()
        moment_s = time.perf_counter() + 0.003
        timer.at(moment_s, event.set)
        assert event.wait(60)
        assert time.perf_counter() >= moment_s - 0.001 * (not timer.is_exact)


def test_a_moment_that_has_passed_rings_at_once(timer):
    """A late user is not kept waiting."""
    event = Event()
    timer.at(time.perf_counter() - 1.0, event.set)
    assert event.wait(60)


def test_a_callback_that_raises_takes_no_ring_from_others(timer, monkeypatch):
    """gevent stops a watcher whose callback raises: whoever has a timer in common would sleep for ever."""
    errors = []
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda _context, kind, *_: errors.append(kind))
    event, now_s = Event(), time.perf_counter()
    for n in range(20):  # more than there are timers
        timer.at(now_s + n / 10_000, lambda: 1 / 0)
    timer.at(now_s + 0.01, event.set)
    assert event.wait(60)
    assert errors == [ZeroDivisionError] * 20


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(1, 9))
def test_all_ring_in_order_whatever_the_order_they_were_set(delays_ms, timers):
    """An earlier moment set later still rings first, with more moments tha timers and with fewer."""
    timer = PreciseTimer(timers)
    base_s = time.perf_counter() + 0.002
    rung = []
    waits = []
    for index, delay_ms in enumerate(delays_ms):
        event = Event()
        event.rawlink(lambda _, index=index: rung.append(index))
        timer.at(base_s + delay_ms / 1000, event.set)
        waits.append(event)
    gevent.wait(waits, timeout=60)
    timer.close()
    assert sorted(rung, key=lambda index: (delays_ms[index], index)) == rung


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4000), min_size=1, max_size=12), st.integers(1, 4))
def test_sleepers_that_set_it_anew_as_they_ring_are_all_rung_in_time(intervals_us, timers):
    """As users do: each sets its next moment when it wakes. None is forgotten, none comes early, and those that are far
    away do not hide those that are near.
    """
    timer = PreciseTimer(timers)
    timer.at(time.perf_counter() + 3600, lambda: None)
    rounds = 5
    done, early = Event(), []
    left = dict.fromkeys(range(len(intervals_us)), rounds)

    def sleep(user, moment_s):
        timer.at(moment_s, lambda: ring(user, moment_s))

    def ring(user, moment_s):
        early.append(time.perf_counter() < moment_s)
        left[user] -= 1
        if left[user]:
            sleep(user, moment_s + intervals_us[user] / 1e6)
        elif not any(left.values()):
            done.set()

    for user in left:
        sleep(user, time.perf_counter() + intervals_us[user] / 1e6)
    assert done.wait(60), f"{timer} forgot {left}"
    timer.close()
    assert early == [False] * rounds * len(intervals_us)


def test_a_kernel_without_timers_is_reported():
    """gevent's own are used then, which are exact to a millisecond."""
    timer = PreciseTimer(timers=0)
    assert not timer.is_exact
    event = Event()
    timer.at(time.perf_counter() + 0.002, event.set)
    assert event.wait(60)
    timer.close()
