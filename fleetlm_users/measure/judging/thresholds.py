"""Thresholds in k6's notation, `append_latency_ms{scenario:burst}: p(95)<500, avg<20`: overridden and judged.

measure/threshold defines the notation. Unlike k6, a threshold without samples fails.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from fleetlm_users.measure.histogram import Trend, required_samples
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, STAGE_PREFIX
from fleetlm_users.measure.threshold.grammar import parse_thresholds
from fleetlm_users.measure.threshold.threshold import OFF, Key, Threshold
from fleetlm_users.measure.totals import Totals

__all__ = ("OFF", "Judgement", "Threshold", "judge", "keeps", "not_bounded", "override", "parse_thresholds")


NOTHING_TO_JUDGE: Final = "nothing came that it could judge"

_OF_BROADCASTS: Final = frozenset(("messages_received", "messages_acknowledged", "messages_appended"))
"""The evidence without which a count of flawed or missing broadcasts means nothing."""


class Judgement(msgspec.Struct, frozen=True):
    """A threshold with its measured value (in the unit of its bound; None without samples) and whether it was kept.

    `too_few` marks a percentile that was taken from fewer samples than it needs: neither answer can be trusted. `late`
    marks one that was missed only because the generator sent late: see generator_lateness.py. A derived metric that the
    run cannot determine has no value: `untold` marks it if that speaks against the run; if not, it is kept. `note` says
    what else a reader should know about the measured value. For windows, `worst_window_s` holds the first and the last
    second of the window with that value, and `from_sent` its service time if that would have kept every missed window.
    """

    threshold: Threshold
    measured: float | None
    ok: bool
    samples: int
    problem: str = ""
    too_few: bool = False
    late: bool = False
    untold: bool = False
    note: str = ""
    from_sent: float | None = None
    worst_window_s: tuple[int, int] | None = None

    @property
    def undecided(self) -> bool:
        """Whether the measured value allows no answer; `problem` says why."""
        return self.too_few or self.late or self.untold

    @property
    def expression(self) -> str:
        """The threshold as text."""
        return str(self.threshold)


def override(base: Iterable[Threshold], given: Iterable[Threshold]) -> list[Threshold]:
    """Return `base` with those of the same metric, scenario and window replaced in place by `given`; then the rest."""
    waiting: dict[Key, list[Threshold]] = {}
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

    def keys(default: Threshold) -> set[Key]:
        return {(default.metric, None, default.window_s, default.stage), default.key}

    return [default for default in defaults if not bounded & keys(default)]


def keeps(threshold: Threshold, measured: float) -> bool:
    """Return whether a value, in the unit of the bound, keeps the threshold."""
    return threshold.is_kept_by(measured)


def judge(
    thresholds: Sequence[Threshold],
    totals: Totals,
    duration_s: float,
    elsewhere: Callable[[Threshold], Judgement | None] = lambda _: None,
) -> list[Judgement]:
    """Judge each threshold on the main phase.

    Args:
        thresholds: The thresholds.
        totals: The measurements.
        duration_s: Length of the main phase in seconds, for a counter's rate.
        elsewhere: Judges thresholds that the totals do not cover, such as figures of the server; returns None for all
            others.
    """
    return [elsewhere(threshold) or _judge(threshold, totals, duration_s) for threshold in thresholds]


def _judge(threshold: Threshold, totals: Totals, duration_s: float) -> Judgement:
    if totals.catalogue[threshold.metric].is_derived:
        return _judge_derived(threshold, totals)
    samples = totals.samples(threshold.metric, threshold.scenario, _phase(threshold))
    measured = _measured(threshold, totals, duration_s) if samples else None
    if measured is None:
        if _is_moot(threshold, totals):
            return Judgement(threshold, None, ok=True, samples=0, problem=NOTHING_TO_JUDGE)
        return Judgement(threshold, None, ok=False, samples=samples, problem="no samples")
    ok = keeps(threshold, measured)
    needed = 1
    if threshold.aggregation == "med" or threshold.percent is not None:
        needed = required_samples(threshold.percent if threshold.percent is not None else 50)
    if samples < needed:
        problem = f"only {samples} of the {needed} samples it needs"
        return Judgement(threshold, measured, ok, samples, problem, too_few=True)
    return Judgement(threshold, measured, ok, samples)


def _is_moot(threshold: Threshold, totals: Totals) -> bool:
    """Return whether a behaviour's own rate had nothing to judge, as in a run of seconds: nobody asked for it by name.

    The same holds for its counts of what is wrong with broadcasts: none came, and other metrics tell why.
    This covers only rates of this package's own behaviours: a class written for another application names what must
    come.

    If something should have come and did not, the preset's thresholds, total failures and failed sessions show it.
    """
    metric = totals.catalogue[threshold.metric]
    can_be_moot = metric.kind == "rate" or (metric.is_trouble and metric.evidence in _OF_BROADCASTS)
    return threshold.origin == "behaviour" and can_be_moot and threshold.metric in DEFAULT


def _judge_derived(threshold: Threshold, totals: Totals) -> Judgement:
    figure = totals.derived(threshold.metric, threshold.scenario)
    if figure is None:
        return Judgement(threshold, None, ok=False, samples=0, problem="no samples")
    if figure.value is None:
        ok, untold = not figure.is_doubtful, figure.is_doubtful
        return Judgement(threshold, None, ok, figure.samples, figure.words, untold=untold)
    ok = keeps(threshold, figure.value)
    return Judgement(threshold, figure.value, ok, figure.samples, "" if ok else figure.words)


def _phase(threshold: Threshold) -> str:
    """Return the phase that a threshold covers: messages due in its stage, or the whole main phase."""
    return MAIN if threshold.stage is None else STAGE_PREFIX + threshold.stage


def _measured(threshold: Threshold, totals: Totals, duration_s: float) -> float | None:
    metric, scenario, phase = threshold.metric, threshold.scenario, _phase(threshold)
    match totals.catalogue[metric].kind:
        case "trend":
            trend = totals.trend(metric, scenario, phase)
            return None if trend is None else _of_trend(threshold, trend)
        case "rate":
            return totals.rate(metric, scenario, phase).value
        case "gauge":
            gauge = totals.gauge(metric, scenario)
            return gauge.peak if threshold.aggregation == "max" else gauge.now
        case "counter":
            count = totals.count(metric, scenario, phase)
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
