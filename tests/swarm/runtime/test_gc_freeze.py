"""Objects created during a ramp are hidden from the garbage collector until the run ends."""

import gc
from types import SimpleNamespace

import gevent
import pytest

from fleetlm_users.swarm.runtime.gc_freeze import FULL, FULL_AFTER, TURNS, YOUNG, GcFreeze


@pytest.fixture
def collector(monkeypatch):
    monkeypatch.setattr("fleetlm_users.swarm.runtime.gc_freeze.INTERVAL_S", 0.0)
    collector = GcFreeze()
    yield collector
    collector.end()


def test_full_collections_are_rare_during_a_run_and_as_usual_after_it(collector):
    """A process that runs several tests gets Python's own settings back."""
    usual = gc.get_threshold()
    collector.begin(lambda: 0)
    assert gc.get_threshold() == (*usual[:2], FULL_AFTER)
    assert gc.get_freeze_count() > 0
    collector.begin(lambda: 0)
    collector.end()
    collector.end()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0


def test_only_what_earlier_runs_left_is_worth_a_full_collection(collector, monkeypatch):
    """Before the first one, there are only imported objects."""
    generations = []
    monkeypatch.setattr(gc, "collect", generations.append)
    for _ in range(3):
        collector.begin(lambda: 0)
    assert generations == [YOUNG, FULL, FULL]


def test_what_more_users_have_made_is_frozen_once(collector):
    """Users that leave and return are not a ramp: repeated freezing would hide real garbage."""
    process = SimpleNamespace(users=0)
    collector.begin(lambda: process.users)
    gevent.sleep(0)
    before = gc.get_freeze_count()
    made = [[] for _ in range(1000)]
    gevent.sleep(0)
    assert gc.get_freeze_count() <= before
    process.users = 5
    wait_for(lambda: gc.get_freeze_count() >= before + len(made))
    for _ in range(2 * TURNS):
        gevent.sleep(0)
    frozen = gc.get_freeze_count()
    made += [[] for _ in range(1000)]
    for process.users in (3, 5):
        gevent.sleep(0)
        gevent.sleep(0)
    assert gc.get_freeze_count() <= frozen


def wait_for(condition):
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0)
