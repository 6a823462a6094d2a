"""A run as Prometheus metrics: counters, histograms and gauges in base units (prometheus.io/docs/practices/naming).

Counters and histograms grow within a run and restart at 0 with the next one, which `rate()` takes for a restart.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.utils import floatToGoString

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.metrics.metric import PHASES, Metric
from fleetlm_users.measure.report.run_status import RunStatus
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import US_PER_S

BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""The 1-2.5-5 ladder from half of FleetLM's latency to twice the reply timeout, and the bounds of our thresholds."""

VERDICTS: Final = ("pass", "fail", "inconclusive")

_PREFIX: Final = "fleetlm_"
_BUCKETS_US: Final = tuple(round(bound_s * US_PER_S) for bound_s in BUCKETS_S)
_PLACE: Final = ("scenario", "phase")
_PER_WORKER: Final = {
    "worker_cpu_ratio": "CPU of one worker process, 1 is one core",
    "worker_rss_bytes": "resident memory of one worker process",
    "worker_lateness_p99_seconds": "99th percentile of message due → sent on one worker, warm-up apart",
    "worker_loop_lag_p99_seconds": "99th percentile of how late a 100 ms timer fires on one worker, warm-up apart",
}
_SHOWN_PER_WORKER: Final = ("worker_cpu_percent", "worker_rss_bytes")
_UNITS: Final = {"ms": ("seconds", 0.001), "%": ("ratio", 0.01), "fraction": ("ratio", 1.0), "s": ("seconds", 1.0)}


def name_of(metric: Metric) -> str:
    """Return the name under which a metric is exposed; a counter's without the `_total` of its samples."""
    stem = re.sub(r"[^a-zA-Z0-9_]", "_", metric.name)
    match metric.kind:
        case "trend":
            return f"{_PREFIX}{stem.removesuffix('_ms')}_seconds"
        case "rate":
            return f"{_PREFIX}{stem.removesuffix('_rate')}_ratio"
        case "counter":
            return f"{_PREFIX}{stem.removesuffix('_total')}"
        case "gauge":
            suffix = {"%": "_ratio", "fraction": "_ratio", "s": "_seconds"}.get(metric.unit, "")
            return f"{_PREFIX}{stem.removesuffix('_percent').removesuffix('_s')}{suffix}"


def families(status: RunStatus | None, version: str, yield_to_loop: Callable[[], None]) -> Iterator[Family]:
    """Yield everything exposed about a run; None stands for the time before the first run.

    `yield_to_loop` is called between the families: merging the histograms of many workers takes a while.
    """
    yield InfoMetricFamily(f"{_PREFIX}build", "version of fleetlm-locust", {"version": version})
    if status is None:
        yield _gauge("run_active", "1 from the start of a run until it has been judged", 0.0)
        return
    yield from _of_run(status)
    yield from _of_thresholds(status.judgements)
    yield from _of_workers(status.workers)
    scenarios = ("", *status.totals.scenarios)
    for metric in status.totals.catalogue.values():
        yield from _of_metric(metric, status.totals, scenarios)
        yield_to_loop()
    yield _by_kind(status.totals, scenarios)


def _of_run(status: RunStatus) -> Iterable[Family]:
    info = {"run_id": status.run_id, "benchmark": status.benchmark, "preset": status.preset}
    yield InfoMetricFamily(f"{_PREFIX}run", "the current or the last run", info)
    yield _gauge("run_active", "1 from the start of a run until it has been judged", float(status.is_running))
    yield _gauge("run_elapsed_seconds", "how long the run has lasted", status.elapsed_s)
    if status.planned_s is not None:
        yield _gauge("run_planned_seconds", "planned length of the run; absent: until stopped", status.planned_s)
    yield _gauge("run_users", "Locust users running now", status.users)
    yield _gauge("run_workers", "processes that reported in this run", len(status.workers))
    if status.verdict:
        family = GaugeMetricFamily(
            f"{_PREFIX}run_verdict", "1 for what the run came to, once judged", labels=["verdict"]
        )
        for verdict in VERDICTS:
            family.add_metric([verdict], float(verdict == status.verdict))
        yield family


def _of_thresholds(judgements: Iterable[Judgement]) -> Iterable[Family]:
    """Return values and bounds in base units; a threshold without samples has no value, an undecided one no answer."""
    labels = ["threshold", "unit"]
    value = GaugeMetricFamily(f"{_PREFIX}threshold_value", "what a threshold measures at present", labels=labels)
    bound = GaugeMetricFamily(f"{_PREFIX}threshold_bound", "what it is compared with", labels=labels)
    kept = GaugeMetricFamily(f"{_PREFIX}threshold_ok", "1 while it is kept, 0 while it is missed", labels=["threshold"])
    for judgement in {judgement.expression: judgement for judgement in judgements}.values():
        threshold = judgement.threshold
        unit, factor = _UNITS.get(threshold.unit, (threshold.unit, 1.0))
        bound.add_metric([judgement.expression, unit], threshold.bound * factor)
        if judgement.measured is not None:
            value.add_metric([judgement.expression, unit], judgement.measured * factor)
        if judgement.measured is not None and not judgement.undecided:
            kept.add_metric([judgement.expression], float(judgement.ok))
    return value, bound, kept


def _of_workers(workers: Iterable[WorkerState]) -> Iterable[Family]:
    families = {
        name: GaugeMetricFamily(f"{_PREFIX}{name}", help, labels=["worker"]) for name, help in _PER_WORKER.items()
    }
    for worker in workers:
        readings = (
            _scaled(worker.cpu_percent, 0.01),
            _scaled(worker.rss_bytes, 1),
            _scaled(worker.lateness_p99_us, 1 / US_PER_S),
            _scaled(worker.loop_lag_p99_us, 1 / US_PER_S),
        )
        for family, reading in zip(families.values(), readings, strict=True):
            if reading is not None:
                family.add_metric([worker.worker], reading)
    return families.values()


def _of_metric(metric: Metric, totals: Totals, scenarios: Sequence[str]) -> Iterable[Family]:
    match metric.kind:
        case "trend":
            yield _histogram(metric, totals, scenarios)
        case "counter":
            yield _counter(metric, totals, scenarios)
        case "rate":
            share = totals.rate(metric.name).value
            if share is not None:
                yield GaugeMetricFamily(name_of(metric), f"{metric.help}, warm-up apart", share)
        case "gauge" if metric.is_derived:
            yield _derived(metric, totals, scenarios)
        case "gauge" if metric.name not in _SHOWN_PER_WORKER:
            yield _level(metric, totals, scenarios)


def _histogram(metric: Metric, totals: Totals, scenarios: Iterable[str]) -> Family:
    family = HistogramMetricFamily(name_of(metric), metric.help, labels=_PLACE)
    for scenario, phase in _places(scenarios):
        trend = totals.trend(metric.name, scenario, phase)
        if trend is not None:
            family.add_metric([scenario, phase], _buckets(trend), trend.sum_us / US_PER_S)
    return family


def _buckets(trend: Trend) -> list[tuple[str, float]]:
    counts = [*trend.at_most(_BUCKETS_US), trend.count]
    bounds = [*map(floatToGoString, BUCKETS_S), "+Inf"]
    return [(bound, float(count)) for bound, count in zip(bounds, counts, strict=True)]


def _counter(metric: Metric, totals: Totals, scenarios: Iterable[str]) -> Family:
    """Start at zero even if nothing was counted yet: `rate()` does not see the first event of a series that begins with
    it.
    """
    family = CounterMetricFamily(name_of(metric), metric.help, labels=_PLACE)
    for scenario, phase in _places(scenarios):
        count = totals.count(metric.name, scenario, phase)
        if count or scenario:
            family.add_metric([scenario, phase], count)
    return family


def _by_kind(totals: Totals, scenarios: Iterable[str]) -> Family:
    family = CounterMetricFamily(
        f"{_PREFIX}events_by_kind",
        "the counters that know reasons, kinds or close codes, broken down by them",
        labels=["metric", *_PLACE, "kind"],
    )
    counters = [metric for metric in totals.catalogue.values() if metric.kind == "counter" and not metric.parts]
    for scenario, phase in _places(scenarios):
        for metric in counters:
            for kind, count in totals.labels(metric.name, scenario, phase).items():
                if kind:
                    family.add_metric([metric.name, scenario, phase, kind], count)
    return family


def _level(metric: Metric, totals: Totals, scenarios: Iterable[str]) -> Family:
    """Return a gauge by scenario, without the sum, or its single value if no scenario has it."""
    factor = 0.01 if metric.unit == "%" else 1
    having = [scenario for scenario in scenarios if scenario and totals.samples(metric.name, scenario)]
    family = GaugeMetricFamily(name_of(metric), metric.help, labels=["scenario"])
    for scenario in having or [""]:
        family.add_metric([scenario], totals.gauge(metric.name, scenario).now * factor)
    return family


def _derived(metric: Metric, totals: Totals, scenarios: Iterable[str]) -> Family:
    """Return a derived gauge of all scenarios together ("") and of each; one without an answer is left out."""
    family = GaugeMetricFamily(name_of(metric), metric.help, labels=["scenario"])
    for scenario in scenarios:
        if totals.samples(metric.name, scenario):
            family.add_metric([scenario], totals.gauge(metric.name, scenario).now)
    return family


def _places(scenarios: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((scenario, phase) for scenario in scenarios for phase in PHASES)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _gauge(name: str, help: str, value: float) -> Family:
    return GaugeMetricFamily(f"{_PREFIX}{name}", help, value)
