"""A worker begins only a run that it can read, and says so to whom it may concern."""

from types import SimpleNamespace

import pytest
from gevent.event import Event
from locust.env import Environment

from fleetlm_users.swarm import worker as worker_module
from fleetlm_users.swarm.fleet import Fleet
from fleetlm_users.swarm.messages import REFUSED, RUN
from fleetlm_users.swarm.options import to_wire
from fleetlm_users.swarm.worker import Worker
from tests.swarm.samples import benchmark, options

WAIT_S = 10.0


class Runner:
    """What a worker asks of Locust's runner; `sent` is written down."""

    client_id, worker_index = "w1", 0

    def __init__(self):
        self.sent = []
        self.custom_messages = {}
        self.has_quit = Event()

    def register_message(self, name, listener, concurrent=False):
        self.custom_messages[name] = listener

    def handle_message(self, msg):
        pass

    def send_message(self, name, data):
        self.sent.append((name, data))

    def quit(self):
        self.has_quit.set()


@pytest.fixture(autouse=True)
def _whole_parser(monkeypatch):
    """Locust's own parser is not cached for the tests that come after."""
    monkeypatch.setattr(worker_module, "spare_the_loop", lambda: None)


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def fleet():
    return Fleet(Environment(), benchmark())


def started(runner, fleet, described):
    """What the worker answers to a spawn message with that description."""
    environment = SimpleNamespace(
        parsed_options=SimpleNamespace(**described), parsed_locustfiles=None, process_exit_code=None
    )
    worker = Worker(environment, runner, fleet)
    runner.sent.clear()
    worker.start()
    return runner.sent


def run(**changed):
    described = {"epoch": "e", "options": to_wire(options()), "dealt_to": [0], "elapsed_s": 0.0, "resets": 0}
    return {RUN: described | changed}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"options": None}, "options is None"),
        ({"options": to_wire(options()) | {"seed": "x"}}, "options.seed is 'x'"),
        ({"dealt_to": 3}, "dealt_to is 3"),
        ({"elapsed_s": float("nan")}, "elapsed_s is nan"),
        ({"resets": -1}, "resets is -1"),
    ],
)
def test_a_run_that_cannot_be_read_is_refused_by_name(runner, fleet, changed, words):
    """The master hears what is wrong, and ends the run; nothing begins here."""
    ((kind, answer),) = started(runner, fleet, run(**changed))
    assert (kind, answer["epoch"]) == (REFUSED, "e")
    assert words in answer["problem"]
    assert fleet.run is None


@pytest.mark.parametrize("described", [{}, {RUN: None}, {RUN: {"epoch": 5}}])
def test_a_worker_leaves_a_master_that_does_not_name_its_run(runner, fleet, described):
    """It would not take the answer, and nobody would end the users."""
    assert started(runner, fleet, described) == []
    assert runner.has_quit.wait(WAIT_S)


def test_a_sound_run_begins(runner, fleet):
    """As described."""
    assert started(runner, fleet, run()) == []
    assert fleet.run.epoch == "e"
    fleet.run.drain(0.0)
