"""Which call of a master's `start` keeps spawning."""

import gevent
from gevent.event import Event
from locust import User
from locust.runners import STATE_INIT, STATE_SPAWNING, WorkerNode

from fleetlm_users.swarm import locust_internals as internals
from fleetlm_users.swarm.coordinator.control.newest_start import NewestStart
from tests.swarm.locust_masters import a_master


class One(User):
    """A user class; no test runs it."""


def test_a_start_ends_the_one_that_still_spawns():
    """On a master, both would step the dispatcher's generator, and one of them would fail."""
    may_return, returned = Event(), []
    with a_master(One) as runner:

        def start(number):
            runner.state = STATE_SPAWNING
            if number == 1:
                may_return.wait()
            returned.append(number)

        newest = NewestStart(runner, start)
        first = gevent.spawn(newest, 1)
        gevent.idle()  # until it waits
        newest(2)
        newest.end()  # nothing spawns: nothing to end
        assert first.successful()
        assert returned == [2]
        runner.state = STATE_INIT


def test_a_call_that_prepares_a_run_is_not_ended():
    """It is not spawning yet: the runner is in its earlier state."""
    may_return = Event()
    with a_master(One) as runner:
        newest = NewestStart(runner, may_return.wait)
        call = gevent.spawn(newest)
        gevent.idle()
        newest.end()
        assert not call.dead
        may_return.set()
        assert call.get() is True


def test_a_ramp_goes_on_to_the_number_that_was_asked_for_last():
    """Tried with Locust's own dispatcher, whose worker gets what each call dispatches."""
    sent = []
    with a_master(One) as master:
        master.clients["worker"] = WorkerNode("worker")
        master.server.send_to_client = sent.append
        internals.wait_briefly_for_reports(master, 0.0)
        newest = NewestStart(master, master.start)
        ramp = gevent.spawn(newest, 100, 1)
        gevent.idle()
        newest(3, 10)
        assert ramp.successful()
        spawned = [message.data["user_classes_count"]["One"] for message in sent if message.type == "spawn"]
        assert spawned == [1, 3]
        del master.clients["worker"]
        master.state = STATE_INIT
