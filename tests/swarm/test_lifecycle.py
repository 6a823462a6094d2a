"""Locust's events reach the one role of a process; before `init` they reach one that does nothing."""

from argparse import Namespace
from dataclasses import replace
from types import SimpleNamespace

import pytest
from locust.env import Environment
from locust.event import Events
from locust.runners import WorkerRunner

from fleetlm_users.swarm import lifecycle
from fleetlm_users.swarm.lifecycle import Lifecycle, runs_at_once
from tests.swarm.samples import benchmark


@pytest.mark.parametrize("other", ["mixed", "session_lifecycle"])
def test_two_benchmarks_in_a_process_are_refused_in_a_sentence(monkeypatch, capsys, other):
    """Two locustfiles of ours, a folder of them, or the same one twice: options, plan and verdict are those of one."""
    monkeypatch.setattr(lifecycle, "events", Events())
    Lifecycle(benchmark()).listen()
    with pytest.raises(SystemExit) as ended:
        Lifecycle(replace(benchmark(), name=other)).listen()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"-f (LOCUST_LOCUSTFILE) names two benchmarks, mixed and {other}: give one of them")
    assert said.count("\n") == 1


class Listening:
    """Locust's events and a role that records its calls."""

    def __init__(self, monkeypatch):
        self.events, self.calls = Events(), []
        monkeypatch.setattr(lifecycle, "events", self.events)
        self.lifecycle = Lifecycle(benchmark())
        self.lifecycle.listen()

    def __getattr__(self, name):
        return lambda *given: self.calls.append((name, *given))


@pytest.fixture
def listening(monkeypatch):
    return Listening(monkeypatch)


EVENTS = (
    ("test_start", {"environment": None}, ("start",)),
    ("test_stopping", {"environment": None}, ("drain",)),
    ("test_stop", {"environment": None}, ("on_test_stop",)),
    ("report_to_master", {"client_id": "a", "data": {}}, ("add_to_report", {})),
    ("worker_report", {"client_id": "a", "data": {}}, ("on_worker_report", "a", {})),
    ("worker_connect", {"client_id": "a"}, ("on_worker_connect", "a")),
    ("reset_stats", {}, ("reset_stats",)),
    ("quit", {"exit_code": 0}, ("on_quit",)),
)


@pytest.mark.parametrize(("event", "facts", "call"), EVENTS, ids=[event for event, _, _ in EVENTS])
def test_an_event_of_locusts_calls_the_role(listening, event, facts, call):
    """Whichever it is."""
    getattr(listening.events, event).fire(**facts)  # before init: nobody plays a part
    assert listening.calls == []
    listening.lifecycle._role = listening
    getattr(listening.events, event).fire(**facts)
    assert listening.calls == [call]


@pytest.mark.parametrize(
    ("headless", "autostart", "at_once"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_a_run_begins_at_once_unless_a_person_starts_it(headless, autostart, at_once):
    """The web UI only shows the plan."""
    assert runs_at_once(Namespace(headless=headless, autostart=autostart)) is at_once


def test_the_process_of_a_worker_plays_a_worker(listening, monkeypatch):
    """It runs the classes that its master names, whatever its own command line says."""
    monkeypatch.setattr(lifecycle, "Worker", lambda *_: listening)
    monkeypatch.setattr(lifecycle, "Signals", lambda *_: SimpleNamespace(listen=lambda: None, serve=listening.serve))

    class Runner(WorkerRunner):
        def __init__(self):
            pass

        def __del__(self):
            pass

    environment = Environment(parsed_options=Namespace())
    listening.events.init.fire(environment=environment, runner=Runner(), web_ui=None)
    assert listening.calls == [("serve", listening)]
    assert set(benchmark_classes(listening.lifecycle)) <= set(environment.user_classes)


def benchmark_classes(installed):
    return installed._benchmark.behaviours.values()
