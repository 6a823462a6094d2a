"""The figures of single parts of a summary, also shown on the live page. Times are in ms."""

from fleetlm_users.measure.findings import Finding
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.backlog.keeping_up import Backlog
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.report.summary.metric_types import AccountingFigures, TrendFigures
from fleetlm_users.measure.report.summary.related_types import FindingEntry
from fleetlm_users.measure.report.summary.types import BacklogEntry, ThresholdEntry, WorkerEntry
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Accounting


def threshold_figures(judgement: Judgement) -> ThresholdEntry:
    """Return one judged threshold, measured in its own unit."""
    threshold = judgement.threshold
    return {
        "expression": judgement.expression,
        "subject": threshold.subject,
        "condition": threshold.condition,
        "metric": threshold.metric,
        "scenario": threshold.scenario,
        "window_s": threshold.window_s,
        "stage": threshold.stage,
        "bound": threshold.bound,
        "measured": None if judgement.measured is None else round(judgement.measured, 6),
        "unit": threshold.unit,
        "ok": judgement.ok,
        "samples": judgement.samples,
        "too_few": judgement.too_few,
        "late": judgement.late,
        "undecided": judgement.undecided,
        "problem": judgement.problem,
        "note": judgement.note,
        "origin": threshold.origin,
        "worst_window_s": None if judgement.worst_window_s is None else list(judgement.worst_window_s),
    }


def trend_figures(trend: Trend) -> TrendFigures:
    """Return a trend in ms; a percentile on too few samples is None."""
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


def accounting_figures(accounting: Accounting) -> AccountingFigures:
    """Return the fates of all messages, and whether they add up to the number sent."""
    return {
        "sent": accounting.sent,
        "appended": accounting.appended,
        "rejected": accounting.rejected,
        "lost": accounting.lost,
        "unconfirmed": accounting.unconfirmed,
        "in_flight": accounting.in_flight,
        "unknown": accounting.unknown,
        "unexplained": accounting.unexplained,
        "adds_up": accounting.adds_up,
    }


def finding_figures(finding: Finding, run_id: str) -> FindingEntry:
    """Return one faulty message, with everything that identifies it."""
    return {
        "run_id": run_id,
        "kind": finding.kind,
        "scenario": finding.scenario,
        "session_id": finding.session_id,
        "seq": finding.seq,
        "client_ref": finding.client_ref,
        "detail": finding.detail,
    }


def backlog_figures(backlog: Backlog) -> BacklogEntry:
    """Return the state of one queue of the server."""
    growth = backlog.growth
    return {
        "queue": backlog.queue.name,
        "scenario": backlog.scenario,
        "begins_s": backlog.begins_s,
        "seconds": backlog.seconds,
        "arrived": backlog.arrived,
        "waiting": backlog.waiting,
        "behind_s": _rounded(backlog.behind_s),
        "is_growing": None if growth is None else growth.is_growing,
        "per_s": None if growth is None else _rounded(growth.per_s),
        "low_per_s": None if growth is None else _rounded(growth.low_per_s),
        "high_per_s": None if growth is None else _rounded(growth.high_per_s),
        "resolution_per_s": None if growth is None else _rounded(growth.resolution_per_s),
    }


def worker_figures(worker: WorkerState) -> WorkerEntry:
    """Return the state of one worker, times in ms."""
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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
