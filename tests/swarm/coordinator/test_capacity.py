"""The search is driven by Locust's own spawning: up, held, down after a miss, and it ends the run when it is done."""

from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.capacity import CapacityDriver
from fleetlm_users.workload.capacity_search import SearchPlan
from fleetlm_users.workload.options.capacity import SearchSettings

DEADLINE_S = 30.0


class Runner:
    """A Locust runner whose users are there at once, on a server that joins at most `limit` of them."""

    def __init__(self, first, limit):
        self.limit, self.state, self.started, self.has_ended = limit, "running", [], Event()
        self.target_user_count = self.user_count = first
        self.merge, self.ledger, self.seq = SnapshotStore("run"), Ledger(DEFAULT, "run", "local"), 0
        self.joined = 0

    def start(self, users, rate):
        self.started.append((users, rate))
        self.target_user_count = self.user_count = users

    def quit(self):
        self.has_ended.set()

    def border(self):
        """The numbers of this moment: ten messages since the last one."""
        joined = min(self.user_count, self.limit)
        self.ledger.gauge("active_connections", "capacity", joined - self.joined)
        self.joined = joined
        for _ in range(10):
            self.ledger.trend("append_latency_ms", "capacity", MAIN).add(1_000)
        self.seq += 1
        self.merge.absorb("local", self.ledger.snapshot(self.seq, final=False, elapsed_s=float(self.seq)))
        return Border(self.merge.totals(), self.merge.workers)


@pytest.fixture
def scene():
    """Makes a driver on a server with a limit; ends it after the test."""
    made = []

    def make(limit, most=1_000, border=None):
        runner, lines = Runner(10, limit), []
        environment = SimpleNamespace(runner=runner, parsed_options=SimpleNamespace(headless=True), web_ui=None)
        settings = SearchSettings(
            SearchPlan(first=10, factor=2.0, most=most, precision=0.1),
            hold_s=0.001,
            settle_s=0.0,
            join_rate=50.0,
            unit="sessions",
            per_user=1,
        )
        thresholds = parse_thresholds(["append_latency_ms: max<50"])
        made.append(
            CapacityDriver(
                environment, settings, thresholds, Limits(), border=border or runner.border, say=lines.append
            )
        )
        return made[-1], runner, lines

    with gevent.Timeout(DEADLINE_S):
        yield make
    for driver in made:
        driver.stop()


def test_it_finds_the_limit_and_ends_the_run(scene):
    """Within the precision, each step told as it comes, the result last."""
    driver, runner, lines = scene(limit=60)
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    found = driver.result()
    assert driver.is_done
    assert found.finished
    assert found.kept <= 60 < found.missed
    assert found.missed - found.kept <= 6
    assert len([line for line in lines if line.startswith("step ")]) == len(found.steps)
    assert lines[0].startswith("searching for the most sessions")
    assert lines[-1] == f"capacity: {found.words()}"


def test_after_a_miss_the_server_gets_a_rest_at_what_it_kept(scene):
    """Down all at once, then up again at the rate of joins."""
    driver, runner, _ = scene(limit=60)
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    assert runner.started[:5] == [(20, 50.0), (40, 50.0), (80, 50.0), (40, 80.0), (80, 50.0)]


def test_a_server_without_a_limit_is_tried_up_to_the_most(scene):
    """And no further."""
    driver, runner, _ = scene(limit=10_000, most=100)
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    assert driver.result().kept == 100
    assert max(users for users, _ in runner.started) == 100


def test_a_server_that_keeps_nothing_gets_down_to_one(scene):
    """With no user at all between the steps."""
    driver, runner, _ = scene(limit=0)
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    assert (driver.result().kept, driver.result().missed) == (0, 1)
    assert (0, 10.0) in runner.started


def test_a_run_that_ends_before_has_what_was_found_so_far(scene):
    """Not finished, and no more users are started."""
    reached = Event()

    def border():
        if runner.user_count == 40:
            reached.set()
            gevent.sleep(0)
            gevent.get_hub().wait(gevent.get_hub().loop.timer(DEADLINE_S))
        return runner.border()

    driver, runner, _ = scene(limit=60, border=border)
    driver.start(warm_up_s=0.0)
    reached.wait()
    driver.stop()
    assert not driver.is_done
    assert not driver.result().finished
    assert driver.result().kept == 20
    assert max(users for users, _ in runner.started) == 40


def test_a_search_that_breaks_ends_the_run_and_is_not_finished(scene, caplog):
    """A run without an end of its own must not go on for ever."""

    def border():
        raise RuntimeError("no numbers")

    driver, runner, _ = scene(limit=60, border=border)
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    assert not driver.result().finished
    assert "The search cannot go on" in caplog.text
