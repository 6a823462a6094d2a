"""The newest snapshot per worker counts, in whatever order and however often they come."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import SnapshotStore

REPORT_SHARE = 0.05


def worker_snapshots(worker, seed, count=4):
    """The snapshots of one worker in the order in which it took them, the last one final."""
    rng = random.Random(seed)
    ledger = Ledger(DEFAULT, "run", worker)
    snapshots = []
    for seq in range(1, count + 1):
        ledger.gauge("active_connections", "burst", seq)
        for _ in range(rng.randrange(30)):
            ledger.count("messages_sent", "burst", MAIN)
            ledger.count("messages_appended", "burst", MAIN)
            ledger.trend("append_latency_ms", "burst", MAIN).add(rng.randrange(1, 1_000_000))
        snapshots.append(ledger.snapshot(seq, final=seq == count, elapsed_s=float(seq)))
    return snapshots


def answers(merge):
    totals = merge.totals()
    trend = totals.trend("append_latency_ms")
    return totals.accounting(), trend and trend.encode(), totals.elapsed_s, merge.series(), merge.workers


REPORTS = [(worker, snapshot) for worker in ("a", "b", "c") for snapshot in worker_snapshots(worker, seed=worker)]


@given(st.permutations(REPORTS), st.lists(st.sampled_from(REPORTS), max_size=6))
def test_order_and_repetition_of_reports_do_not_matter(reports, repeated):
    """Lost reports heal, repeated ones do no harm, late ones change nothing: timeline included."""
    in_order, shuffled = SnapshotStore("run"), SnapshotStore("run")
    for worker, snapshot in REPORTS:
        in_order.absorb(worker, snapshot)
    for worker, snapshot in [*repeated, *reports]:
        shuffled.absorb(worker, snapshot)
    assert answers(shuffled) == answers(in_order)


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(["append_latency_ms", "ws_join_ms"]),
        st.sampled_from(["burst", "churn"]),
        st.integers(0, 60_000_000),
    ),
    max_size=400,
)


@given(SAMPLES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_percentiles_are_those_of_one_ledger_however_samples_are_spread(samples, workers, rng):
    """Any partition over workers, each reporting now and then: every figure is what one process would have shown."""
    whole = Ledger(DEFAULT, "run", "alone")
    ledgers = [Ledger(DEFAULT, "run", str(n)) for n in range(workers)]
    merge, alone = SnapshotStore("run"), SnapshotStore("run")
    for seq, (metric, scenario, value_us) in enumerate(samples, 1):
        ledger = rng.choice(ledgers)
        for taker in (ledger, whole):
            taker.trend(metric, scenario, MAIN).add(value_us)
        if rng.random() < REPORT_SHARE:
            merge.absorb(ledger.worker, ledger.snapshot(seq, final=False, elapsed_s=0.0))
    for ledger in (*ledgers, whole):
        taker = alone if ledger is whole else merge
        taker.absorb(ledger.worker, ledger.snapshot(len(samples) + 1, final=True, elapsed_s=1.0))
    for metric, scenario in {(metric, name) for metric, own, _ in samples for name in (own, None)}:
        spread, single = (taker.totals().trend(metric, scenario) for taker in (merge, alone))
        assert spread.summary() == single.summary()
        assert spread.distribution() == single.distribution()


def test_a_lost_report_heals_with_the_next():
    """Only the last snapshot of each worker is needed."""
    whole, lossy = SnapshotStore("run"), SnapshotStore("run")
    for worker, snapshot in REPORTS:
        whole.absorb(worker, snapshot)
        if snapshot.final:
            lossy.absorb(worker, snapshot)
    assert answers(lossy) == answers(whole)


def test_what_is_not_taken_is_counted():
    """Another run's, an older, a repeated snapshot."""
    merge = SnapshotStore("run")
    old, new = worker_snapshots("a", seed=1, count=2)
    assert merge.absorb("a", new)
    assert not merge.absorb("a", new)
    assert not merge.absorb("a", old)
    assert not merge.absorb("a", structs.replace(new, epoch="yesterday", seq=9))
    assert (merge.dropped_stale, merge.dropped_epoch) == (2, 1)
    assert repr(merge) == "SnapshotStore(epoch='run', workers=['a'])"


def test_totals_do_not_change_when_more_is_absorbed():
    """A report is written from one moment."""
    merge = SnapshotStore("run")
    first, last = worker_snapshots("a", seed=5, count=2)
    merge.absorb("a", first)
    totals = merge.totals()
    sent = totals.count("messages_sent")
    merge.absorb("a", last)
    assert totals.count("messages_sent") == sent
    assert merge.totals().count("messages_sent") > sent


def test_a_worker_is_described_with_its_own_health():
    """One bad worker must be found among many."""
    ledger = Ledger(DEFAULT, "run", "a")
    for _ in range(100):
        ledger.trend("generator_lateness_ms", "burst", MAIN).add(250_000)
    ledger.level("worker_cpu_percent", 95.0)
    ledger.level("worker_cpu_percent", 45.0)
    ledger.level("worker_rss_bytes", 1e8)
    merge = SnapshotStore("run")
    merge.absorb("a", ledger.snapshot(3, final=True, elapsed_s=9.0))
    (worker,) = merge.workers
    assert (worker.worker, worker.seq, worker.final, worker.elapsed_s) == ("a", 3, True, 9.0)
    assert (worker.cpu_percent, worker.cpu_peak_percent, worker.cpu_samples, worker.cpu_starved) == (45.0, 95.0, 2, 1)
    assert worker.rss_bytes == 100_000_000
    assert worker.lateness_p99_us == pytest.approx(250_000, rel=0.001)
    assert worker.loop_lag_p99_us is None


def test_a_silent_worker_has_no_figures():
    """None is not zero."""
    merge = SnapshotStore("run")
    merge.absorb("a", Ledger(DEFAULT, "run", "a").snapshot(1, final=False, elapsed_s=0.0))
    (worker,) = merge.workers
    assert (worker.cpu_percent, worker.rss_bytes, worker.final) == (None, None, False)


def test_the_state_of_a_worker_is_made_once_for_each_snapshot():
    """It decodes histograms, and pages ask for it every two seconds."""
    merge = SnapshotStore("run")
    first, last = worker_snapshots("a", seed=5, count=2)
    merge.absorb("a", first)
    (before,) = merge.workers
    assert merge.workers[0] is before
    merge.absorb("a", last)
    assert merge.workers[0].seq == 2


def test_what_waited_on_a_lost_worker_waits_no_longer():
    """Its highest stays, and so does everything else that it measured."""
    store = SnapshotStore("run")
    for name in ("a", "b"):
        ledger = Ledger(DEFAULT, "run", name)
        ledger.count("messages_sent", "burst", MAIN, 5)
        ledger.gauge("active_connections", "burst", 2)
        store.absorb(name, ledger.snapshot(1, final=False, elapsed_s=1.0))
    store.lose("a")
    store.lose("unheard of")
    totals = store.totals()
    assert totals.gauge("append_backlog") == totals.gauge("append_backlog", "burst") == (5, 10)
    assert totals.gauge("active_connections").now == 4
    assert totals.count("messages_sent") == 10
