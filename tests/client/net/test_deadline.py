"""A block that takes too long is overdue."""

import gevent
import pytest

from fleetlm_users.client.net.deadline import Deadline, Overdue


def test_a_block_that_takes_too_long_is_overdue_and_a_quick_one_is_not():
    """However many waits it consists of; what comes after the block is free of it."""

    def wait_on_and_on():
        while True:
            gevent.sleep(0.001)

    with pytest.raises(Overdue), Deadline(0.01):
        wait_on_and_on()
    with Deadline(0.01):
        gevent.sleep(0)
    gevent.sleep(0.02)
    with pytest.raises(KeyError), Deadline(0.01):
        raise KeyError
    gevent.sleep(0.02)
