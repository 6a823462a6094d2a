"""Total failures that no threshold bounds: a run with one never passes. Pure.

The catalogue gives two signs: a rate with nothing passed, and a counter of trouble as large as its evidence. If a
threshold bounds the metric, or a rate that shows the same, the threshold decides and nothing is doubted here. One
scenario of several needs a threshold of its own, because the sum over all scenarios hides it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.metrics.metric import ALL, MAIN, Metric
from fleetlm_users.measure.totals import Totals

ENOUGH: Final = 5
"""The fewest attempts that count. When all of five fail, fewer than half succeed, at a confidence of 95 %: the exact
upper bound of the true rate is 1 - 0.05^(1/n), which is 0.53 for four and 0.45 for five (Clopper and Pearson 1934)."""


class TotalFailure(msgspec.Struct, frozen=True):
    """A metric that shows a total failure: `count` of the `base` of `base_name`, in `scenario` or (None) in all."""

    metric: Metric
    scenario: str | None
    count: int
    base: int
    base_name: str

    def __str__(self) -> str:
        subject = self.metric.name + (f"{{scenario:{self.scenario}}}" if self.scenario else "")
        count, base = formatting.count(self.count), formatting.count(self.base)
        if self.count > self.base:
            return f"{subject} is {count} for {base} {self.base_name}: more than one each, which no threshold bounds"
        what = f"0 % of {base}" if self.metric.kind == "rate" else f"{count} of {base} {self.base_name}"
        return f"{subject} is {what}: a total failure that no threshold bounds"


def total_failures(totals: Totals, thresholds: Iterable[Threshold]) -> list[TotalFailure]:
    """Return the total failures that no threshold bounds: rates first, then counters that no such rate covers.

    The main phase decides; if it saw fewer than ENOUGH attempts, the whole run does.
    """
    bounded = {(threshold.metric, threshold.scenario) for threshold in thresholds if threshold.stage is None}
    failures: list[TotalFailure] = []
    for metric in sorted(filter(_can_fail, totals.catalogue.values()), key=lambda metric: metric.kind != "rate"):
        named = {(failure.metric.name, failure.scenario) for failure in failures}
        failures += _of_metric(totals, metric, bounded | named)
    return failures


def equivalents(metric: Metric, catalogue: Catalogue) -> set[str]:
    """Return the metrics that show a total failure by `metric` as well, including itself.

    For a rate, these are the counters that alone decide it. For a counter, they are the sums it is part of, and the
    rates that count it as not passed or are shares of its evidence.
    """
    if metric.kind == "rate":
        failed = _failed(metric)
        sums = {name for name, other in catalogue.items() if failed and failed <= {name, *other.parts}}
        shares = {name for name, other in catalogue.items() if other.is_trouble and other.evidence in metric.total}
        return {metric.name, *metric.passes, *sums, *shares}
    sums = {name for name, other in catalogue.items() if metric.name in other.parts}
    rates = {name for name, other in catalogue.items() if other.kind == "rate" and _is_told_by(metric, other)}
    return {metric.name, *sums, *rates}


def _is_told_by(counter: Metric, rate: Metric) -> bool:
    return _failed(rate) >= set(counter.parts or (counter.name,)) or counter.evidence in rate.total


def _failed(rate: Metric) -> set[str]:
    """Return the counters of failures; empty if the total is not split into passed and failed counters."""
    return set(rate.total) - set(rate.passes) if set(rate.passes) < set(rate.total) else set()


def _can_fail(metric: Metric) -> bool:
    return metric.kind == "rate" or (metric.is_trouble and metric.evidence is not None)


def _of_metric(totals: Totals, metric: Metric, bounded: set[tuple[str, str | None]]) -> Iterator[TotalFailure]:
    """Yield the total failure of all scenarios together, or else those of single scenarios."""
    names = equivalents(metric, totals.catalogue)
    single = [item for scenario in totals.scenarios if (item := _failure(totals, metric, scenario)) is not None]
    left = [item for item in single if not any((name, item.scenario) in bounded for name in names)]
    whole = _failure(totals, metric, None)
    if whole is None:
        yield from left
    elif not any((name, None) in bounded for name in names) and (left or not single):
        yield whole


def _failure(totals: Totals, metric: Metric, scenario: str | None) -> TotalFailure | None:
    """Return the total failure of a scenario, or of all; None if something went well, or too little was tried."""
    for phase in (MAIN, ALL):
        if metric.kind == "rate":
            passes, base = totals.rate(metric.name, scenario, phase)
            failed, base_name = base if not passes else 0, ""
        else:
            base_name = metric.evidence or ""
            failed, base = totals.count(metric.name, scenario, phase), totals.samples(base_name, scenario, phase)
        if base >= ENOUGH:
            return TotalFailure(metric, scenario, failed, base, base_name) if failed >= base else None
    return None
