"""Ledgers, merges and whole runs for tests to query."""

from collections.abc import Callable

import pytest

from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.totals import Totals


@pytest.fixture
def ledger():
    """An empty ledger of the run `run`."""
    return Ledger(DEFAULT, "run", "worker-1")


@pytest.fixture
def totals_of():
    """Merged totals of what one function after the other, one per worker, wrote into a ledger."""

    def build(*writes: Callable[[Ledger], None], elapsed_s: float = 10.0) -> Totals:
        return _merge(writes, elapsed_s).totals()

    return build


@pytest.fixture
def merge_of():
    """The merge of what one function after the other, one per worker, wrote into a ledger."""

    def build(*writes: Callable[[Ledger], None], elapsed_s: float = 10.0) -> SnapshotStore:
        return _merge(writes, elapsed_s)

    return build


@pytest.fixture
def healthy():
    """A function that writes a small run without a flaw into a ledger: 200 messages of burst, 4 s, warm-up before."""
    return _healthy


@pytest.fixture
def summary_of():
    """The summary of what functions wrote, one per worker, judged by `thresholds`, and the merge that it is of."""

    def build(*writes: Callable[[Ledger], None], thresholds: str = "append_latency_ms: p(95)<500", **facts):
        merge = _merge(writes, 14.0)
        totals = merge.totals()
        given = {"interrupted": False, "workers_expected": len(writes), "workers_final": len(writes)}
        run_facts = RunFacts(**(given | {"workers": merge.workers} | facts))
        verdict = decide(judge(parse_thresholds(thresholds.split(";")), totals, 4.0), totals, run_facts)
        options = {"benchmark": "mixed", "run_id": "r1", "api_url": "http://localhost:4000/api"}
        plan = {"preset": "light", "warm_up_s": 10.0, "duration_s": 14.0}
        told = summary(verdict, totals, plan, options, {"cores": 2}, {"python": "3.11"}, merge.workers)
        return told, merge

    return build


def _merge(writes, elapsed_s):
    merge = SnapshotStore("run")
    for number, write in enumerate(writes):
        ledger = Ledger(DEFAULT, "run", f"worker-{number}")
        write(ledger)
        encoded = encode_snapshot(ledger.snapshot(1, final=True, elapsed_s=elapsed_s))
        assert merge.absorb_encoded(f"worker-{number}", encoded)
    return merge


def _healthy(ledger):
    ledger.gauge("active_connections", "burst", 2)
    for second in range(14):
        phase = WARM_UP if second < 10 else MAIN
        ledger.count("connections_attempted", "burst", phase)
        ledger.trend("ws_join_ms", "burst", phase).add(900)
        for message in range(50):
            ledger.count("messages_sent", "burst", phase)
            ledger.count("messages_appended", "burst", phase)
            ledger.count("messages_received", "burst", phase, 2)
            ledger.count("agent_replies_due", "burst", phase)
            ledger.count("agent_replies", "burst", phase)
            ledger.count("agent_replies_matched", "burst", phase)
            ledger.trend("append_latency_ms", "burst", phase).add(1000 + 10 * message)
            ledger.trend("agent_latency_ms", "burst", phase).add(9000 + 10 * message)
            ledger.trend("generator_lateness_ms", "burst", phase).add(50 + message)
        ledger.trend("event_loop_lag_ms", "", phase).add(300)
        ledger.level("worker_cpu_percent", 35.0, phase)
        ledger.level("worker_rss_bytes", 80_000_000.0, phase)
        ledger.tick(second + 1.0)
