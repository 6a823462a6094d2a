"""What summary.json holds: the types that `summary` returns and that every renderer, `compare` and `cleanup` read.

TypedDicts, because the summary is a JSON document with public keys (`p99.9`, `all`) that is written as it is and read
back from older versions, which lack some of them: those keys are `NotRequired`. A file is checked before it is read as
these types (earlier_runs/summary_check.py). Latencies are in ms, shares are fractions, None is "not measured".
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from fleetlm_users.measure.judging.durability.crash import CrashEntry
from fleetlm_users.measure.judging.storm.result import StormEntry
from fleetlm_users.measure.report.content.capacity_types import CapacityEntry
from fleetlm_users.measure.report.summary.audit_types import AuditEntry
from fleetlm_users.measure.report.summary.related_types import (
    AnnotationsEntry,
    BaselineEntry,
    FindingsEntry,
    SlowMessageEntry,
)
from fleetlm_users.measure.report.summary.visit_types import VisitsEntry

VerdictKind = Literal["pass", "fail", "inconclusive"]
Figures = TypeVar("Figures")


class VerdictEntry(TypedDict):
    """The verdict with every reason for it."""

    kind: VerdictKind
    exit_code: int
    failures: list[str]
    doubts: list[str]


class ThresholdEntry(TypedDict):
    """One judged threshold; `measured` is in `unit`, `note` what else a person should know of it.

    `origin` is who set it: given, preset, behaviour or audit; empty where that is not known.

    Of a threshold on windows, `worst_window_s` is from and to which second of the run the worst one lasted. Of a missed
    latency `began_s` is the second from which on it was beyond its bound.
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


TrendFigures = TypedDict(
    "TrendFigures",
    {
        "count": int,
        "min": float | None,
        "avg": float | None,
        "med": float | None,
        "p90": float | None,
        "p95": float | None,
        "p99": float | None,
        "p99.9": float | None,
        "max": float | None,
        "clamped": int,
        "negative": int,
    },
)
"""A trend in ms; a percentile on too few samples is None."""


class RateFigures(TypedDict):
    """A share and the two counts that it is made of."""

    rate: float | None
    passes: int
    total: int


class CounterFigures(TypedDict):
    """A count, per second of the phase, and by label."""

    count: int
    per_s: float | None
    labels: dict[str, int]


class GaugeFigures(TypedDict):
    """What goes up and down."""

    now: float
    peak: float


class PhaseFigures(TypedDict, Generic[Figures]):
    """The figures of one phase: of all scenarios together, and of each that has samples."""

    all: Figures
    scenarios: dict[str, Figures]


class _Metric(TypedDict):
    unit: str
    help: str


class TrendEntry(_Metric):
    """A trend by phase."""

    kind: Literal["trend"]
    main: NotRequired[PhaseFigures[TrendFigures]]
    warm_up: NotRequired[PhaseFigures[TrendFigures]]


class RateEntry(_Metric):
    """A rate by phase."""

    kind: Literal["rate"]
    main: NotRequired[PhaseFigures[RateFigures]]
    warm_up: NotRequired[PhaseFigures[RateFigures]]


class CounterEntry(_Metric):
    """A counter by phase."""

    kind: Literal["counter"]
    main: NotRequired[PhaseFigures[CounterFigures]]
    warm_up: NotRequired[PhaseFigures[CounterFigures]]


class GaugeEntry(_Metric):
    """A gauge of the whole run."""

    kind: Literal["gauge"]
    now: float
    peak: float
    scenarios: dict[str, GaugeFigures]


MetricEntry = TrendEntry | RateEntry | CounterEntry | GaugeEntry


class AccountingFigures(TypedDict):
    """The fate of every message that was sent."""

    sent: int
    appended: int
    rejected: int
    lost: int
    unconfirmed: NotRequired[int]  # since 2026-11; FleetLM's early protocol has none
    in_flight: int
    unknown: int
    unexplained: int
    adds_up: bool


class AccountingByPhase(TypedDict):
    """The accounting of each phase, and of both."""

    main: PhaseFigures[AccountingFigures]
    warm_up: PhaseFigures[AccountingFigures]
    all: PhaseFigures[AccountingFigures]


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
    """How a backlog did in `seconds` of the run from `begins_s` on, of one scenario or of all together (empty).

    Growth is in messages per second, with 95 % confidence between `low_per_s` and `high_per_s`, and no growth below
    `resolution_per_s` could be claimed. None stands for what the run cannot tell.
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


class PushStageEntry(TypedDict):
    """What users of other Phoenix applications pushed in a stage, and what came of it."""

    sent: int
    sent_per_s: float | None
    replied: int
    adds_up: bool
    push_latency_ms: TrendFigures
    event_latency_ms: TrendFigures


class StageEntry(TypedDict):
    """One stage of a run: from second `begins_s` on, from `users_before` users evenly to `users` in `length_s`.

    Where sessions arrive at a rate, that goes from `rate_before` to `rate`, and `users` bound those who are in one.
    `lasted_s` is how much of it was judged. A message belongs to the stage in which it was due.
    """

    name: str
    begins_s: float
    length_s: float
    users_before: int
    users: int
    lasted_s: float
    sent_per_s: float | None
    accounting: AccountingFigures
    append_latency_ms: TrendFigures
    agent_latency_ms: TrendFigures
    pushes: NotRequired[PushStageEntry]  # since 2026-11
    rate_before: NotRequired[float | None]
    rate: NotRequired[float | None]


class SkewEntry(TypedDict):
    """The busiest tenth of a scenario's sessions, or the rest, in a run with a skew.

    `share` is the part of all messages that they were to be sent: of both together it is 1.
    """

    scenario: str
    part: str
    sessions: int
    share: float
    sent_per_s: float | None
    accounting: AccountingFigures
    append_latency_ms: TrendFigures
    agent_latency_ms: TrendFigures


class WorkerEntry(TypedDict):
    """How one worker stands."""

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
    """A whole run. `plan`, `options`, `host` and `versions` are kept as the run was given them."""

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
    workers_lost: NotRequired[list[dict[str, Any]]]
    baseline: NotRequired[BaselineEntry]
    annotations: NotRequired[AnnotationsEntry]
    plan: Mapping[str, Any]
    options: Mapping[str, Any]
    host: Mapping[str, Any]
    versions: Mapping[str, Any]
    unwritten: NotRequired[list[str]]


class RunRecord(TypedDict):
    """What ran where: the parts of a summary that run.json repeats, each as it is there."""

    format: NotRequired[int]
    run: RunEntry
    plan: Mapping[str, Any]
    options: Mapping[str, Any]
    workers: list[WorkerEntry]
    host: Mapping[str, Any]
    versions: Mapping[str, Any]


def trend_of(summary: Summary, name: str) -> TrendEntry | None:
    """Return a trend of the run; None where it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "trend" else None


def rate_of(summary: Summary, name: str) -> RateEntry | None:
    """Return a rate of the run; None where it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "rate" else None


def counter_of(summary: Summary, name: str) -> CounterEntry | None:
    """Return a counter of the run; None where it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "counter" else None


def gauge_of(summary: Summary, name: str) -> GaugeEntry | None:
    """Return a gauge of the run; None where it has none of that name."""
    metric = summary["metrics"].get(name)
    return metric if metric is not None and metric["kind"] == "gauge" else None


def statistic(figures: TrendFigures, name: str) -> float | None:
    """Return one of a trend's statistics by its key, such as `p99.9`, in ms; None where it is not known."""
    values: Mapping[str, Any] = figures
    value: float | None = values.get(name)
    return value
