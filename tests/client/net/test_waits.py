"""One greenlet's wait: notified before, meanwhile, or never; killed; and a late notification wakes nobody else."""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client.net.waits import AnswerWait, Deadline, Overdue, Wait

LONG_S = 60.0


def test_who_is_notified_before_does_not_wait():
    """An answer may be faster than the greenlet that asked."""
    wait = Wait()
    wait.notify()
    assert wait.wait(LONG_S)
    assert repr(wait) == "Wait(notified)"


def test_who_is_notified_meanwhile_goes_on():
    """It does so with and without a time limit."""
    for timeout_s in (LONG_S, None):
        wait = Wait()
        waiting = gevent.spawn(wait.wait, timeout_s)
        gevent.idle()
        assert repr(wait) == "Wait(waiting)"
        wait.notify()
        wait.notify()
        assert waiting.get(timeout=LONG_S)


@pytest.mark.parametrize("timeout_s", [0.001, 0.0, -1.0])
def test_a_waiter_that_is_not_notified_goes_on_when_time_is_up(timeout_s):
    """A moment in the past means no waiting; a waiter notified later can wait again."""
    wait = Wait()
    assert not wait.wait(timeout_s)
    wait.notify()
    assert wait.wait(timeout_s)


def test_a_kill_ends_the_wait_and_a_later_word_wakes_nobody():
    """The greenlet may wait for something else by then."""
    wait, other = Wait(), Wait()
    trace = []

    def live():
        try:
            wait.wait(LONG_S)
        finally:
            trace.append(other.wait(0.01))

    user = gevent.spawn(live)
    gevent.idle()
    user.kill(block=False)
    wait.notify()
    user.join(LONG_S)
    assert trace == [False]


def test_a_word_and_the_end_of_time_at_once_wake_once():
    """Both callbacks are due in the same turn of the event loop."""
    wait = Wait()
    other = Wait()

    def live():
        told = wait.wait(0.0)
        return told, other.wait(0.01)

    user = gevent.spawn(live)
    gevent.get_hub().loop.run_callback(wait.notify)
    told, elsewhere = user.get(timeout=LONG_S)
    assert told in (True, False)
    assert not elsewhere


def test_an_answer_or_the_error_in_its_place():
    """`get` returns or raises what was set."""
    answered, failed = AnswerWait(), AnswerWait()
    answered.set((1, 2))
    failed.set_exception(KeyError("gone"))
    assert answered.wait(LONG_S)
    assert answered.get() == (1, 2)
    assert failed.wait(LONG_S)
    with pytest.raises(KeyError, match="gone"):
        failed.get()


def test_a_block_that_takes_too_long_is_overdue_and_a_quick_one_is_not():
    """However many waits it consists of; what comes after the block is free of it."""
    never = Event()

    def wait_on_and_on():
        while True:
            never.wait(0.001)

    with pytest.raises(Overdue), Deadline(0.01):
        wait_on_and_on()
    with Deadline(LONG_S):
        gevent.sleep(0)
    with pytest.raises(KeyError), Deadline(LONG_S):
        raise KeyError
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.02):  # set later, so it is over later
        never.wait()
