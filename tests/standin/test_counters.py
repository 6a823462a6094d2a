"""The stand-in's own counts."""

import pytest

from fleetlm_users.standin import counters as module
from fleetlm_users.standin.counters import Counters, HoldTimes
from fleetlm_users.standin.faults.delivery import Delivery
from fleetlm_users.standin.faults.faults import Faults, FaultState
from tests.standin.fakes import FakeListener, FakeTimer, new_session, new_store


def test_snapshot_sums_the_runs():
    """Totals by name, and each run for itself."""
    counters = Counters()
    counters.run("a").sends_received += 2
    counters.run("b").sends_received += 3
    counters.closes_by_code[1000] += 1
    shown = counters.snapshot()
    assert shown["sends_received"] == 5
    assert {run_id: run["sends_received"] for run_id, run in shown["runs"].items()} == {"a": 2, "b": 3}
    assert shown["closes_by_code"] == {"1000": 1}


def test_peak():
    """The highest number of open sockets."""
    counters = Counters()
    counters.opened("127.0.0.1")
    counters.opened("127.0.0.2")
    counters.connections_now -= 1
    counters.opened("127.0.0.1")
    assert (counters.connections_opened, counters.connections_peak) == (3, 2)
    assert counters.snapshot()["connections_by_peer"] == {"127.0.0.1": 2, "127.0.0.2": 1}


def test_runs_and_peers_are_bounded(monkeypatch):
    """Beyond the bound they share one entry."""
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    monkeypatch.setattr(module, "MAX_PEERS", 1)
    counters = Counters()
    for name in "abcd":
        counters.run(name).leaves += 1
        counters.opened(name)
    shown = counters.snapshot()
    assert (len(shown["runs"]), shown["leaves"]) == (3, 4)
    assert sum(shown["connections_by_peer"].values()) == 4
    assert len(shown["connections_by_peer"]) == 2


def test_nothing_held_is_a_count_of_nothing():
    """There are no made-up zeros."""
    assert HoldTimes().as_json() == {"count": 0}


def test_holds_are_reported_in_milliseconds():
    """Percentiles of three significant digits; the ends are the ends."""
    held = HoldTimes()
    for held_s in (0.050, 0.050, 0.051, 0.060):
        held.add(held_s)
    found = held.as_json()
    assert found["count"] == 4
    assert [found[name] for name in ("min", "p50", "p90", "max")] == pytest.approx([50, 50, 60, 60], rel=0.002)


def test_a_hold_beyond_a_minute_counts_as_a_minute():
    """It is counted all the same."""
    held = HoldTimes()
    held.add(3600)
    assert held.as_json()["max"] == pytest.approx(60_000, rel=0.002)


def test_a_late_timer_shows():
    """Asked for 50 ms, held for 70: the hold is 70."""
    exact, held, session = FakeTimer(), HoldTimes(), new_session(new_store())
    session.listeners = [FakeListener()]
    now_s = [0.0]
    delivery = Delivery(FaultState(Faults(broadcast_delay_ms=50)), exact, FakeTimer(), held, lambda: now_s[0])
    delivery.deliver(session, b"1")
    now_s[0] = 0.070
    exact.advance(0.051)
    assert held.as_json()["min"] == pytest.approx(70, rel=0.002)
