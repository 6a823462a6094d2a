"""The types of summary.json, which `summary` returns and every renderer, `compare` and `cleanup` read.

TypedDicts, because the summary is a JSON document with public keys (`p99.9`, `all`). It is written unchanged, and read
back from older versions, which lack some keys: those are `NotRequired`. A file is checked before it is read as these
types (earlier_runs/summary_check.py). Latencies are in ms, shares are fractions, None is "not measured".
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from fleetlm_users.measure.judging.durability.crash import CrashEntry
from fleetlm_users.measure.judging.storm.result import StormEntry
from fleetlm_users.measure.report.content.capacity_types import CapacityEntry
from fleetlm_users.measure.report.summary.audit_types import AuditEntry
from fleetlm_users.measure.report.summary.load_types import SkewEntry, StageEntry, StreamsEntry, VisitsEntry
from fleetlm_users.measure.report.summary.metric_types import (
    AccountingByPhase,
    CounterEntry,
    GaugeEntry,
    MetricEntry,
    RateEntry,
    TrendEntry,
    TrendFigures,
)
from fleetlm_users.measure.report.summary.related_types import (
    AnnotationsEntry,
    BaselineEntry,
    FindingsEntry,
    SlowMessageEntry,
)

VerdictKind = Literal["pass", "fail", "inconclusive"]


class VerdictEntry(TypedDict):
    """The verdict with every reason for it."""

    kind: VerdictKind
    exit_code: int
    failures: list[str]
    doubts: list[str]


class ThresholdEntry(TypedDict):
    """One judged threshold; `measured` is in `unit`, `note` says what else a reader should know about it.

    `origin` is who set it: given, preset, behaviour or audit; empty if unknown.

    For a threshold on windows, `worst_window_s` holds the first and the last second of the worst window. For a missed
    one, `began_s` is the second of the run from which it was beyond its bound; `first_s` is the second of the first
    failure, if nothing more is known: of gaps when the first was noticed, of an audit when the first message was
    acknowledged that it misses; `worst_s` is the worst second of a latency that was beyond its bound in single seconds
    only.
    """

    expression: str
    subject: str
    condition: str
    metric: str
    scenario: str | None
    window_s: NotRequired[int | None]
    stage: NotRequired[str | None]
    bound: float
    measured: float | None
    unit: str
    ok: bool
    samples: int
    too_few: bool
    late: NotRequired[bool]
    undecided: NotRequired[bool]
    problem: str
    note: NotRequired[str]
    origin: NotRequired[str]
    worst_window_s: NotRequired[list[int] | None]
    began_s: NotRequired[int]
    first_s: NotRequired[int]  # since 2026-11
    worst_s: NotRequired[int]  # since 2026-11


class RunEntry(TypedDict):
    """The run's length: `duration_s` of the main phase, `elapsed_s` of all; when it started, why it was ended early.

    `sends` names what users sent: messages to a FleetLM, pushes to any Phoenix application, or both.
    """

    duration_s: float
    elapsed_s: float
    scenarios: list[str]
    started_at: str
    aborted: str
    sends: NotRequired[list[str]]  # since 2026-11


class BacklogEntry(TypedDict):
    """The state of a backlog in `seconds` of the run from `begins_s`, for one scenario or for all together (empty).

    Growth is in messages per second, with 95 % confidence between `low_per_s` and `high_per_s`; growth below
    `resolution_per_s` could not be claimed. None marks what the run cannot tell.
    """

    queue: str
    scenario: str
    begins_s: int
    seconds: int
    arrived: int
    waiting: int
    behind_s: float | None
    is_growing: bool | None
    per_s: float | None
    low_per_s: float | None
    high_per_s: float | None
    resolution_per_s: float | None


class WorkerEntry(TypedDict):
    """The state of one worker."""

    worker: str
    reports: int
    final: bool
    elapsed_s: float
    open_messages: int
    cpu_percent: float | None
    cpu_peak_percent: float | None
    cpu_starved_share: float | None
    rss_bytes: float | None
    lateness_p99_ms: float | None
    loop_lag_p99_ms: float | None


class Summary(TypedDict):
    """A whole run. `plan`, `options`, `host` and `versions` are stored as given."""

    format: int
    verdict: VerdictEntry
    thresholds: list[ThresholdEntry]
    metrics: dict[str, MetricEntry]
    accounting: AccountingByPhase
    distributions: dict[str, list[list[float]]]
    findings: NotRequired[FindingsEntry]
    slowest: NotRequired[list[SlowMessageEntry]]  # since 2026-11
    audit: NotRequired[AuditEntry]
    crash: NotRequired[CrashEntry]
    storm: NotRequired[StormEntry]
    run: RunEntry
    server: NotRequired[list[dict[str, Any]]]
    capacity: NotRequired[CapacityEntry]
    workers: list[WorkerEntry]
    backlogs: NotRequired[list[BacklogEntry]]
    stages: NotRequired[list[StageEntry]]
    visits: NotRequired[VisitsEntry]
    skew: NotRequired[list[SkewEntry]]
    streams: NotRequired[StreamsEntry]  # since 2026-11, if several scenarios stream
    workers_lost: NotRequired[list[dict[str, Any]]]
    baseline: NotRequired[BaselineEntry]
    annotations: NotRequired[AnnotationsEntry]
    plan: Mapping[str, Any]
    options: Mapping[str, Any]
    host: Mapping[str, Any]
    versions: Mapping[str, Any]
    unwritten: NotRequired[list[str]]


class RunRecord(TypedDict):
    """What ran where: the parts of a summary that run.json repeats unchanged."""

    format: NotRequired[int]
    run: RunEntry
    plan: Mapping[str, Any]
    options: Mapping[str, Any]
    workers: list[WorkerEntry]
    host: Mapping[str, Any]
    versions: Mapping[str, Any]


def trend_of(summary: Summary, name: str) -> TrendEntry | None:
    """Return a trend of the run; None if it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "trend" else None


def rate_of(summary: Summary, name: str) -> RateEntry | None:
    """Return a rate of the run; None if it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "rate" else None


def counter_of(summary: Summary, name: str) -> CounterEntry | None:
    """Return a counter of the run; None if it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "counter" else None


def gauge_of(summary: Summary, name: str) -> GaugeEntry | None:
    """Return a gauge of the run; None if it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "gauge" else None


def statistic(figures: TrendFigures, name: str) -> float | None:
    """Return one of a trend's statistics by its key, such as `p99.9`, in ms; None if unknown."""
    values: Mapping[str, Any] = figures
    value: float | None = values.get(name)
    return value
