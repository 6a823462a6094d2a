"""A run in which everything happened, as Prometheus would scrape it."""

import functools

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.prometheus import families
from fleetlm_users.measure.report.run_status import RunStatus
from fleetlm_users.measure.snapshot_store import SnapshotStore


class Collected:
    """A collector of one moment of a run."""

    def __init__(self, status):
        self._standing = status

    def collect(self):
        """The families."""
        return families(self._standing, "1.2", lambda: None)


def text_of(status, generate=generate_latest):
    """Return the text that a scraper gets."""
    registry = CollectorRegistry()
    registry.register(Collected(status))
    return generate(registry).decode()


@functools.cache
def exposed_names():
    """The name of every sample there can be."""
    parsed = text_string_to_metric_families(text_of(_eventful()))
    return {sample.name for family in parsed for sample in family.samples}


def _eventful():
    ledger = Ledger(DEFAULT, "run", "w1")
    for metric in DEFAULT.values():
        if metric.kind == "trend":
            for _ in range(100):
                ledger.trend(metric.name, "burst", MAIN).add(1_000)
                ledger.trend(metric.name, "", MAIN).add(1_000)
        elif metric.kind == "counter" and not metric.parts:
            ledger.count(metric.name, "burst", MAIN, label="kind")
        elif metric.per_worker:
            ledger.level(metric.name, 1.0)
    merge = SnapshotStore("run")
    merge.absorb("w1", ledger.snapshot(1, final=True, elapsed_s=10.0))
    totals = merge.totals()
    judgements = tuple(judge(parse_thresholds(["append_latency_ms: p(95)<500"]), totals, 10.0))
    return RunStatus("r1", "mixed", "light", totals, merge.workers, judgements, 10.0, 120.0, 18, "pass")
