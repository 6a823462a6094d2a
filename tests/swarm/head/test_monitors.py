"""The watch of `--abort-on-fail`: looks from the end of the warm-up on, tells once, and ends with the run."""

from types import SimpleNamespace

import gevent
import pytest
from gevent.event import AsyncResult

from fleetlm_users.swarm.head import monitors as watchman
from fleetlm_users.swarm.head.monitors import AbortWatch

DEADLINE_S = 10.0


class Patience:
    """Gives up at the third look."""

    def __init__(self):
        self.looks = []

    def look(self, totals, main_s):
        self.looks.append((totals, main_s))
        return "it is hopeless" if len(self.looks) == 3 else ""


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(watchman, "CHECK_INTERVAL_S", 0.001)
    with gevent.Timeout(DEADLINE_S):
        yield


def test_it_tells_once_when_patience_is_over(fast):
    """And looks no more."""
    patience, told, times = Patience(), AsyncResult(), iter([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    AbortWatch(patience, totals=lambda: "numbers", main_s=lambda: next(times), on_hopeless=told.set)
    assert told.get() == "it is hopeless"
    assert patience.looks == [("numbers", 1.0), ("numbers", 2.0), ("numbers", 3.0)]


def test_it_ends_with_the_run(fast):
    """Also when the watch itself ends it."""
    patience, ended = Patience(), AsyncResult()
    posted = AbortWatch(
        patience, totals=lambda: None, main_s=lambda: 1.0, on_hopeless=lambda _: ended.set(posted.stop())
    )
    assert ended.get() is None
    idle = AbortWatch(Patience(), totals=lambda: None, main_s=lambda: -1.0, on_hopeless=ended.set)
    idle.stop()
    idle.stop()


def test_looks_that_take_long_are_rare(monkeypatch):
    """On a master with many workers a look merges the histograms of all of them."""
    slept, told = [], AsyncResult()
    clock = iter([10.0, 12.0, 30.0, 30.01, 40.0, 40.5])
    monkeypatch.setattr(watchman, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(watchman, "gevent", SimpleNamespace(spawn=gevent.spawn, sleep=slept.append))
    AbortWatch(Patience(), totals=lambda: None, main_s=lambda: 1.0, on_hopeless=told.set)
    assert told.get(timeout=DEADLINE_S) == "it is hopeless"
    assert slept == [1.0, 18.0, 1.0]
