"""The live line fits 110 columns whatever the numbers, and says what happens now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.measure.report.progress import MAX_COLUMNS, RECENT_ROWS, progress_line
from fleetlm_users.measure.snapshot_store import SnapshotStore


def line_of(merge, *args, **kwargs):
    return progress_line(merge.totals(), merge.series(RECENT_ROWS), *args, **kwargs)


def test_it_says_what_happens_now(merge_of, healthy):
    """It shows time, sockets, sends per second, open messages, failures, and latency."""
    line = line_of(merge_of(healthy), 14.0, 120.0, users=3)
    assert line == (
        "14s/2m00s · 2/3 joined · 50/s sent · 700 ok · 0 open · 0 failed · p95 ms append 1.4 agent 9.5 late 0.1"
    )


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (99, "14s/2m00s · 2/3 joined · 50/s sent · 0 open · 0 failed · p95 ms append 1.4 agent 9.5 late 0.1"),
        (79, "14s/2m00s · 2/3 joined · 50/s sent · 0 failed · p95 ms append 1.4 agent 9.5"),
        (39, "14s/2m00s · 0 failed · append 1.4"),
        (20, "14s/2m00s · 0 failed"),
        (5, "14s/2m00s"),
    ],
)
def test_a_narrow_line_keeps_what_matters_most(merge_of, healthy, columns, shown):
    """Whole figures are left out; none is cut, or 120 ms could be taken for 12."""
    assert line_of(merge_of(healthy), 14.0, 120.0, 3, lambda line: len(line) <= columns) == shown


def test_a_run_without_an_end_shows_no_end(merge_of):
    """A run without numbers shows none."""
    line = line_of(merge_of(), 5.0, None, users=0)
    assert line == "5s · 0/0 joined · 0/s sent · 0 ok · 0 open · 0 failed · p95 ms append – agent – late –"


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 3_600_000_000), st.floats(0, 10**6))
def test_it_never_runs_over(sent, users, value_us, elapsed_s):
    """A line that wraps would scroll the terminal."""
    ledger = Ledger(DEFAULT, "run", "w")
    ledger.count("messages_sent", "burst", MAIN, sent)
    ledger.gauge("active_connections", "burst", users)
    for metric in ("append_latency_ms", "agent_latency_ms", "generator_lateness_ms"):
        ledger.trend(metric, "burst", MAIN).add(value_us)
    merge = SnapshotStore("run")
    merge.absorb("w", ledger.snapshot(1, final=True, elapsed_s=1.0))
    assert len(line_of(merge, elapsed_s, elapsed_s, users)) <= MAX_COLUMNS


def test_users_of_a_phoenix_application_push():
    """It shows pushes per second, their replies, open ones, all failures, and the latencies of both."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w")
    counts = {"pushes_sent": 30, "pushes_without_reply": 10, "pushes_replied": 20, "pushes_refused": 2}
    for name, n in {**counts, "events_missed": 3, "channels_lost": 1, "connection_failures": 1}.items():
        ledger.count(name, "chat", MAIN, n)
    ledger.trend("push_latency_ms", "chat", MAIN).add(2000)
    ledger.gauge("active_connections", "chat", 2)
    merge = SnapshotStore("run", catalogue)
    merge.absorb("w", ledger.snapshot(1, final=True, elapsed_s=1.0))
    line = line_of(merge, 1.0, 60.0, users=3)
    assert line == (
        "1s/1m00s · 2/3 connected · 40/s pushed · 20 ok · 8 open · 7 failed · p95 ms push 2.0 event – late –"
    )
