"""Every figure of two runs side by side, and how it changed from A to B. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import structs

from fleetlm_users.measure.comparing import statistics
from fleetlm_users.measure.comparing.figures import GROWTH, Figure, Measured, look_up
from fleetlm_users.measure.comparing.statistics import OPEN, ConfidenceInterval
from fleetlm_users.measure.comparing.thresholds import Direction
from fleetlm_users.measure.report.rows import TROUBLES
from fleetlm_users.measure.report.summary.types import Summary

USUAL: Final = {"trend": ("med", "p(95)", "p(99)"), "rate": ("rate",), "counter": ("count",), "gauge": ("max",)}

JUDGED_AT_THE_END: Final = (GROWTH, "_backlog_end_s")

# worse, better: beyond the interval and the tolerance; small: real, but within the tolerance; same: no difference
# shown; changed: beyond both, and neither way is better; unclear: too few samples for an interval; missing: in one only
Change = Literal["worse", "better", "changed", "small", "same", "unclear", "missing"]

Judged = Mapping[Figure, Direction | None]


class Tolerances(msgspec.Struct, frozen=True):
    """The tolerances beyond which worse is a regression: `tolerance` as a share of A's figure, `rate_tolerance` for
    rates as a difference of shares (0.01 is one percentage point). `confidence` applies to every interval.
    """

    tolerance: float = 0.05
    rate_tolerance: float = 0.01
    confidence: float = 0.99


class FigureRow(msgspec.Struct, frozen=True):
    """One figure of both runs. `gap` is B − A in the figure's unit, `relative` its share of A's."""

    figure: Figure
    kind: str
    unit: str
    before: Measured
    after: Measured
    gap: float | None
    relative: float | None
    gap_in: ConfidenceInterval
    direction: Direction | None
    judged: bool
    change: Change

    def looks_worse(self, tolerances: Tolerances) -> bool:
        """Whether the figure itself, regardless of its interval, is worse by more than the tolerance."""
        if self.gap is None or self.direction is None:
            return False
        loss = self.gap if self.direction == "lower" else -self.gap
        return loss > allowed(self.kind, tolerances, self.before.value or 0.0)

    @property
    def worst(self) -> float | None:
        """The most that B may be worse, as a share of A (for rates, a difference of shares); None when unknown."""
        end = self.gap_in.high if self.direction == "lower" else self.gap_in.low
        if end is None or self.direction is None:
            return None
        loss = end if self.direction == "lower" else -end
        if self.kind == "rate":
            return loss
        return loss / self.before.value if self.before.value else None


def rows_of(  # noqa: PLR0913  # both runs, and how they are compared
    before: Summary,
    after: Summary,
    noise: Sequence[Summary],
    judged: Judged,
    tolerances: Tolerances,
    *,
    by_scenario: bool,
) -> list[FigureRow]:
    """Return a row for every usual figure of every metric of either run, and for every judged figure.

    `noise` are further runs of the same setup as A: A's intervals are widened to include theirs.
    """
    chosen = figures_of((before, after), judged, by_scenario=by_scenario)
    return [_row(before, after, noise, judged, tolerances, figure) for figure in chosen]


def allowed(kind: str, tolerances: Tolerances, before: float) -> float:
    """Return the largest change of a figure that was `before` that is still within the tolerance, in its unit."""
    return tolerances.rate_tolerance if kind == "rate" else tolerances.tolerance * before


def usual_direction(metric: str, kind: str) -> Direction | None:
    """Return which way is better for a figure without a threshold; None if it only tells how much was done."""
    if kind == "trend" or metric.endswith(GROWTH):
        return "lower"
    if kind == "rate":
        return "higher"
    return "lower" if metric in (*TROUBLES, "message_failures") else None


def figures_of(summaries: Sequence[Summary], judged: Iterable[Figure], *, by_scenario: bool) -> list[Figure]:
    """Return every usual figure of every metric of the runs, and every judged one, each metric's in rising order."""
    by_metric: dict[str, list[Figure]] = {}
    for figure in judged:
        by_metric.setdefault(figure.metric, []).append(figure)
    kinds = {name: metric["kind"] for summary in summaries for name, metric in summary["metrics"].items()}
    figures: dict[Figure, None] = {}
    for name in dict.fromkeys((*kinds, *by_metric)):
        scenarios: list[str | None] = [None, *(_scenarios(summaries, name) if by_scenario else ())]
        known = ("value",) if name.endswith(JUDGED_AT_THE_END) else USUAL.get(kinds.get(name, ""), ())
        usual = [Figure(name, scenario, one) for scenario in scenarios for one in known]
        figures.update(dict.fromkeys(sorted([*usual, *by_metric.get(name, [])], key=_place)))
    return list(figures)


def _place(figure: Figure) -> tuple[str, float]:
    """Return the place of a figure within its metric: all scenarios first, then rising."""
    places = {"min": 0.0, "avg": 1.0, "med": 50.0, "max": 100.0}
    if figure.aggregation.startswith("p("):
        return figure.scenario or "", float(figure.aggregation[2:-1])
    return figure.scenario or "", places.get(figure.aggregation, 0.0)


def _scenarios(summaries: Sequence[Summary], name: str) -> list[str]:
    scenarios: set[str] = set()
    for summary in summaries:
        metric = summary["metrics"].get(name)
        if metric is not None and metric["kind"] != "gauge" and "main" in metric:
            scenarios |= metric["main"]["scenarios"].keys()
    return sorted(scenarios) if len(scenarios) > 1 else []


def _row(  # noqa: PLR0913, PLR0917  # what a row is made of
    before: Summary, after: Summary, noise: Sequence[Summary], judged: Judged, tolerances: Tolerances, figure: Figure
) -> FigureRow:
    metric = after["metrics"].get(figure.metric) or before["metrics"].get(figure.metric) or {"kind": "", "unit": ""}
    left, right, *others = (look_up(run, figure, tolerances.confidence) for run in (before, after, *noise))
    left = _widened(left, others)
    kind = "rate" if figure.metric.endswith(GROWTH) else metric["kind"]
    direction = judged[figure] if figure in judged else usual_direction(figure.metric, kind)
    gap = relative = None
    gap_in = OPEN
    if left.value is not None and right.value is not None:
        gap = right.value - left.value
        relative = gap / left.value if left.value else None
        gap_in = _bounded(statistics.difference(left.value, left.interval, right.value, right.interval), left.value)
    change = _change(kind, tolerances, left, right, gap_in, direction)
    return FigureRow(
        figure, kind, metric["unit"], left, right, gap, relative, gap_in, direction, figure in judged, change
    )


def _widened(measured: Measured, others: Sequence[Measured]) -> Measured:
    """Return A's figure with an interval that includes those of all further runs; if A has none, none is made up."""
    ends = [measured.interval, *(other.interval for other in others if other.value is not None)]
    lows, highs = [end.low for end in ends], [end.high for end in ends]
    low = None if None in lows else min(end for end in lows if end is not None)
    high = None if None in highs else max(end for end in highs if end is not None)
    return structs.replace(measured, interval=ConfidenceInterval(low, high))


def _bounded(gap_in: ConfidenceInterval, before: float) -> ConfidenceInterval:
    """Return the interval of the change of a value that cannot fall below 0."""
    return ConfidenceInterval(None if gap_in.low is None else max(gap_in.low, -before), gap_in.high)


def _change(  # noqa: PLR0913, PLR0917  # what a change is decided by
    kind: str,
    tolerances: Tolerances,
    left: Measured,
    right: Measured,
    gap_in: ConfidenceInterval,
    direction: Direction | None,
) -> Change:
    if left.value is None or right.value is None:
        return "unclear" if left.samples and right.samples else "missing"
    gap = right.value - left.value
    if kind == "gauge":  # one reading: no interval, no better or worse
        return "changed" if gap else "same"
    rises = gap_in.low is not None and gap_in.low > 0
    falls = gap_in.high is not None and gap_in.high < 0
    if not rises and not falls:
        return "unclear" if None in gap_in and gap else "same"
    if abs(gap) <= allowed(kind, tolerances, left.value):
        return "small"
    if direction is None:
        return "changed"
    return "worse" if rises == (direction == "lower") else "better"
