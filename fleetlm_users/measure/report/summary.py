"""Everything a report shows, as plain data: what summary.json holds and what every renderer reads.

Times are in ms with three decimals, shares are fractions, `null` stands for "not measured" or "too few samples".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from fleetlm_users.foreign_text import printable_json
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.judging.lost_workers import LostWorker, losses
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.judging.verdict import Verdict
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.measure.metrics.phase import ALL, MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals

SUMMARY_FORMAT: Final = 1  # raised when a reader of older files would misread newer ones
DISTRIBUTIONS: Final = ("append_latency_ms", "agent_latency_ms", "ws_join_ms", "lifecycle_total_ms")

Json = dict[str, Any]


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
    capacity: Mapping[str, Any] | None = None,
    lost: Iterable[LostWorker] = (),
) -> Json:
    """The run as JSON-able data. `duration_s` is the length of the main phase, which counts per second refer to; when
    it is not given it is what the workers' clocks say, less the plan's `warm_up_s`.

    `plan`, `options`, `host` and `versions` are kept as given; reports look for `preset` and `warm_up_s` in `plan`, and
    for `benchmark`, `run_id` and `api_url` in `options`. `started_at` is an ISO 8601 time for people to read,
    `aborted` why a hopeless run was ended early, `server` what each source told of the server (ServerFigures),
    `capacity` what a search found (Capacity), in a run that was one, `lost` the workers that did not report to the end.
    All texts are printable, whoever wrote them: reports show them as they are.
    """
    warm_up_s = float(plan.get("warm_up_s") or 0)
    duration_s = max(0.0, totals.elapsed_s - warm_up_s) if duration_s is None else duration_s
    told: Json = {
        "format": SUMMARY_FORMAT,
        "verdict": _verdict(verdict),
        "thresholds": [threshold_figures(judgement) for judgement in verdict.judgements],
        "metrics": {
            metric.name: _metric(metric, totals, duration_s)
            for metric in totals.catalogue.values()
            if totals.samples(metric.name, phase=ALL)
        },
        "accounting": {phase: _accounting(totals, phase) for phase in (MAIN, WARM_UP, ALL)},
        "distributions": {
            name: _distribution(trend)
            for name in DISTRIBUTIONS
            if (trend := totals.trend(name)) is not None and trend.count
        },
        "findings": _findings(totals, str(options.get("run_id") or "")),
        "run": _run(totals, duration_s) | {"started_at": started_at, "aborted": aborted},
        "server": [dict(entry) for entry in server],
        **({} if capacity is None else {"capacity": dict(capacity)}),
        "workers": [worker_figures(worker) for worker in workers],
        "workers_lost": [loss.to_json() for loss in losses(lost, workers)],
        "plan": dict(plan),
        "options": dict(options),
        "host": dict(host),
        "versions": dict(versions),
    }
    return dict(printable_json(told))


def _run(totals: Totals, duration_s: float) -> Json:
    return {
        "duration_s": round(duration_s, 3),
        "elapsed_s": round(totals.elapsed_s, 3),
        "scenarios": list(totals.scenarios),
    }


def _verdict(verdict: Verdict) -> Json:
    return {
        "kind": verdict.kind,
        "exit_code": verdict.exit_code,
        "failures": list(verdict.failures),
        "doubts": list(verdict.doubts),
    }


def threshold_figures(judgement: Judgement) -> Json:
    """One judged threshold, measured in its own unit."""
    threshold = judgement.threshold
    return {
        "expression": judgement.expression,
        "subject": threshold.subject,
        "condition": threshold.condition,
        "metric": threshold.metric,
        "scenario": threshold.scenario,
        "bound": threshold.bound,
        "measured": None if judgement.measured is None else round(judgement.measured, 6),
        "unit": threshold.unit,
        "ok": judgement.ok,
        "samples": judgement.samples,
        "too_few": judgement.too_few,
        "late": judgement.late,
        "undecided": judgement.undecided,
        "problem": judgement.problem,
    }


def _metric(metric: Metric, totals: Totals, duration_s: float) -> Json:
    """The metric's figures per phase, of all scenarios together and of each that has samples."""
    figures: Json = {"kind": metric.kind, "unit": metric.unit, "help": metric.help}
    if metric.kind == "gauge":
        return figures | _gauge(metric, totals)
    for phase in (MAIN, WARM_UP):
        if totals.samples(metric.name, phase=phase):
            seconds = duration_s if phase == MAIN else None
            figures[phase] = {
                "all": _figures(metric, totals, None, phase, seconds),
                "scenarios": {
                    scenario: _figures(metric, totals, scenario, phase, seconds)
                    for scenario in totals.scenarios
                    if totals.samples(metric.name, scenario, phase)
                },
            }
    return figures


def _gauge(metric: Metric, totals: Totals) -> Json:
    scenarios = () if metric.per_worker else totals.scenarios
    return dict(totals.gauge(metric.name)._asdict()) | {
        "scenarios": {
            scenario: totals.gauge(metric.name, scenario)._asdict()
            for scenario in scenarios
            if totals.samples(metric.name, scenario)
        }
    }


def _figures(metric: Metric, totals: Totals, scenario: str | None, phase: str, seconds: float | None) -> Json:
    if metric.kind == "trend":
        return trend_figures(totals.trend(metric.name, scenario, phase) or Trend())
    if metric.kind == "rate":
        ratio = totals.rate(metric.name, scenario, phase)
        return {"rate": ratio.value, "passes": ratio.passes, "total": ratio.total}
    count = totals.count(metric.name, scenario, phase)
    labels = {label: n for label, n in totals.labels(metric.name, scenario, phase).items() if label and n}
    return {"count": count, "per_s": round(count / seconds, 3) if seconds else None, "labels": labels}


def trend_figures(trend: Trend) -> Json:
    """A trend in ms; a percentile on too few samples is None."""
    figures = trend.summary()
    return {
        "count": figures.count,
        "min": _ms(figures.min_us),
        "avg": _ms(figures.mean_us),
        "med": _ms(figures.med_us),
        "p90": _ms(figures.p90_us),
        "p95": _ms(figures.p95_us),
        "p99": _ms(figures.p99_us),
        "p99.9": _ms(figures.p999_us),
        "max": _ms(figures.max_us),
        "clamped": trend.clamped,
        "negative": trend.negative,
    }


def _accounting(totals: Totals, phase: str) -> Json:
    def books(scenario: str | None) -> Json:
        accounting = totals.accounting(scenario, phase)
        return asdict(accounting) | {"adds_up": accounting.adds_up}

    return {
        "all": books(None),
        "scenarios": {
            scenario: books(scenario) for scenario in totals.scenarios if totals.count("messages_sent", scenario, phase)
        },
    }


def _findings(totals: Totals, run_id: str) -> Json:
    """Single messages and what is wrong with them: the first ones, with all that names them, and the number of all."""
    found = totals.findings
    return {"total": found.total, "shown": [{"run_id": run_id} | finding._asdict() for finding in found.kept]}


def _distribution(trend: Trend) -> list[list[float]]:
    """The histogram in [low ms, high ms, samples], rising."""
    return [
        [low_us / 1000, (high_us + 1) / 1000, n]
        for index, n in trend.distribution().items()
        for low_us, high_us in [coarse_bounds(index)]
    ]


def worker_figures(worker: WorkerState) -> Json:
    """How one worker stands, times in ms."""
    return {
        "worker": worker.worker,
        "reports": worker.seq,
        "final": worker.final,
        "elapsed_s": round(worker.elapsed_s, 3),
        "open_messages": worker.open_messages,
        "cpu_percent": worker.cpu_percent,
        "cpu_peak_percent": worker.cpu_peak_percent,
        "cpu_starved_share": worker.cpu_starved / worker.cpu_samples if worker.cpu_samples else None,
        "rss_bytes": worker.rss_bytes,
        "lateness_p99_ms": _ms(worker.lateness_p99_us),
        "loop_lag_p99_ms": _ms(worker.loop_lag_p99_us),
    }


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else round(value_us / 1000, 3)
