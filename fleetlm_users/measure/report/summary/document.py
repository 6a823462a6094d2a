"""The summary of a run: everything that a report shows, as summary.json holds it and every renderer reads it.

Times are in ms with three decimals, shares are fractions, `null` stands for "not measured" or "too few samples".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from fleetlm_users.foreign_text import printable_json
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.judging.audit import AuditedKind, AuditResult
from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp
from fleetlm_users.measure.judging.durability.crash import CrashEntry
from fleetlm_users.measure.judging.lost_workers import LostWorker, losses
from fleetlm_users.measure.judging.storm.result import StormEntry
from fleetlm_users.measure.judging.verdict import Verdict
from fleetlm_users.measure.metrics.metric import ALL, MAIN, WARM_UP, Metric
from fleetlm_users.measure.report.content.capacity_types import CapacityEntry
from fleetlm_users.measure.report.content.slow_messages import slow_message_entry
from fleetlm_users.measure.report.live import kinds_of
from fleetlm_users.measure.report.summary.audit_types import AuditedEntry, AuditEntry
from fleetlm_users.measure.report.summary.figures import (
    accounting_figures,
    backlog_figures,
    finding_figures,
    threshold_figures,
    trend_figures,
    worker_figures,
)
from fleetlm_users.measure.report.summary.metric_types import (
    AccountingByPhase,
    AccountingFigures,
    CounterEntry,
    CounterFigures,
    Figures,
    GaugeEntry,
    MetricEntry,
    PhaseFigures,
    RateEntry,
    RateFigures,
    TrendEntry,
    TrendFigures,
)
from fleetlm_users.measure.report.summary.related_types import FindingsEntry
from fleetlm_users.measure.report.summary.types import RunEntry, Summary, VerdictEntry
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals

SUMMARY_FORMAT: Final = 1  # raised when a reader of older files would misread newer ones
DISTRIBUTIONS: Final = (
    *("append_latency_ms", "agent_latency_ms", "push_latency_ms", "event_latency_ms"),
    *("ws_join_ms", "lifecycle_total_ms"),
)

Phase = Literal["main", "warm_up"]


def summary(  # noqa: PLR0913, PLR0917 (each argument is a part of the file under its own name)
    verdict: Verdict,
    totals: Totals,
    plan: Mapping[str, Any],
    options: Mapping[str, Any],
    host: Mapping[str, Any],
    versions: Mapping[str, Any],
    workers: Sequence[WorkerState],
    *,
    duration_s: float | None = None,
    started_at: str = "",
    aborted: str = "",
    server: Iterable[Mapping[str, Any]] = (),
    capacity: CapacityEntry | None = None,
    lost: Iterable[LostWorker] = (),
    backlogs: KeepingUp | None = None,
    audit: AuditResult | None = None,
    crash: CrashEntry | None = None,
    storm: StormEntry | None = None,
) -> Summary:
    """Return the summary.json of a run. `duration_s` is the length of the main phase, on which counts per second are
    based; by default it comes from the workers' clocks, less the plan's `warm_up_s`.

    `plan`, `options`, `host` and `versions` are kept as given; reports look for `preset` and `warm_up_s` in `plan`, and
    for `benchmark`, `run_id` and `api_url` in `options`. `started_at` is an ISO 8601 time for people to read, `aborted`
    why a hopeless run was ended early, `server` the figures of each source (ServerFigures), `capacity` the result of a
    search (Capacity), if the run was one, `lost` the workers that did not report to the end, `backlogs` whether the
    server kept up, `audit` the result of an audited run, `crash` the cost of a crash, `storm` the result of a reconnect
    storm. All texts are printable, whatever their source: reports show them as they are.
    """
    warm_up_s = float(plan.get("warm_up_s") or 0)
    duration_s = max(0.0, totals.elapsed_s - warm_up_s) if duration_s is None else duration_s
    document: Summary = {
        "format": SUMMARY_FORMAT,
        "verdict": _verdict(verdict),
        "thresholds": [threshold_figures(judgement) for judgement in verdict.judgements],
        "metrics": _metrics(totals, duration_s),
        "accounting": _accounting_by_phase(totals),
        "distributions": {
            name: _distribution(trend)
            for name in DISTRIBUTIONS
            if name in totals.catalogue and (trend := totals.trend(name)) is not None and trend.count
        },
        "findings": _findings(totals, str(options.get("run_id") or "")),
        "slowest": [slow_message_entry(message, str(options.get("run_id") or "")) for message in totals.slowest],
        "run": _run(totals, duration_s, started_at, aborted),
        "server": [dict(entry) for entry in server],
        "workers": [worker_figures(worker) for worker in workers],
        "backlogs": [backlog_figures(backlog) for backlog in (backlogs or KeepingUp()).backlogs],
        "workers_lost": [loss.to_json() for loss in losses(lost, workers)],
        "plan": dict(plan),
        "options": dict(options),
        "host": dict(host),
        "versions": dict(versions),
    }
    if capacity is not None:
        document["capacity"] = capacity
    _add_stored(document, audit, crash, storm)
    printable: Summary = printable_json(document)
    return printable


def _run(totals: Totals, duration_s: float, started_at: str, aborted: str) -> RunEntry:
    return {
        "duration_s": round(duration_s, 3),
        "elapsed_s": round(totals.elapsed_s, 3),
        "scenarios": list(totals.scenarios),
        "started_at": started_at,
        "aborted": aborted,
        "sends": list(kinds_of(totals)),
    }


def _verdict(verdict: Verdict) -> VerdictEntry:
    return {
        "kind": verdict.kind,
        "exit_code": verdict.exit_code,
        "failures": list(verdict.failures),
        "doubts": list(verdict.doubts),
    }


def _metrics(totals: Totals, duration_s: float) -> dict[str, MetricEntry]:
    """Return every metric that has samples, by name."""
    return {
        metric.name: _metric(metric, totals, duration_s)
        for metric in totals.catalogue.values()
        if totals.samples(metric.name, phase=ALL)
    }


def _metric(metric: Metric, totals: Totals, duration_s: float) -> MetricEntry:
    """Return the metric's figures by phase, for all scenarios together and for each that has samples."""
    if metric.kind == "gauge":
        return _gauge(metric, totals)
    if metric.kind == "trend":
        trend: TrendEntry = {"kind": "trend", "unit": metric.unit, "help": metric.help}
        for phase in _phases(metric, totals):
            trend[phase] = _phase(metric, totals, phase, _trend)
        return trend
    if metric.kind == "rate":
        rate: RateEntry = {"kind": "rate", "unit": metric.unit, "help": metric.help}
        for phase in _phases(metric, totals):
            rate[phase] = _phase(metric, totals, phase, _rate)
        return rate
    counter: CounterEntry = {"kind": "counter", "unit": metric.unit, "help": metric.help}
    for phase in _phases(metric, totals):
        counter[phase] = _phase(metric, totals, phase, partial(_counter, duration_s))
    return counter


def _phases(metric: Metric, totals: Totals) -> list[Phase]:
    phases: tuple[Phase, ...] = (MAIN, WARM_UP)
    return [phase for phase in phases if totals.samples(metric.name, phase=phase)]


def _phase(
    metric: Metric, totals: Totals, phase: Phase, figures: Callable[[Totals, str, str | None, Phase], Figures]
) -> PhaseFigures[Figures]:
    return {
        "all": figures(totals, metric.name, None, phase),
        "scenarios": {
            scenario: figures(totals, metric.name, scenario, phase)
            for scenario in totals.scenarios
            if totals.samples(metric.name, scenario, phase)
        },
    }


def _gauge(metric: Metric, totals: Totals) -> GaugeEntry:
    scenarios = () if metric.per_worker else totals.scenarios
    whole = totals.gauge(metric.name)
    return {
        "kind": "gauge",
        "unit": metric.unit,
        "help": metric.help,
        "now": whole.now,
        "peak": whole.peak,
        "scenarios": {
            scenario: {"now": gauge.now, "peak": gauge.peak}
            for scenario in scenarios
            if totals.samples(metric.name, scenario)
            for gauge in [totals.gauge(metric.name, scenario)]
        },
    }


def _trend(totals: Totals, name: str, scenario: str | None, phase: Phase) -> TrendFigures:
    return trend_figures(totals.trend(name, scenario, phase) or Trend())


def _rate(totals: Totals, name: str, scenario: str | None, phase: Phase) -> RateFigures:
    ratio = totals.rate(name, scenario, phase)
    return {"rate": ratio.value, "passes": ratio.passes, "total": ratio.total}


def _counter(duration_s: float, totals: Totals, name: str, scenario: str | None, phase: Phase) -> CounterFigures:
    seconds = duration_s if phase == MAIN else None
    count = totals.count(name, scenario, phase)
    labels = {label: n for label, n in totals.labels(name, scenario, phase).items() if label and n}
    return {"count": count, "per_s": round(count / seconds, 3) if seconds else None, "labels": labels}


def _accounting_by_phase(totals: Totals) -> AccountingByPhase:
    phases = {phase: _accounting(totals, phase) for phase in (MAIN, WARM_UP, ALL)}
    return {"main": phases[MAIN], "warm_up": phases[WARM_UP], "all": phases[ALL]}


def _accounting(totals: Totals, phase: str) -> PhaseFigures[AccountingFigures]:
    return {
        "all": accounting_figures(totals.accounting(None, phase)),
        "scenarios": {
            scenario: accounting_figures(totals.accounting(scenario, phase))
            for scenario in totals.scenarios
            if totals.count("messages_sent", scenario, phase)
        },
    }


def _findings(totals: Totals, run_id: str) -> FindingsEntry:
    """Return the first faulty messages, with everything that identifies them, and the number of all."""
    findings = totals.findings
    return {"total": findings.total, "shown": [finding_figures(finding, run_id) for finding in findings.first]}


def _add_stored(
    document: Summary, audit: AuditResult | None, crash: CrashEntry | None, storm: StormEntry | None
) -> None:
    """Add the results of an audit, a crash or a storm, if the run had one."""
    if audit is not None:
        document["audit"] = _audit(audit)
    if crash is not None:
        document["crash"] = crash
    if storm is not None:
        document["storm"] = storm


def _audit(audit: AuditResult) -> AuditEntry:
    """Return the audit's coverage and findings."""
    entry: AuditEntry = {
        "way": audit.way,
        "words": audit.words(),
        "result": audit.findings(),
        "messages": _audited(audit.messages),
        "answers": _audited(audit.answers),
    }
    if audit.unconfirmed.all:
        entry["open_outcomes"] = audit.open_outcomes()
        entry["unconfirmed"] = _audited(audit.unconfirmed)
    return entry


def _audited(kind: AuditedKind) -> AuditedEntry:
    return {
        "all": kind.all,
        "audited": kind.audited,
        "unstored": kind.unstored,
        "changed": kind.changed,
        "unaudited": {cause: n for cause, n in kind.unaudited.items() if n},
    }


def _distribution(trend: Trend) -> list[list[float]]:
    """Return the histogram as [low ms, high ms, samples], rising."""
    return [
        [low_us / 1000, (high_us + 1) / 1000, n]
        for index, n in trend.distribution().items()
        for low_us, high_us in [coarse_bounds(index)]
    ]
