"""The stand-in's own counts."""

from fleetlm_users.standin import counters as module
from fleetlm_users.standin.counters import Counters


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
