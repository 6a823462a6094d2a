"""One figure of one run with its confidence interval, read from a summary. Pure.

The interval of a percentile needs values at ranks: those come from the trend's histogram, or, if the summary has none,
from its few known percentiles.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from fleetlm_users.measure.comparing import statistics
from fleetlm_users.measure.comparing.statistics import OPEN, ConfidenceInterval
from fleetlm_users.measure.report.summary.metric_types import (
    CounterFigures,
    Figures,
    GaugeEntry,
    GaugeFigures,
    PhaseFigures,
    RateFigures,
    TrendFigures,
)
from fleetlm_users.measure.report.summary.types import Summary, statistic

FRACTIONS: Final = {"med": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
GROWTH: Final = "_backlog_growth"
"""The suffix of metrics that are judged from a whole backlog and have an interval of their own."""
MAIN: Final = "main"  # only the main phase is judged, so only it is compared
_PERCENTILE: Final = re.compile(r"p\(([0-9.]+)\)")


class Histogram(msgspec.Struct, frozen=True):
    """Buckets [low ms, high ms, samples] as a summary's `distributions` hold them; about 6 % wide."""

    buckets: Sequence[Sequence[float]]

    def value_at(self, rank: float) -> float:
        """Return the value in ms at a rank (from 1), the samples spread evenly over their bucket."""
        running = list(accumulate(count for _, _, count in self.buckets))
        at = min(bisect_left(running, rank), len(running) - 1)
        low, high, count = self.buckets[at]
        before = running[at] - count
        return low + (high - low) * min(1.0, max(0.0, (rank - 0.5 - before) / count))

    def spread(self) -> float:
        """Return the standard deviation in ms, counting each sample as the middle of its bucket."""
        total = sum(count for _, _, count in self.buckets)
        middles = [((low + high) / 2, count) for low, high, count in self.buckets]
        centre = sum(middle * count for middle, count in middles) / total
        return math.sqrt(sum(count * (middle - centre) ** 2 for middle, count in middles) / max(1, total - 1))


class KnownPoints(msgspec.Struct, frozen=True):
    """A trend of which only summary figures are known: values between them are interpolated linearly over −ln(1 − p).

    On that scale an exponential tail is a straight line; the tails of latencies are close enough to it for an interval.
    """

    points: Sequence[tuple[float, float]]
    count: int

    @classmethod
    def of(cls, figures: TrendFigures) -> "KnownPoints":
        """Return the known points of a trend's figures in a summary."""
        count = int(figures["count"])
        fractions = {"min": 1 / (count + 1), **FRACTIONS, "max": count / (count + 1)}
        values = [(fraction, statistic(figures, name)) for name, fraction in fractions.items()]
        return cls(
            tuple(sorted((-math.log(1 - fraction), float(value)) for fraction, value in values if value is not None)),
            count,
        )

    def value_at(self, rank: float) -> float:
        """Return the value in ms at a rank (from 1)."""
        place = -math.log(1 - min(rank, self.count) / (self.count + 1))
        for (left, low), (right, high) in pairwise(self.points):
            if place <= right and left < right:  # equal for a single sample, which is both minimum and maximum
                return max(low, low + (high - low) * (place - left) / (right - left))
        return self.points[-1][1]


class Figure(msgspec.Struct, frozen=True):
    """A figure to look up: a metric, of one scenario or of all (None), and the aggregation in threshold syntax.

    Aggregations: `p(95)`, `med`, `avg`, `min`, `max` of trends; `rate` of rates; `count` and `rate` of counters, both
    as events per second, so that runs of unequal length compare; `value` and `max` of gauges.
    """

    metric: str
    scenario: str | None
    aggregation: str


class Measured(msgspec.Struct, frozen=True):
    """A figure's value (ms, fraction, events per second, or the gauge's unit), its interval, and its samples.

    `shown` is the number that people look for if it is not `value`, such as a counter's count.
    """

    value: float | None
    interval: ConfidenceInterval = OPEN
    samples: int = 0
    shown: float | None = None


NOTHING: Final = Measured(None)


def look_up(summary: Summary, figure: Figure, confidence: float) -> Measured:
    """Return one figure of a run; its value is None if the run did not measure it, or on too few samples."""
    metric = summary["metrics"].get(figure.metric)
    if metric is None:
        return NOTHING
    if figure.metric.endswith(GROWTH):
        return _growth(summary, figure)
    if metric["kind"] == "gauge":
        return _gauge(metric, figure)
    if metric["kind"] == "rate":
        rate = _of_scenario(metric.get(MAIN), figure)
        return NOTHING if rate is None else _rate(rate, confidence)
    if metric["kind"] == "counter":
        counter = _of_scenario(metric.get(MAIN), figure)
        return NOTHING if counter is None else _counter(counter, summary["run"]["duration_s"], confidence)
    trend = _of_scenario(metric.get(MAIN), figure)
    return NOTHING if trend is None else _trend(summary, trend, figure, confidence)


def _of_scenario(phase: PhaseFigures[Figures] | None, figure: Figure) -> Figures | None:
    if phase is None:
        return None
    return phase["scenarios"].get(figure.scenario) if figure.scenario else phase["all"]


def _rate(figures: RateFigures, confidence: float) -> Measured:
    share = statistics.wilson(figures["passes"], figures["total"], confidence)
    return Measured(figures["rate"], share, figures["total"])


def _gauge(metric: GaugeEntry, figure: Figure) -> Measured:
    whole: GaugeFigures = {"now": metric["now"], "peak": metric["peak"]}
    figures = metric["scenarios"].get(figure.scenario) if figure.scenario else whole
    if figures is None:
        return NOTHING
    return Measured(figures["now"] if figure.aggregation == "value" else figures["peak"], samples=1)


def _growth(summary: Summary, figure: Figure) -> Measured:
    """Return the growth of a backlog as a share of the arrivals; if none was claimed, the most that could be hidden."""
    queue = figure.metric.removesuffix(GROWTH)
    for entry in summary.get("backlogs") or ():
        if (entry["queue"], entry["scenario"]) == (queue, figure.scenario or "") and entry["is_growing"] is not None:
            per_s = entry["arrived"] / entry["seconds"]
            ends = [entry[name] or 0.0 for name in ("low_per_s", "per_s", "high_per_s", "resolution_per_s")]
            low, slope, high, resolution = (max(0.0, end / per_s) for end in ends)
            if entry["is_growing"]:
                return Measured(slope, ConfidenceInterval(low, high), entry["arrived"])
            return Measured(0.0, ConfidenceInterval(0.0, max(high, resolution)), entry["arrived"])
    return NOTHING


def _counter(figures: CounterFigures, duration_s: float, confidence: float) -> Measured:
    count = int(figures["count"])
    if not duration_s:
        return Measured(None, samples=count, shown=count)
    low, high = statistics.poisson(count, confidence)
    per_s = ConfidenceInterval(None if low is None else low / duration_s, None if high is None else high / duration_s)
    return Measured(count / duration_s, per_s, count, shown=count)


def _trend(summary: Summary, figures: TrendFigures, figure: Figure, confidence: float) -> Measured:
    count = int(figures["count"])
    buckets = None if figure.scenario else summary.get("distributions", {}).get(figure.metric)
    values = Histogram(buckets) if buckets else KnownPoints.of(figures)
    fraction = _fraction(figure.aggregation)
    if fraction is None:
        value = statistic(figures, figure.aggregation)
        if figure.aggregation != "avg" or value is None or not isinstance(values, Histogram):
            return Measured(value, samples=count)
        return Measured(value, statistics.mean(value, values.spread(), count, confidence), count)
    value = _percentile(summary, figures, figure, fraction)
    if value is None:
        return Measured(None, samples=count)
    ranks = statistics.quantile_ranks(count, fraction, confidence)
    low, high = (None if rank is None else values.value_at(rank) for rank in ranks)
    # the histogram's buckets are coarser than the figure: the interval must contain the figure
    return Measured(value, ConfidenceInterval(_least(low, value), _most(high, value)), count)


def _fraction(aggregation: str) -> float | None:
    """Return the quantile of an aggregation; None for avg, min and max."""
    if aggregation == "med":
        return 0.5
    match = _PERCENTILE.fullmatch(aggregation)
    return float(match[1]) / 100 if match and 0 < float(match[1]) < 100 else None


def _percentile(summary: Summary, figures: TrendFigures, figure: Figure, fraction: float) -> float | None:
    """Return a percentile from the figures or, if they lack it, as a threshold of the run measured it."""
    name = next((name for name, known in FRACTIONS.items() if abs(known - fraction) < 1e-9), None)
    if name is not None:
        return statistic(figures, name)
    for entry in summary["thresholds"]:
        is_it = (entry["metric"], entry["scenario"], entry.get("window_s")) == (figure.metric, figure.scenario, None)
        if is_it and aggregation_of(entry["condition"]) == figure.aggregation and not entry["too_few"]:
            return entry["measured"]
    return None


def aggregation_of(condition: str) -> str:
    """Return the aggregation of a condition such as `p(95)<500`."""
    return re.split(r"[<>=!]", condition, maxsplit=1)[0].strip()


def _least(low: float | None, value: float) -> float | None:
    return None if low is None else min(low, value)


def _most(high: float | None, value: float) -> float | None:
    return None if high is None else max(high, value)
