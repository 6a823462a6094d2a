"""The generator's own health: sampled during a run, and once more at its end."""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime import health
from fleetlm_users.swarm.runtime.health import HealthSampler, yield_to_loop
from fleetlm_users.swarm.stats.events import RunEvents
from tests.swarm.samples import numbering, options


class Beats:
    """Counts the calls of `on_beat`; a test waits for some."""

    def __init__(self):
        self.count = 0
        self._news = Event()

    def __call__(self):
        """Count one more."""
        self.count += 1
        self._news.set()

    def wait_for(self, count):
        """Return once there were that many; fail after five seconds."""
        with gevent.Timeout(5):
            while self.count < count:
                self._news.clear()
                self._news.wait()


@pytest.fixture
def run():
    """Return a run whose ledger takes the samples."""
    return Run(options(), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())


def lags(run):
    """Return the number of samples of the event loop's lag, over all phases."""
    return sum(run.ledger.trend("event_loop_lag_ms", "", phase).count for phase in ("warm_up", "main"))


def test_the_lag_of_the_event_loop_is_measured_and_never_negative(run, monkeypatch):
    """Each measurement is followed by the beat that feeds Locust's tables."""
    monkeypatch.setattr(health, "LAG_INTERVAL_S", 0.005)
    beats = Beats()
    sampler = HealthSampler(run, beats)
    beats.wait_for(3)
    sampler.stop()
    assert lags(run) >= 3
    assert all(run.ledger.trend("event_loop_lag_ms", "", phase).negative == 0 for phase in ("warm_up", "main"))


def test_cpu_and_memory_are_sampled_at_each_tick(run, monkeypatch):
    """A process has some of both."""
    monkeypatch.setattr(health, "TICK_S", 0.01)
    ticks = []
    monkeypatch.setattr(run.ledger, "tick", lambda elapsed_s, *_: (ticks.append(elapsed_s), ticked.set()))
    levels = []
    monkeypatch.setattr(run.ledger, "level", lambda name, value, phase: levels.append((name, value)))
    ticked = Event()
    sampler = HealthSampler(run, lambda: None)
    assert ticked.wait(60)
    sampler.stop()
    assert ticks == sorted(ticks)
    assert {name for name, _ in levels} == {"worker_cpu_percent", "worker_rss_bytes"}
    assert all(value > 0 for name, value in levels if name == "worker_rss_bytes")


def test_the_end_takes_a_last_tick_and_a_last_beat(run):
    """The numbers include everything since the previous samples; then sampling stops."""
    beats, ticks = Beats(), []
    sampler = HealthSampler(run, beats)
    run.ledger.tick, tick = (lambda elapsed_s, *_: ticks.append(elapsed_s)), run.ledger.tick
    sampler.stop()
    run.ledger.tick = tick
    assert (beats.count, len(ticks)) == (1, 1)
    assert all(greenlet.dead for greenlet in sampler._greenlets)


def test_yielding_lets_other_greenlets_run():
    """Work that takes long does not hold up the users of the process."""
    turns = []
    gevent.spawn(turns.append, 1)
    yield_to_loop()
    assert turns == [1]
