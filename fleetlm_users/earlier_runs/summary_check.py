"""Validation of a summary.json against what this project writes (measure/report/summary), before `compare` or
`cleanup` act on it.

Beyond its shape, the figures must agree with each other: a lost figure must not read as "no regression". A type decoder
cannot check that.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from fleetlm_users.earlier_runs.summary_shape import ROUNDED, SUMMARY
from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.comparing.figures import aggregation_of
from fleetlm_users.measure.comparing.thresholds import keeps
from fleetlm_users.measure.formatting import is_undecided
from fleetlm_users.measure.report.summary.types import ThresholdEntry
from fleetlm_users.shape import (
    shown,
)

SERVER: Final = "server."
"""The prefix of the server's own figures."""

Json = Mapping[str, Any]


def check_summary(document: Any) -> None:
    """Raise ShapeError unless some version of this project can have written the summary."""
    SUMMARY(document)
    _check_verdict(document["verdict"])
    for name, buckets in (document.get("distributions") or {}).items():
        _at(f"distributions.{name}", _check_distribution, document, name, buckets)
    if not document.get("capacity"):  # a search judges single steps, but shows the figures of all of them
        for at, threshold in enumerate(document["thresholds"]):
            _at(f"thresholds[{at}]", _check_threshold, document, threshold)


def _check_verdict(verdict: Json) -> None:
    kind = "fail" if verdict["failures"] else "inconclusive" if verdict["doubts"] else "pass"
    if verdict["kind"] != kind:
        raise ShapeError(f"is {shown(verdict['kind'])}, which its failures and doubts contradict", "verdict.kind")


def _check_distribution(document: Json, name: str, buckets: Sequence[Sequence[float]]) -> None:
    metric = document["metrics"].get(name, {})
    counted = metric["main"]["all"]["count"] if metric.get("kind") == "trend" and "main" in metric else 0
    if sum(n for _, _, n in buckets) != counted:
        raise ShapeError(f"holds other samples than the {counted:,} of the metric")
    ends = [end for low, high, _ in buckets for end in (low, high)]
    if ends != sorted(ends):
        raise ShapeError("is not in rising order")


def _check_threshold(document: Json, threshold: ThresholdEntry) -> None:
    """Check that the judged metric is among the metrics, and that its figures give the same answer."""
    measured = threshold["measured"]
    if measured is None:
        return
    if not threshold["metric"].startswith(SERVER):
        _check_place(document, threshold)
    reach = ROUNDED * max(1.0, abs(measured))
    answers = {keeps(threshold, value) for value in (measured - reach, measured, measured + reach)}
    if not is_undecided(threshold) and threshold["ok"] not in answers:
        raise ShapeError(f"is {threshold['ok']}, and {shown(measured)} was measured", "ok")


def _check_place(document: Json, threshold: ThresholdEntry) -> None:
    """Check that the metrics contain what was judged."""
    metric = document["metrics"].get(threshold["metric"])
    if metric is None:
        raise ShapeError(f"is {shown(threshold['metric'])}, which is not among the metrics", "metric")
    aggregations = _AGGREGATIONS[metric["kind"]]
    if not aggregation_of(threshold["condition"]).startswith(aggregations):
        raise ShapeError(f"is {shown(threshold['condition'])}, and the metric is a {metric['kind']}", "condition")
    place = metric if metric["kind"] == "gauge" else metric.get("main", {})
    if not place or (threshold["scenario"] and threshold["scenario"] not in place.get("scenarios", {})):
        raise ShapeError("was measured, but the metrics do not have it", "measured")


_AGGREGATIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "trend": ("avg", "med", "min", "max", "p("),
        "counter": ("count", "rate"),
        "gauge": ("value", "max"),
        "rate": ("rate",),
    }
)


def _at(place: str, check: Callable[..., None], *arguments: Any) -> None:
    try:
        check(*arguments)
    except ShapeError as problem:
        raise problem.within(place) from None
