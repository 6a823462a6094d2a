"""The watch of `--abort-on-fail`: it checks from the end of the warm-up, reports once, and ends with the run."""

from types import SimpleNamespace

import gevent
import pytest
from gevent.event import AsyncResult

from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator import monitors
from fleetlm_users.swarm.coordinator.monitors import AbortWatch, RunMonitors
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from tests.swarm.coordinator.scenes import ServerMetrics
from tests.swarm.runners import LocalRunner, environment
from tests.swarm.samples import options

WAIT_S = 60.0

DEADLINE_S = 60.0


class Patience:
    """Gives up at the third look."""

    def __init__(self):
        self.looks = []

    def look(self, totals, main_s):
        self.looks.append((totals, main_s))
        return "it is hopeless" if len(self.looks) == 3 else ""


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(monitors, "CHECK_INTERVAL_S", 0.001)
    with gevent.Timeout(DEADLINE_S):
        yield


def test_it_tells_once_when_patience_is_over(fast):
    """It stops checking."""
    patience, told, times = Patience(), AsyncResult(), iter([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    AbortWatch(patience, totals=lambda: "numbers", main_s=lambda: next(times), on_hopeless=told.set)
    assert told.get() == "it is hopeless"
    assert patience.looks == [("numbers", 1.0), ("numbers", 2.0), ("numbers", 3.0)]


def test_it_ends_with_the_run(fast):
    """It includes the case that the watch itself ends it."""
    patience, ended = Patience(), AsyncResult()
    posted = AbortWatch(
        patience, totals=lambda: None, main_s=lambda: 1.0, on_hopeless=lambda _: ended.set(posted.stop())
    )
    assert ended.get() is None
    idle = AbortWatch(Patience(), totals=lambda: None, main_s=lambda: -1.0, on_hopeless=ended.set)
    idle.stop()
    idle.stop()


def test_looks_that_take_long_are_rare(monkeypatch):
    """On a master with many workers, a check merges the histograms of all of them."""
    slept, told = [], AsyncResult()
    clock = iter([10.0, 12.0, 30.0, 30.01, 40.0, 40.5])
    monkeypatch.setattr(monitors, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(monitors, "gevent", SimpleNamespace(spawn=gevent.spawn, sleep=slept.append))
    AbortWatch(Patience(), totals=lambda: None, main_s=lambda: 1.0, on_hopeless=told.set)
    assert told.get(timeout=DEADLINE_S) == "it is hopeless"
    assert slept == [1.0, 18.0, 1.0]


class Run:
    """A run that is watched."""

    def __init__(self, **raw):
        self.options, self.worker_states, self.said = options(**raw), (), []
        self.clock = RunClock(60.0, 0.0)
        self.merge = SnapshotStore("e")
        self.catalogue, self.timeline = self.merge.catalogue, self.merge.timeline

    def totals(self):
        return self.merge.totals()

    def border(self):
        return Border(self.totals(), ())

    def say(self, text):
        self.said.append(text)


def begun(thresholds="messages_lost: count<1", **raw):
    """The monitors of a run, the run, its server's metrics, and Locust's runner."""
    run, server, runner = Run(**raw), ServerMetrics(), LocalRunner()
    judged = parse_thresholds([thresholds])
    return RunMonitors(environment(runner), run, judged, server=server, search=None), run, server, runner


def test_monitors_begin_and_stop_with_their_run():
    """Stopping them again changes nothing."""
    started, _, server, _ = begun(abort_on_fail="true")
    assert server.calls == ["begin"]
    started.stop()
    started.stop()
    assert server.calls == ["begin", "stop", "stop"]
    assert (started.aborted, started.capacity, started.is_search_done) == ("", None, None)


def test_a_hopeless_run_is_aborted_and_says_why():
    """Once; a run that ends already is left alone."""
    started, run, _, runner = begun()
    started._abort("append_latency_ms: p(95)<500 is hopeless")
    gevent.idle()
    assert started.aborted.endswith("because append_latency_ms: p(95)<500 is hopeless")
    assert run.said == [f"The run is {started.aborted}"]
    assert runner.ended == ["quit"]
    late, run, _, runner = begun()
    late.stop()
    late._abort("it is hopeless")
    gevent.idle()
    assert (late.aborted, run.said, runner.ended) == ("", [], [])


def test_a_lost_message_makes_a_run_hopeless(fast):
    """Seen by the watch that `--abort-on-fail` asks for."""
    started, run, _, runner = begun(abort_on_fail="true", abort_grace="0s")
    ledger = Ledger(DEFAULT, "e", "local")
    ledger.count("messages_lost", "burst", "main")
    run.merge.absorb("local", ledger.snapshot(1, False, 1.0))
    with gevent.Timeout(WAIT_S):
        while not runner.ended:
            gevent.idle()
    assert "messages_lost: count<1" in started.aborted
