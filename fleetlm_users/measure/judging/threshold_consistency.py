"""Thresholds that make no sense because they cannot be missed, cannot be kept, or contradict each other. Pure.

Such a threshold would be green, or red, whatever the server does, so it is refused before the run.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.histogram_buckets import MAX_US
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.judging.value_range import ValueRange

INVERSE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
MAX_MS: Final = MAX_US / 1000
PRECISION: Final = 0.01
"""Percentiles are known to 0.1 %, so a mean and a percentile must be further apart than this to contradict."""

_EXAMPLES: Final = {"ms": "p(95)<500", "fraction": "rate>0.95", "count": "count<10", "1/s": "rate>5"}
_RANGES: Final = {
    "ms": (ValueRange(0, MAX_MS), f"durations are from 0 to {MAX_MS:.0f} ms, one hour"),
    "fraction": (ValueRange(0, 1), "rates and shares are fractions from 0 to 1"),
    "count": (ValueRange(0, whole=True), "counts are whole numbers, 0 or more"),
    "1/s": (ValueRange(0), "counts per second are 0 or more"),
}
_GAUGE: Final = (ValueRange(0), "its values are 0 or more")
_ANY: Final = (ValueRange(-math.inf), "any value")
_KNOWN_TO_BE_POSITIVE: Final = ("bytes", "%", "ms", "s", "fraction")

Pair = tuple[Threshold, Threshold]


def check_each(thresholds: Sequence[Threshold], what: str) -> None:
    """Raise UsageError, about `what`, for a threshold that no run could break, or none could keep."""
    for threshold in thresholds:
        possible, words = range_of(threshold)
        example = f"{threshold.subject}: {_example_of(threshold)}"
        if not math.isfinite(threshold.bound):
            raise UsageError(what, str(threshold), "a finite number as the bound", example)
        if not _leaves(possible, threshold.operator, threshold.bound):
            raise UsageError(what, str(threshold), f"a bound that can be kept: {words}", example)
        if not _leaves(possible, INVERSE[threshold.operator], threshold.bound):
            raise UsageError(what, str(threshold), f"a bound that can be broken: {words}", example)


def check_together(thresholds: Sequence[Threshold], what: str) -> None:
    """Raise UsageError, about `what`, for thresholds of one metric that no run could keep all at once."""
    for first, second in contradictions(thresholds):
        accepted = f"one that can hold together with `{first}`"
        raise UsageError(what, str(second), accepted, "one of the two alone")


def contradictions(thresholds: Sequence[Threshold]) -> Iterator[Pair]:
    """Yield pairs of thresholds that cannot both be kept."""
    for first, second in combinations(thresholds, 2):
        if _are_of_one(first, second) and (_clash(first, second) or _clash(second, first)):
            yield first, second
    for same in _by_value(thresholds):
        without = {threshold.bound for threshold in same if threshold.operator == "!="}
        left, _ = range_of(same[0])
        for threshold in same:
            left = left.cut(threshold.operator, threshold.bound)
        if without and left.is_empty(without):
            yield same[0], same[-1]


def _are_of_one(first: Threshold, second: Threshold) -> bool:
    """Return whether two thresholds are about one metric over one length of time, or growth alone."""
    if (first.aggregation == "growth") != (second.aggregation == "growth"):
        return False
    return (first.metric, first.window_s) == (second.metric, second.window_s)


def range_of(threshold: Threshold) -> tuple[ValueRange, str]:
    """Return the values that a threshold's metric can take, and their description."""
    if threshold.is_of_server:
        return _GAUGE if threshold.unit in _KNOWN_TO_BE_POSITIVE else _ANY
    return _GAUGE if _is_of_gauge(threshold) else _RANGES[threshold.unit]


def _example_of(threshold: Threshold) -> str:
    if threshold.is_of_server:
        return "growth<20" if threshold.aggregation == "growth" else f"{threshold.aggregation}<90"
    if _is_of_gauge(threshold):
        return f"{threshold.aggregation}<90"
    return "value<0.01" if threshold.aggregation == "value" else _EXAMPLES[threshold.unit]


def _is_of_gauge(threshold: Threshold) -> bool:
    """Return whether it is a gauge's value or peak, and neither a trend's longest duration nor a share."""
    return threshold.aggregation in ("value", "max") and threshold.unit not in ("ms", "fraction")


def _leaves(possible: ValueRange, operator: str, bound: float) -> bool:
    """Return whether some possible value has that relation to the bound."""
    return not possible.cut(operator, bound).is_empty([bound] if operator == "!=" else ())


def _clash(lower: Threshold, upper: Threshold) -> bool:
    """Return whether the first demands more than the second allows, although its value is never the greater one."""
    low, high = (range_of(item)[0].cut(item.operator, item.bound) for item in (lower, upper))
    if _is_mean_above(upper, lower):
        floor = low.low * (1 - (_rank(lower) or 0) / 100) * (1 - PRECISION)
        return floor > high.high
    if _is_count_and_rate(lower, upper):
        return low.low > 0 and high.high <= 0
    return _never_above(lower, upper) and low.is_above(high)


def _never_above(lower: Threshold, upper: Threshold) -> bool:
    """Return whether the first one's value is never above the second's: p(50) and p(99), min and avg, part and sum."""
    if lower.scenario != upper.scenario:
        is_sum = upper.aggregation in ("max", "count") or upper.unit == "1/s"
        is_part_of_whole = upper.scenario is None and is_sum
        is_whole_of_part = lower.scenario is None and lower.aggregation == "min"
        return (is_part_of_whole and _adds_up(lower, upper)) or is_whole_of_part
    if lower.aggregation == upper.aggregation and lower.percent == upper.percent:
        return True
    if lower.aggregation == "value":
        return upper.aggregation == "max"
    if upper.aggregation == "value":
        return lower.aggregation == "min"
    if "min" in (lower.aggregation, upper.aggregation) or "max" in (lower.aggregation, upper.aggregation):
        return lower.aggregation == "min" or upper.aggregation == "max"
    ranks = _rank(lower), _rank(upper)
    return ranks[0] is not None and ranks[1] is not None and ranks[0] <= ranks[1]


def _adds_up(part: Threshold, whole: Threshold) -> bool:
    """Return whether a scenario's value is a part of the sum over all scenarios."""
    return whole.aggregation in ("max", part.aggregation)


def _rank(threshold: Threshold) -> float | None:
    """Return which percentile a value is, if it is one."""
    return 50 if threshold.aggregation == "med" else threshold.percent


def _is_mean_above(mean: Threshold, percentile: Threshold) -> bool:
    """Return whether these are mean and percentile of the same durations: the mean is at least the share above it."""
    return mean.aggregation == "avg" and mean.scenario == percentile.scenario and _rank(percentile) is not None


def _is_count_and_rate(first: Threshold, second: Threshold) -> bool:
    """Return whether one is a count and the other the same count per second: both are 0, or neither is."""
    return first.scenario == second.scenario and {first.unit, second.unit} == {"count", "1/s"}


def _by_value(thresholds: Sequence[Threshold]) -> list[list[Threshold]]:
    """Return the thresholds grouped by the value that they are about."""
    groups: dict[tuple[object, ...], list[Threshold]] = {}
    for item in thresholds:
        kind = _rank(item) if _rank(item) is not None else item.aggregation
        groups.setdefault((*item.key, kind), []).append(item)
    return list(groups.values())
