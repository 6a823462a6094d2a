"""Parse thresholds: k6's syntax, with windows, units, and the figures of the server.

    append_latency_ms{scenario:burst}[60s]: p(95)<500, avg<20ms
    server.memory_bytes: growth<20MiB/h

Syntax: https://grafana.com/docs/k6/latest/using-k6/thresholds/; windows are written as PromQL's range selectors.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.metrics.metric import SKEWED_PARTS, Kind, Metric
from fleetlm_users.measure.server.series import PREFIX, SUBJECT, parse_subject
from fleetlm_users.measure.threshold.bound_units import BOUND, accepted_units, scale_of
from fleetlm_users.measure.threshold.threshold import OFF, Threshold

EXAMPLE: Final = "append_latency_ms: p(95)<500"
WINDOW_EXAMPLE: Final = "append_latency_ms[60s]: p(95)<500"
STAGE_EXAMPLE: Final = "append_latency_ms{stage:peak}: p(95)<300"
SERVER_EXAMPLE: Final = "server.memory_bytes: growth<20MiB/h"
FORM: Final = (
    "metric: aggregation operator number, ...; the metric may carry {scenario:name}, {stage:name}, {busiest} and a "
    "window, [60s]"
)

MIN_WINDOW_S: Final = 2
MAX_WINDOW_S: Final = 86_400

LARGEST: Final = 1e100
"""The largest bound that is converted: the fractions of larger ones would be as long as their exponents are high."""

_WINDOW: Final = r"\s*(?:\[\s*(?P<length>[0-9]{1,9})\s*(?P<span>s|m|min|h)?\s*\])?"
_PART: Final = r"(?:stage\s*:\s*(?P<{0}>[^{{}}:,\s]+)|(?P<{0}_part>" + "|".join(SKEWED_PARTS) + r"))\s*"
_PLACE: Final = (
    r"(?:\{\s*(?:scenario\s*:\s*(?P<scenario>[^{}:,\s]+)\s*(?:,\s*"
    + _PART.format("stage")
    + r")?|"
    + _PART.format("only")
    + r")\})?"
)
_HEAD: Final = re.compile(r"(?P<metric>[^\s:{}\[\]]+)\s*" + _PLACE + _WINDOW)
_SERVER_HEAD: Final = re.compile(rf"(?P<metric>{SUBJECT}){_WINDOW}(?=\s*:)")
_SPANS_S: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
_EXPRESSION: Final = re.compile(
    r"(?P<aggregation>[A-Za-z]+)\s*(?:\(\s*(?P<percent>[0-9]+(?:\.[0-9]+)?)\s*\))?\s*"
    rf"(?P<operator><=|>=|===?|!=|<|>)\s*{BOUND}"
)
SERVER_AGGREGATIONS: Final = ("value", "avg", "min", "max", "growth")
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


class _Subject(msgspec.Struct, frozen=True):
    """The subject of an entry's conditions: `kinds` in words, `units` by aggregation, and an example."""

    metric: str
    shown: str
    scenario: str | None
    window_s: int | None
    words: str
    units: Mapping[str, str]
    example: str
    stage: str | None = None


def parse_thresholds(
    texts: Sequence[str],
    catalogue: Catalogue = DEFAULT,
    scenarios: Collection[str] | None = None,
    *,
    what: str = "threshold",
) -> list[Threshold]:
    """Parse thresholds, each text for one metric, with commas between its conditions.

    Args:
        texts: Such as `append_latency_ms{scenario:burst}[60s]: p(95)<500, avg<20`; blank ones are skipped.
        catalogue: The metrics that a threshold may name.
        scenarios: The scenarios that a threshold may name; None allows any.
        what: The setting that an error names.

    Returns:
        The thresholds in the order given, one for each condition.

    Raises:
        UsageError: The syntax, metric, scenario or window is invalid, or an aggregation or a unit does not fit the
            metric.
    """
    return [
        threshold
        for text in texts
        if text.strip()
        for threshold in _parse_entry(text.strip(), catalogue, scenarios, what)
    ]


def _parse_entry(entry: str, catalogue: Catalogue, scenarios: Collection[str] | None, what: str) -> list[Threshold]:
    is_of_server = entry.startswith(PREFIX)
    head = (_SERVER_HEAD if is_of_server else _HEAD).match(entry)
    if head is None or entry[head.end() :].lstrip()[:1] != ":":
        raise UsageError(what, entry, *_form_of(entry, is_of_server))
    subject = _of_server(head, entry, what) if is_of_server else _of_catalogue(head, entry, catalogue, scenarios, what)
    conditions = entry[head.end() :].lstrip()[1:].split(",")
    if [condition.strip().lower() for condition in conditions] == [OFF]:
        unit = next(iter(subject.units.values()))
        place = subject.metric, subject.shown, subject.scenario
        return [Threshold(*place, OFF, None, "", 0.0, unit, subject.window_s, "", subject.stage)]
    return [_parse_condition(condition.strip(), entry, subject, what) for condition in conditions]


def _form_of(entry: str, is_of_server: bool) -> tuple[str, str]:
    if is_of_server:
        return 'server.NAME or server.SOURCE.NAME, perhaps with {label="value"}, a colon and conditions', SERVER_EXAMPLE
    if "[" in entry.partition(":")[0]:
        return (
            f"a window in seconds, minutes or hours behind the metric, or {FORM}",
            f"append_latency_ms[60s]{EXAMPLE[17:]}",
        )
    return FORM, EXAMPLE


def _of_server(head: re.Match[str], entry: str, what: str) -> _Subject:
    try:
        subject = parse_subject(head["metric"])
    except ValueError as problem:
        raise UsageError(what, entry, str(problem), SERVER_EXAMPLE) from problem
    if head["length"]:
        accepted = "a figure of the server without a window: it is bounded over the whole main phase"
        raise UsageError(what, entry, accepted, SERVER_EXAMPLE)
    unit = subject.series.unit
    units = {name: f"{unit}/h" if name == "growth" else unit for name in SERVER_AGGREGATIONS}
    return _Subject(str(subject), str(subject), None, None, "a figure of the server", units, "max<90, growth<5/h")


def _of_catalogue(
    head: re.Match[str], entry: str, catalogue: Catalogue, scenarios: Collection[str] | None, what: str
) -> _Subject:
    try:
        metric = catalogue.find(head["metric"])
    except UsageError as error:
        rest = entry[len(head["metric"]) :]
        accepted = f"a metric of docs/metrics.md, the nearest is {error.example}"
        raise UsageError(what, entry, accepted, f"{error.example}{rest}") from error
    if scenarios is not None and head["scenario"] and head["scenario"] not in scenarios:
        raise UsageError(what, entry, f"a scenario of this run: {', '.join(sorted(scenarios))}", EXAMPLE)
    window_s = _window_s(head, entry, metric, what)
    stage = head["stage"] or head["stage_part"] or head["only"] or head["only_part"]
    if stage is not None and (window_s is not None or metric.kind == "gauge"):
        accepted = "a stage or the busiest sessions for a trend, a counter or a rate, and without a window"
        raise UsageError(what, entry, accepted, STAGE_EXAMPLE)
    aggregations = ("value",) if metric.is_derived else _AGGREGATIONS[metric.kind]
    if stage is not None and metric.kind == "counter":
        aggregations = ("count",)
    units = {name: _unit(metric, name) for name in aggregations}
    words = f"the {metric.kind} {metric.name}"
    return _Subject(metric.name, head["metric"], head["scenario"], window_s, words, units, _example_of(metric), stage)


def _example_of(metric: Metric) -> str:
    if metric.is_derived:
        return "value<0.01" if metric.unit == "fraction" else "value<2"
    return _EXAMPLES[metric.kind]


def _window_s(head: re.Match[str], entry: str, metric: Metric, what: str) -> int | None:
    if not head["length"]:
        return None
    length_s = int(head["length"]) * _SPANS_S[head["span"] or ""]
    if metric.kind == "gauge":
        accepted = f"{metric.name} without a window: trends, counters and rates have windows, gauges have none"
        raise UsageError(what, entry, accepted, f"{metric.name}: {_example_of(metric)}")
    if not MIN_WINDOW_S <= length_s <= MAX_WINDOW_S:
        accepted = f"a window of {MIN_WINDOW_S} s to a day"
        raise UsageError(what, entry, accepted, f"{metric.name}[60s]: {_EXAMPLES[metric.kind]}")
    return length_s


def _parse_condition(condition: str, entry: str, subject: _Subject, what: str) -> Threshold:
    window = f"[{subject.window_s}s]" if subject.window_s else ""
    scenario = f"{{scenario:{subject.scenario}}}" if subject.scenario else ""
    example = f"{subject.shown}{scenario}{window}: {subject.example}"
    match = _EXPRESSION.fullmatch(condition)
    if match is None:
        raise UsageError(what, entry, FORM, example)
    aggregation, percent = match["aggregation"], float(match["percent"]) if match["percent"] else None
    fits = aggregation in subject.units and (aggregation == "p") == (percent is not None)
    if not fits or (percent is not None and percent > 100):
        forms = ", ".join("p(0) to p(100)" if name == "p" else name for name in subject.units)
        raise UsageError(what, entry, f"for {subject.words}: {forms}", example)
    unit = subject.units[aggregation]
    scale = scale_of(match["unit"], unit)
    if scale is None:
        raise UsageError(what, entry, f"as the bound of {aggregation}, {accepted_units(unit)}", example)
    sign = "==" if match["operator"] == "===" else match["operator"]
    if aggregation == "growth" and sign in ("==", "!="):
        raise UsageError(what, entry, "for a growth, which is known within an interval: <, <=, >, >=", example)
    number, written_unit = match["bound"], "".join(match["unit"].split())
    bound = float(Fraction(number) * scale) if abs(float(number)) < LARGEST else float(number)
    written = f"{float(number):.15g}{written_unit}" if written_unit else ""
    return Threshold(
        subject.metric, subject.shown, subject.scenario, aggregation, percent, sign, bound, unit,
        subject.window_s, written, subject.stage,
    )  # fmt: skip


def _unit(metric: Metric, aggregation: str) -> str:
    if metric.kind == "counter":
        return "1/s" if aggregation == "rate" else "count"
    return "fraction" if metric.kind == "rate" else metric.unit
