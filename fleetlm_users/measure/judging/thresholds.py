"""Thresholds in k6's words, `append_latency_ms{scenario:burst}: p(95)<500, avg<20`: parsed, overridden, judged.

Syntax: https://grafana.com/docs/k6/latest/using-k6/thresholds/. Unlike k6, a threshold without samples fails.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.histogram import Trend, required_samples
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.metrics.metric import Kind, Metric
from fleetlm_users.measure.totals import Totals

_EXAMPLE: Final = "append_latency_ms: p(95)<500"
_FORM: Final = "metric: aggregation operator number, ...; the metric may carry {scenario:name}"
OFF: Final = "off"
"""In place of conditions: a threshold that takes the default ones of its metric away and promises nothing itself."""

_HEAD: Final = re.compile(r"(?P<metric>[^\s:{}]+)\s*(?:\{\s*scenario\s*:\s*(?P<scenario>[^{}:\s]+)\s*\})?")
_EXPRESSION: Final = re.compile(
    r"(?P<aggregation>[A-Za-z]+)\s*(?:\(\s*(?P<percent>\d+(?:\.\d+)?)\s*\))?\s*"
    r"(?P<operator><=|>=|===?|!=|<|>)\s*(?P<bound>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
)
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_AGGREGATIONS: Final[dict[Kind, tuple[str, ...]]] = {
    "trend": ("avg", "med", "min", "max", "p"),
    "counter": ("count", "rate"),
    "gauge": ("value", "max"),
    "rate": ("rate",),
}
_EXAMPLES: Final[dict[Kind, str]] = {
    "trend": "p(95)<500",
    "counter": "count<10",
    "gauge": "value<90",
    "rate": "rate>0.95",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One promise. `metric` is the catalogue's name, `shown` the one that was written, an alias perhaps.

    `unit` is that of `bound` and of what is measured: ms, fraction, count, 1/s (a counter's rate), or the gauge's own.
    """

    metric: str
    shown: str
    scenario: str | None
    aggregation: str
    percent: float | None
    operator: str
    bound: float
    unit: str

    @property
    def key(self) -> tuple[str, str | None]:
        """What a given threshold must share with a default one to replace it."""
        return self.metric, self.scenario

    @property
    def is_off(self) -> bool:
        """Whether it takes default thresholds away, and is none itself."""
        return self.aggregation == OFF

    @property
    def subject(self) -> str:
        """The metric and scenario as written."""
        return self.shown + (f"{{scenario:{self.scenario}}}" if self.scenario else "")

    @property
    def condition(self) -> str:
        """Such as `p(95)<500`."""
        if self.is_off:
            return OFF
        percent = f"({self.percent:.15g})" if self.percent is not None else ""
        return f"{self.aggregation}{percent}{self.operator}{self.bound:.15g}"

    def __str__(self) -> str:
        return f"{self.subject}: {self.condition}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A threshold with what was measured (in the unit of its bound; None without samples) and whether it was kept.

    `too_few` marks a percentile that was taken from fewer samples than it needs: neither answer can be trusted.
    `late` marks one that was missed only because the generator sent late: see lateness.py. A derived metric that the
    run cannot tell has no value: `untold` marks it where that speaks against the run, and else it is kept.
    """

    threshold: Threshold
    measured: float | None
    ok: bool
    samples: int
    problem: str = ""
    too_few: bool = False
    late: bool = False
    untold: bool = False

    @property
    def undecided(self) -> bool:
        """Whether the measured value allows no answer; `problem` says why."""
        return self.too_few or self.late or self.untold

    @property
    def expression(self) -> str:
        """The threshold as text."""
        return str(self.threshold)


def parse_thresholds(
    texts: Sequence[str],
    catalogue: Catalogue = DEFAULT,
    scenarios: Collection[str] | None = None,
    *,
    what: str = "threshold",
) -> list[Threshold]:
    """Parse thresholds, each text for one metric, with commas between its conditions.

    Args:
        texts: Such as `append_latency_ms{scenario:burst}: p(95)<500, avg<20`; blank ones are skipped.
        catalogue: The metrics that a threshold may name.
        scenarios: The scenarios that a threshold may name; None allows any.
        what: The setting that an error names.

    Returns:
        The thresholds in the order given, one for each condition.

    Raises:
        UsageError: For a syntax error, an unknown metric or scenario, or an aggregation that does not fit the metric.
    """
    return [
        threshold
        for text in texts
        if text.strip()
        for threshold in _parse_entry(text.strip(), catalogue, scenarios, what)
    ]


def override(base: Iterable[Threshold], given: Iterable[Threshold]) -> list[Threshold]:
    """Return `base` with those of the same metric and scenario replaced in place by `given`; the rest comes last."""
    waiting: dict[tuple[str, str | None], list[Threshold]] = {}
    for threshold in given:
        waiting.setdefault(threshold.key, []).append(threshold)
    replaced = set(waiting)
    result: list[Threshold] = []
    for threshold in base:
        result += waiting.pop(threshold.key, []) if threshold.key in replaced else [threshold]
    return result + [threshold for group in waiting.values() for threshold in group]


def not_bounded(defaults: Iterable[Threshold], others: Iterable[Threshold]) -> list[Threshold]:
    """Return the defaults whose metric none of `others` bounds, neither for the same scenario nor for all together."""
    bounded = {threshold.key for threshold in others}
    return [default for default in defaults if not bounded & {(default.metric, None), default.key}]


def keeps(threshold: Threshold, measured: float) -> bool:
    """Return whether a value, in the unit of the bound, keeps the threshold."""
    return _OPERATORS[threshold.operator](measured, threshold.bound)


def judge(thresholds: Sequence[Threshold], totals: Totals, duration_s: float) -> list[Judgement]:
    """Judge each threshold on the main phase; `duration_s` is that phase's length, for a counter's rate."""
    return [_judge(threshold, totals, duration_s) for threshold in thresholds]


def _parse_entry(entry: str, catalogue: Catalogue, scenarios: Collection[str] | None, what: str) -> list[Threshold]:
    head = _HEAD.match(entry)
    if head is None or entry[head.end() :].lstrip()[:1] != ":":
        raise UsageError(what, entry, _FORM, _EXAMPLE)
    try:
        metric = catalogue.find(head["metric"])
    except UsageError as error:
        rest = entry[len(head["metric"]) :]
        accepted = f"a metric of docs/metrics.md, the nearest is {error.example}"
        raise UsageError(what, entry, accepted, f"{error.example}{rest}") from error
    if scenarios is not None and head["scenario"] and head["scenario"] not in scenarios:
        raise UsageError(what, entry, f"a scenario of this run: {', '.join(sorted(scenarios))}", _EXAMPLE)
    conditions = entry[head.end() :].lstrip()[1:].split(",")
    if [condition.strip().lower() for condition in conditions] == [OFF]:
        return [Threshold(metric.name, head["metric"], head["scenario"], OFF, None, "", 0.0, metric.unit)]
    return [_parse_condition(condition.strip(), entry, metric, head, what) for condition in conditions]


def _parse_condition(condition: str, entry: str, metric: Metric, head: re.Match[str], what: str) -> Threshold:
    example = f"{head.group().strip()}: {_EXAMPLES[metric.kind]}"
    match = _EXPRESSION.fullmatch(condition)
    if match is None:
        raise UsageError(what, entry, _FORM, example)
    aggregation, percent = match["aggregation"], float(match["percent"]) if match["percent"] else None
    aggregations = ("value",) if metric.is_derived else _AGGREGATIONS[metric.kind]
    fits = aggregation in aggregations and (aggregation == "p") == (percent is not None)
    if not fits or (percent is not None and percent > 100):
        forms = ", ".join("p(0) to p(100)" if name == "p" else name for name in aggregations)
        raise UsageError(what, entry, f"for the {metric.kind} {metric.name}: {forms}", example)
    sign = "==" if match["operator"] == "===" else match["operator"]
    bound, unit = float(match["bound"]), _unit(metric, aggregation)
    return Threshold(metric.name, head["metric"], head["scenario"], aggregation, percent, sign, bound, unit)


def _unit(metric: Metric, aggregation: str) -> str:
    if metric.kind == "counter":
        return "1/s" if aggregation == "rate" else "count"
    return "fraction" if metric.kind == "rate" else metric.unit


def _judge(threshold: Threshold, totals: Totals, duration_s: float) -> Judgement:
    if totals.catalogue[threshold.metric].is_derived:
        return _judge_derived(threshold, totals)
    samples = totals.samples(threshold.metric, threshold.scenario)
    measured = _measured(threshold, totals, duration_s) if samples else None
    if measured is None:
        return Judgement(threshold, None, ok=False, samples=samples, problem="no samples")
    ok = keeps(threshold, measured)
    needed = 1
    if threshold.aggregation == "med" or threshold.percent is not None:
        needed = required_samples(threshold.percent if threshold.percent is not None else 50)
    if samples < needed:
        problem = f"only {samples} of the {needed} samples it needs"
        return Judgement(threshold, measured, ok, samples, problem, too_few=True)
    return Judgement(threshold, measured, ok, samples)


def _judge_derived(threshold: Threshold, totals: Totals) -> Judgement:
    figure = totals.derived(threshold.metric, threshold.scenario)
    if figure is None:
        return Judgement(threshold, None, ok=False, samples=0, problem="no samples")
    if figure.value is None:
        ok, untold = not figure.is_doubtful, figure.is_doubtful
        return Judgement(threshold, None, ok, figure.samples, figure.words, untold=untold)
    ok = keeps(threshold, figure.value)
    return Judgement(threshold, figure.value, ok, figure.samples, "" if ok else figure.words)


def _measured(threshold: Threshold, totals: Totals, duration_s: float) -> float | None:
    metric, scenario = threshold.metric, threshold.scenario
    match totals.catalogue[metric].kind:
        case "trend":
            trend = totals.trend(metric, scenario)
            return None if trend is None else _of_trend(threshold, trend)
        case "rate":
            return totals.rate(metric, scenario).value
        case "gauge":
            gauge = totals.gauge(metric, scenario)
            return gauge.peak if threshold.aggregation == "max" else gauge.now
        case "counter":
            count = totals.count(metric, scenario)
            if threshold.aggregation == "count":
                return count
            return count / duration_s if duration_s > 0 else None


def _of_trend(threshold: Threshold, trend: Trend) -> float | None:
    value_us: float | None
    match threshold.aggregation:
        case "avg":
            value_us = trend.mean_us
        case "min":
            value_us = trend.min
        case "max":
            value_us = trend.max
        case "med":
            value_us = trend.percentile(50)
        case _:
            value_us = trend.percentile(threshold.percent or 0)
    return None if value_us is None else value_us / 1000
