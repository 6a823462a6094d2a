"""The figures of one metric in a summary, by kind, and the accounting of messages."""

from typing import Generic, Literal, NotRequired, TypedDict, TypeVar

Figures = TypeVar("Figures")

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
    """A share and its two counts."""

    rate: float | None
    passes: int
    total: int


class CounterFigures(TypedDict):
    """A count, per second of the phase, and by label."""

    count: int
    per_s: float | None
    labels: dict[str, int]


class GaugeFigures(TypedDict):
    """A value that goes up and down."""

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
