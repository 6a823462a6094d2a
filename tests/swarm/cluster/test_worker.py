"""A worker's end: asked for by its master or by a signal, its last numbers are sent, once the users are gone."""

from types import SimpleNamespace

import gevent
import pytest
from locust.env import Environment
from locust.exception import RPCError

from fleetlm_users.measure.snapshot_check import decode_head
from fleetlm_users.swarm.cluster.messages import DrainRequest, FinalReport, Introduction, RunDescription
from fleetlm_users.swarm.cluster.worker import Worker
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.options.wire import to_wire
from tests.swarm.samples import benchmark, options
from tests.swarm.test_local_run import Stays


class Runner:
    """Locust's worker runner without a network."""

    client_id = "w"
    worker_index = 0

    def __init__(self):
        self.sent, self.listeners, self.is_connected = [], {}, True

    def register_message(self, name, listener, concurrent=False):
        self.listeners[name] = listener

    def send_message(self, name, data=None):
        if not self.is_connected:
            raise RPCError("broken")
        self.sent.append((name, data))

    def handle_message(self, msg):
        pass

    def finals(self):
        return [
            (data["epoch"], data["snapshot"] and decode_head(data["snapshot"]))
            for name, data in self.sent
            if name == FinalReport.kind
        ]

    def hears(self, name, **data):
        return gevent.spawn(self.listeners[name], msg=SimpleNamespace(data=data))


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def worker(runner):
    described = {"epoch": "e", "options": to_wire(options()), "dispatched_to": [0], "elapsed_s": 0.0, "resets": 0}
    environment = Environment(parsed_options=SimpleNamespace(**{RunDescription.option: described}))
    return Worker(environment, runner, BenchmarkContext(environment, benchmark()), "family")


def test_it_says_which_family_it_is_of(worker, runner):
    """So that no other master takes it."""
    assert runner.sent[0][0] == Introduction.kind
    assert runner.sent[0][1]["family"] == "family"


def test_a_signal_sends_the_final_snapshot_once(worker, runner):
    """Without being asked; the second time there is nothing new."""
    worker.start()
    worker.judge()
    worker.judge()
    ((epoch, snapshot),) = runner.finals()
    assert epoch == "e"
    assert snapshot.final


def test_a_worker_without_a_run_has_nothing_to_send(worker, runner):
    """Between connecting and its first users."""
    worker.stop()
    worker.hurry()
    worker.drain()
    worker.judge()
    assert runner.finals() == []


def test_a_master_in_a_hurry_is_answered_at_once(worker, runner):
    """It asks again, with the word that it cannot wait; what is open counts as in flight."""
    worker.start()
    stays = Stays(worker._local_run._context.run)
    first = runner.hears(DrainRequest.kind, epoch="e")
    gevent.idle()
    assert runner.finals() == []
    runner.hears(DrainRequest.kind, epoch="e", hurry=True)
    first.get(timeout=10)
    assert stays.forced == 1
    assert runner.finals()[0][1].final


def test_another_runs_hurry_changes_nothing(worker, runner):
    """It comes from before."""
    worker.start()
    runner.hears(DrainRequest.kind, epoch="old", hurry=True).get(timeout=10)
    assert runner.finals() == [("old", None)]
    assert not worker._local_run._context.run.hurried


def test_a_master_that_is_gone_does_not_keep_the_worker_from_its_end(worker, runner, caplog):
    """There is nobody to tell."""
    worker.start()
    runner.is_connected = False
    worker.judge()
    assert "The final report cannot be sent to the master: broken" in caplog.text
