"""A ledger's snapshot is of one moment, cumulative, and cheap to send again."""

import greenlet
import msgspec
import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.cells import FOLDED_AT_ONCE
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.snapshot import Count, GaugeReading, Snapshot, encode_snapshot


def trend_in(snapshot, metric):
    return [Trend.decode(trend.encoded) for trend in snapshot.trends if trend.metric == metric]


def counts_in(snapshot):
    return {count.key: count.n for count in snapshot.counts}


def test_a_snapshot_is_cumulative_and_survives_msgpack(ledger):
    """Locust's wire turns tuples into lists and refuses sets; nothing of ours minds."""
    ledger.trend("append_latency_ms", "burst", MAIN).add(1500)
    ledger.count("disconnects", "burst", MAIN, label="closed_1012")
    ledger.count("messages_sent", "burst", WARM_UP, 3)
    first = ledger.snapshot(1, final=False, elapsed_s=1.0)
    ledger.count("messages_sent", "burst", WARM_UP)
    ledger.gauge("active_connections", "burst", 2)
    ledger.level("worker_rss_bytes", 5.0)
    second = ledger.snapshot(2, final=True, elapsed_s=2.0)
    assert msgspec.msgpack.decode(encode_snapshot(second), type=Snapshot) == second
    assert counts_in(first)["messages_sent", "burst", WARM_UP, ""] == 3
    assert counts_in(second)["messages_sent", "burst", WARM_UP, ""] == 4
    assert counts_in(second)["disconnects", "burst", MAIN, "closed_1012"] == 1
    assert sorted(second.gauges, key=lambda reading: reading.key) == [
        GaugeReading("active_connections", "", 2, 2),
        GaugeReading("active_connections", "burst", 2, 2),
        GaugeReading("append_backlog", "", 4, 4),
        GaugeReading("append_backlog", "burst", 4, 4),
    ]
    assert (second.epoch, second.worker, second.seq, second.final) == ("run", "worker-1", 2, True)


def test_what_happens_while_a_snapshot_is_encoded_belongs_to_the_next(ledger):
    """Counters and trends are of the same moment although encoding gives way to other greenlets."""
    trend = ledger.trend("append_latency_ms", "burst", MAIN)
    other = ledger.trend("agent_latency_ms", "burst", MAIN)

    breaths = 0

    def meanwhile():
        nonlocal breaths
        breaths += 1
        ledger.count("messages_appended", "burst", MAIN)
        trend.add(1)
        other.add(1)
        ledger.tick(1.5, meanwhile_nothing)

    def meanwhile_nothing():
        pass

    ledger.count("messages_appended", "burst", MAIN)
    trend.add(1)
    other.add(1)
    first = ledger.snapshot(1, final=False, elapsed_s=1.0, yield_to_loop=meanwhile)
    assert counts_in(first)["messages_appended", "burst", MAIN, ""] == 1
    assert [
        trend.count for metric in ("append_latency_ms", "agent_latency_ms") for trend in trend_in(first, metric)
    ] == [1, 1]
    second = ledger.snapshot(2, final=True, elapsed_s=2.0)
    assert breaths > 1
    assert counts_in(second)["messages_appended", "burst", MAIN, ""] == 1 + breaths
    assert [trend.count for trend in trend_in(second, "append_latency_ms")] == [1 + breaths]


def test_a_snapshot_that_begins_while_a_tick_folds_is_of_one_moment(ledger):
    """The tick stops folding if a snapshot began in its pause; the rest is folded later."""
    trends = [ledger.trend(metric, "burst", MAIN) for metric in ("append_latency_ms", "agent_latency_ms", "ws_join_ms")]
    main = greenlet.getcurrent()
    ticking = greenlet.greenlet(lambda: ledger.tick(2.0, main.switch))
    snapping = greenlet.greenlet(lambda: ledger.snapshot(1, final=False, elapsed_s=1.0, yield_to_loop=main.switch))
    for trend in trends:
        trend.add(1)
    snapping.switch()
    for trend in trends:
        trend.add(2)
    ticking.switch()
    while not ticking.dead:
        ticking.switch()
    snapshot = None
    while not snapping.dead:
        snapshot = snapping.switch()
    assert [Trend.decode(trend.encoded).count for trend in snapshot.trends] == [1, 1, 1]
    assert [Trend.decode(trend.encoded).count for trend in ledger.snapshot(2, True, 3.0).trends] == [2, 2, 2]


def test_a_tick_stops_folding_for_a_snapshot(ledger):
    """The other way round: the tick has begun first."""
    trends = [ledger.trend(metric, "burst", MAIN) for metric in ("append_latency_ms", "agent_latency_ms", "ws_join_ms")]
    main = greenlet.getcurrent()
    ticking = greenlet.greenlet(lambda: ledger.tick(1.0, main.switch))
    snapping = greenlet.greenlet(lambda: ledger.snapshot(1, final=False, elapsed_s=1.5, yield_to_loop=main.switch))
    for trend in trends:
        trend.add(1)
    ticking.switch()
    snapping.switch()
    for trend in trends:
        trend.add(2)
    ticking.switch()
    assert ticking.dead
    snapshot = None
    while not snapping.dead:
        snapshot = snapping.switch()
    assert [Trend.decode(trend.encoded).count for trend in snapshot.trends] == [1, 1, 1]


def test_an_unchanged_trend_is_not_encoded_again(ledger):
    """A snapshot of an idle worker costs next to nothing."""
    ledger.trend("append_latency_ms", "burst", MAIN).add(1)
    first = ledger.snapshot(1, final=False, elapsed_s=1.0)
    second = ledger.snapshot(2, final=False, elapsed_s=2.0)
    assert second.trends[0].encoded is first.trends[0].encoded


def test_breathe_is_called_after_each_chunk_and_each_trend(ledger):
    """The loop gets its turn while many values are folded, and between any two trends."""
    breaths = []
    for metric in ("append_latency_ms", "agent_latency_ms", "ws_join_ms"):
        ledger.trend(metric, "burst", MAIN).add(1)
    for value_us in range(FOLDED_AT_ONCE + 1):
        ledger.trend("append_service_ms", "burst", MAIN).add(value_us)
    ledger.tick(1.0, lambda: breaths.append("tick"))
    ledger.snapshot(1, final=False, elapsed_s=1.0, yield_to_loop=lambda: breaths.append("snapshot"))
    assert breaths == ["tick"] * 5 + ["snapshot"] * 4


def test_a_trend_and_its_add_stay_the_same(ledger):
    """Hot paths keep `add`, also across snapshots, also by alias."""
    trend = ledger.trend("ws_join_ms", "burst", MAIN)
    add = trend.add
    ledger.snapshot(1, final=False, elapsed_s=1.0)
    add(5)
    assert ledger.trend("join_latency_ms", "burst", MAIN) is trend
    assert trend.count == 1


def test_a_cell_counts_for_its_counter(ledger):
    """A hot path may keep the cell."""
    ledger.counter("messages_sent", "burst", MAIN).n += 2
    ledger.count("messages_sent", "burst", MAIN)
    assert ledger.counter("messages_sent", "burst", MAIN).n == 3


def test_cpu_readings_are_counted_for_the_verdict(ledger):
    """How often a worker was starved is a pair of counters, so it merges like any other."""
    for percent in (50.0, 91.0, 99.0):
        ledger.level("worker_cpu_percent", percent)
    counts = counts_in(ledger.snapshot(1, final=True, elapsed_s=1.0))
    assert counts["worker_cpu_samples", "", MAIN, ""] == 3
    assert counts["worker_cpu_starved", "", MAIN, ""] == 2


def test_a_gauge_in_no_scenario_counts_once(ledger):
    """The process-wide cell is not moved twice."""
    ledger.gauge("active_connections", "", 1)
    ledger.gauge("active_ws_connections", "burst", 1)
    ledger.gauge("active_connections", "burst", -1)
    gauges = ledger.snapshot(1, final=True, elapsed_s=1.0).gauges
    assert gauges == [GaugeReading("active_connections", "", 1, 2), GaugeReading("active_connections", "burst", 0, 1)]


@pytest.mark.parametrize(
    "misuse",
    [
        lambda ledger: ledger.count("append_latency_ms", "burst", MAIN),
        lambda ledger: ledger.count("message_failures", "burst", MAIN),
        lambda ledger: ledger.count("messages_sent", "burst", "cool_down"),
        lambda ledger: ledger.trend("messages_sent", "burst", MAIN),
        lambda ledger: ledger.gauge("messages_sent", "burst", 1),
        lambda ledger: ledger.level("no_such_thing", 1.0),
    ],
)
def test_misuse_is_reported_at_first_use(ledger, misuse):
    """A name that is not in the catalogue, of another kind, or derived, cannot be recorded."""
    with pytest.raises(UsageError):
        misuse(ledger)


def test_a_ledger_says_what_it_holds(ledger):
    """A log or a debugger shows it."""
    ledger.count("messages_sent", "burst", MAIN)
    assert repr(ledger) == "Ledger(epoch='run', worker='worker-1', 0 trends, 1 counts)"


def test_a_renewed_ledger_counts_anew_and_keeps_what_stands(ledger):
    """After a reset: no counts and durations, the sockets that are open, rows from that second on, its own mark."""
    ledger.count("messages_sent", "burst", MAIN, 5)
    ledger.trend("append_latency_ms", "burst", MAIN).add(900)
    ledger.gauge("active_connections", "burst", 3)
    ledger.gauge("active_connections", "burst", -1)
    ledger.tick(62.5)
    new = ledger.renewed(1, since_s=1000.0, elapsed_s=62.5)
    new.count("messages_sent", "burst", MAIN, 2)
    new.tick(63.5)
    snapshot = new.snapshot(7, final=False, elapsed_s=63.6)
    assert (new.since_s, snapshot.epoch, snapshot.resets) == (1000.0, "run", 1)
    assert snapshot.counts == [Count("messages_sent", "burst", MAIN, "", 2)]
    assert snapshot.trends == []
    assert GaugeReading("active_connections", "burst", 2, 2) in snapshot.gauges
    assert [(row.second, row.whole().count("sent"), row.connections) for row in snapshot.rows] == [
        (62, 2, 2),
        (63, 0, 2),
    ]


def test_what_waits_is_read_from_the_counters_at_each_tick(ledger):
    """They are read by scenario and in all; the highest is remembered until the statistics are reset."""
    ledger.count("messages_sent", "burst", MAIN, 5)
    ledger.count("messages_sent", "churn", MAIN, 2)
    ledger.tick(1.0)
    ledger.count("messages_appended", "burst", MAIN, 4)
    ledger.count("agent_replies_due", "burst", MAIN, 4)
    ledger.count("agent_replies_matched", "burst", MAIN)
    gauges = {reading.key: (reading.now, reading.peak) for reading in ledger.snapshot(1, False, 2.0).gauges}
    assert gauges == {
        ("append_backlog", "burst"): (1, 5),
        ("append_backlog", "churn"): (2, 2),
        ("append_backlog", ""): (3, 7),
        ("agent_backlog", "burst"): (3, 3),
        ("agent_backlog", ""): (3, 3),
    }
    assert ledger.renewed(1, 0.0, 2.0).snapshot(1, False, 3.0).gauges == []
