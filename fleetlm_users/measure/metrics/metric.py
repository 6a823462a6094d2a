"""The definition of one metric: name, kind and unit, how it is derived, and what makes its zero meaningful.

Samples are separated by phase. The moment at which something was *due* decides whether it belongs to the warm-up.
"""

from typing import Final, Literal

import msgspec

WARM_UP: Final = "warm_up"  # recorded and shown, never judged
MAIN: Final = "main"  # judged by thresholds
ALL: Final = "all"  # in queries only: both phases summed

PHASES: Final = (WARM_UP, MAIN)

STAGE_PREFIX: Final = f"{MAIN}:"
"""The prefix of a stage's name: `main:peak` is the part of the main phase that was due in the stage `peak`."""

SKEWED_PARTS: Final = {"busiest": "the busiest tenth", "rest": "the rest"}
"""The parts of the main phase in a run with a skew, which has no stages: by the sessions that messages belong to."""

PHASE_PATTERN: Final = rf"{WARM_UP}|{MAIN}(:[A-Za-z][A-Za-z0-9_-]{{0,29}})?"


def is_main(phase: str) -> bool:
    """Return whether a phase is the main one, or a stage of it."""
    return phase == MAIN or phase.startswith(STAGE_PREFIX)


Kind = Literal["trend", "counter", "gauge", "rate"]


class Metric(msgspec.Struct, frozen=True):
    """One metric of the catalogue.

    `unit` is the unit in reports: ms for every trend, % for rates (whose thresholds are fractions, as in k6).
    `evidence` names the metric whose count must be above 0 for a 0 of this counter to mean anything: no backpressure
    proves nothing if nothing was sent. A counter without evidence is its own evidence. `is_trouble` marks a counter of
    failures: one as large as its evidence is a total failure. `parts` makes a counter a sum of other counters. A rate
    is the sum of `passes` over the sum of `total`. `service` names, for a trend counted from the due moment, the same
    trend counted from sending: the two differ only by the generator's own lateness. `per_worker` marks a gauge that is
    a property of one process (CPU, memory): merging takes the highest, not the sum. `is_derived` marks a gauge that no
    process reads: it is judged from the merged timeline (judging/backlog).
    """

    name: str
    kind: Kind
    unit: str
    help: str
    evidence: str | None = None
    parts: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    service: str | None = None
    per_worker: bool = False
    is_trouble: bool = False
    is_derived: bool = False


def trend(name: str, help: str, *, service: str | None = None) -> Metric:
    """Declare a metric of durations: recorded in whole microseconds, reported in milliseconds.

    A trend counted from the due moment names as `service` the trend of the same durations counted from sending.
    """
    return Metric(name, "trend", "ms", help, service=service)


def counter(
    name: str, help: str, *, evidence: str | None = None, parts: tuple[str, ...] = (), is_trouble: bool = False
) -> Metric:
    """Declare a metric that only grows; with `parts` it is the sum of other counters and is not counted itself.

    A counter of trouble that is as large as its `evidence`, and that no threshold bounds, makes a run inconclusive.
    """
    return Metric(name, "counter", "count", help, evidence=evidence, parts=parts, is_trouble=is_trouble)


def gauge(name: str, help: str, *, unit: str = "count", per_worker: bool = False, is_derived: bool = False) -> Metric:
    """Declare a metric that goes up and down: its present value and its highest."""
    return Metric(name, "gauge", unit, help, per_worker=per_worker, is_derived=is_derived)


def rate(name: str, passes: tuple[str, ...], total: tuple[str, ...], help: str) -> Metric:
    """Declare a share, derived from counters: the sum of `passes` over the sum of `total`.

    A rate of 0 that no threshold bounds makes a run inconclusive.
    """
    return Metric(name, "rate", "%", help, passes=passes, total=total)
