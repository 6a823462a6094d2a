"""Thresholds on the server's own figures: the source of each, and whether it was kept. Pure.

A missing reading is not a good reading: a threshold without any readings fails, and one that was kept in the available
readings is undecided if many are missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from msgspec import structs

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.over_time.growth_rate import MIN_READINGS, GrowthRate, growth_rate, seconds_to_tell
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.server.figures import ReadingHistory
from fleetlm_users.measure.server.series import ServerSeries, parse_subject
from fleetlm_users.measure.threshold.threshold import Threshold

MISSING_SHARE: Final = 0.2
"""If a larger share of a figure's readings failed, its threshold is undecided."""

Readings = Callable[[str | None, ServerSeries], ReadingHistory | None]
"""The readings of a series by source; the source None is the only one there is."""

_VALUES: Final[Mapping[str, Callable[[ReadingHistory], float]]] = {
    "value": lambda history: history.last,
    "avg": lambda history: history.mean,
    "min": lambda history: history.lowest,
    "max": lambda history: history.highest,
}


def wanted_of(thresholds: Iterable[Threshold], source: str) -> list[ServerSeries]:
    """Return the series of one source that the thresholds bound, each once."""
    subjects = [parse_subject(threshold.metric) for threshold in thresholds if threshold.is_of_server]
    return list(dict.fromkeys(subject.series for subject in subjects if subject.source in (None, source)))


def unknown_sources(thresholds: Iterable[Threshold], sources: Sequence[str]) -> Iterator[Threshold]:
    """Yield the thresholds that name a source which the run does not have, or that match none at all."""
    for threshold in thresholds:
        if threshold.is_of_server and not threshold.is_off:
            source = parse_subject(threshold.metric).source
            if not sources or (source is not None and source not in sources):
                yield threshold


def by_source(
    thresholds: Iterable[Threshold], offered: Mapping[str, Callable[[ServerSeries], bool] | None]
) -> Iterator[tuple[Threshold, list[Threshold]]]:
    """Yield each threshold with its instances: one for each source that has its figure; none if no source has.

    Args:
        thresholds: The run's thresholds; those on other metrics stay as they are.
        offered: By source, whether it has a series; None for a source that could not be read, so it may have one.
    """
    for threshold in thresholds:
        if not threshold.is_of_server:
            yield threshold, [threshold]
            continue
        subject = parse_subject(threshold.metric)
        names = [name for name in offered if subject.source in (None, name)]
        having = [name for name in names if (has := offered[name]) is None or has(subject.series)]
        if len(offered) == 1:
            yield threshold, [threshold] * len(having)
            continue
        named = [str(subject.of(name)) for name in having]
        yield threshold, [replace(threshold, metric=name, shown=name) for name in named]


def judge_server(threshold: Threshold, readings: Readings) -> Judgement:
    """Return whether a figure of the server kept its threshold in the judged part of the run."""
    subject = parse_subject(threshold.metric)
    history = readings(subject.source, subject.series)
    if history is None or not history.count:
        return Judgement(threshold, None, ok=False, samples=0, problem="no reading")
    if threshold.aggregation == "growth":
        judgement = _judge_growth(threshold, history)
    else:
        measured = _VALUES[threshold.aggregation](history)
        judgement = Judgement(threshold, measured, threshold.is_kept_by(measured), history.count)
    tried = history.count + history.missing
    if history.missing > MISSING_SHARE * tried and judgement.ok:
        problem = f"{history.missing} of {tried} readings failed"
        return structs.replace(judgement, too_few=True, problem=problem)
    return judgement


def _judge_growth(threshold: Threshold, history: ReadingHistory) -> Judgement:
    rate = growth_rate(history.kept)
    if rate is None:
        problem = f"too short to tell: {history.count} of the {MIN_READINGS} readings that a growth needs"
        return Judgement(threshold, None, ok=False, samples=history.count, problem=problem, too_few=True)
    keeps = threshold.is_kept_by
    is_upper = threshold.operator in ("<", "<=")
    best, worst = (rate.low_per_h, rate.high_per_h) if is_upper else (rate.high_per_h, rate.low_per_h)
    later_best = rate.later_low_per_h if is_upper else rate.later_high_per_h
    later_worst = rate.later_high_per_h if is_upper else rate.later_low_per_h
    between = (
        f"between {formatting.measured(rate.low_per_h, threshold.unit)} and "
        f"{formatting.measured(rate.high_per_h, threshold.unit)} with 99 % confidence"
    )
    if not keeps(best) and not keeps(rate.later_per_h):
        return Judgement(threshold, rate.per_h, ok=False, samples=history.count, note=between)
    if keeps(worst) and keeps(later_best):
        return Judgement(threshold, rate.per_h, ok=True, samples=history.count, note=between)
    if keeps(later_worst):
        note = f"{between}; the value is that of the later half, in which it had levelled off"
        return Judgement(threshold, rate.later_per_h, ok=True, samples=history.count, note=note)
    problem = f"too short to tell: {between}{_remedy(rate, threshold)}"
    return Judgement(threshold, rate.per_h, keeps(rate.per_h), history.count, problem, too_few=True)


def _remedy(rate: GrowthRate, threshold: Threshold) -> str:
    needed_s = seconds_to_tell(rate, threshold.bound)
    if needed_s is None or needed_s <= rate.seconds:
        return ""
    return f"; a judged part of about {formatting.duration(needed_s)} would tell"
