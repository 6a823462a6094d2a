"""When a missed threshold began to be missed, derived from the seconds of the run. Pure.

A run is judged as a whole, and its percentile or share says nothing of when. A single slow second is no beginning: what
counts is the first one that opens a stretch most of which is beyond the bound. A count has passed its bound in one
second. Where the seconds hold something else than what was judged, such as failures of the warm-up or of another stage,
or nothing of it, such as gaps, only the first failure is known: processes count those by phase.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from fleetlm_users.measure.metrics.metric import MAIN, STAGE_PREFIX
from fleetlm_users.measure.report.summary.types import Summary, ThresholdEntry, rate_of
from fleetlm_users.measure.threshold.threshold import OPERATORS
from fleetlm_users.measure.timeline.rows import PERCENTS, SeriesRow, SeriesTable
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, TREND_COLUMNS

STRETCH_S: Final = 10
"""Length of the examined stretch, in seconds: long enough to ignore one odd second, short enough to name a minute."""

FEWEST: Final = 3
"""The fewest seconds with samples that make a stretch meaningful."""

_COLUMN_OF_METRIC: Final[Mapping[str, str]] = {metric: str(column) for column, metric in TREND_COLUMNS.items()}
_PERCENT_OF: Final[Mapping[str, float]] = {"med": 50.0, "avg": 50.0, "max": 100.0}

_COUNTED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    **{metric: (column,) for column, metric in COUNTER_COLUMNS.items()},
    "message_failures": ("rejected", "lost", "unconfirmed"),
}
"""Counter -> the columns that sum up to it."""

_OUTCOMES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "message_success_rate": (("appended",), ("rejected", "lost", "unconfirmed")),
    "agent_reply_rate": (("replies_matched",), ("unanswered",)),
    "push_success_rate": (("pushes_replied",), ("pushes_refused", "pushes_timed_out", "pushes_lost")),
    "lifecycle_success_rate": ((), ("session_failures",)),
    "event_success_rate": ((), ("events_missed",)),
}
"""Rate -> its columns of successes and of failures; for the last two rates the seconds lack the successes."""

_FAILURES: Final[Mapping[str, tuple[str, ...]]] = {
    **{metric: tuple(COUNTER_COLUMNS[column] for column in ill) for metric, (_, ill) in _OUTCOMES.items()},
    "message_failures": ("message_failures",),
    "acknowledgement_rate": ("messages_unacknowledged",),
    "delivery_rate": ("deliveries_missed",),
    "durability_rate": ("messages_unstored", "messages_stored_changed"),
    "inbox_shown_rate": ("inbox_missed",),
    "message_correctness_rate": ("message_flaws",),
}
"""Rate, or sum -> the counters of its failures; a counter of trouble is its own."""

_WAITED: Final[Mapping[str, tuple[str, ...]]] = {
    "append": ("append_backlog",),
    "agent": ("append_backlog", "agent_backlog"),
    "first_chunk": ("append_backlog", "agent_backlog"),
    "push": ("push_backlog",),
    "event": ("event_backlog",),
    "join": (),
    "lateness": (),
    "loop_lag": (),
}
"""Latency's column -> the backlogs whose samples are still to come when a stage begins."""

FirstOf = Callable[[str, str | None, str], float | None]
"""Returns when the first event of a counter happened in a scenario and phase (`Totals.first_s`)."""

_CONDITION: Final = re.compile(r"(?P<aggregation>[a-z]+)(?:\((?P<percent>[\d.]+)\))?(?P<operator>[<>=!]=?)")


class Onset(NamedTuple):
    """When a threshold began to be missed, in seconds of the run; None if the seconds do not tell.

    `began_s` is when it began. `first_s` is when the first failure was counted, if failures are scattered or the first
    one breaks the bound. `worst_s` is the worst second of a latency that was beyond its bound in single seconds only.
    """

    began_s: int | None = None
    first_s: int | None = None
    worst_s: int | None = None


UNTOLD: Final = Onset()


class _Seconds:
    """The columns of a run's seconds from one on, and before another one."""

    def __init__(self, rows: Sequence[SeriesRow], begins_s: float, ends_s: float = math.inf) -> None:
        self._rows = rows
        numbers = [int(second or 0) for second in self._whole("second")]
        self._from = next((at for at, second in enumerate(numbers) if second >= begins_s), len(numbers))
        self._to = next((at for at, second in enumerate(numbers) if second + 1 > ends_s), len(numbers))
        self.numbers = numbers[self._from : self._to]

    def column(self, name: str) -> list[int | float | None]:
        return self._whole(name)[self._from : self._to]

    def waiting(self, names: Sequence[str]) -> float:
        """Return the sum of columns in the second before the first one."""
        return sum(self._whole(name)[self._from - 1] or 0 for name in names) if self._from else 0

    def counts(self, names: Sequence[str]) -> list[float]:
        """Return the sum of columns in each second."""
        columns = [self.column(name) for name in names]
        return [sum(column[at] or 0 for column in columns) for at in range(len(self.numbers))]

    def _whole(self, name: str) -> list[int | float | None]:
        rows = self._rows
        return rows.column(name) if isinstance(rows, SeriesTable) else [row.get(name) for row in rows]


def _no_first(metric: str, scenario: str | None, phase: str) -> None:
    """Return None: no first moment is known."""
    del metric, scenario, phase


def onset(
    summary: Summary,
    entry: ThresholdEntry,
    rows: Sequence[SeriesRow],
    begins_s: float,
    first_of: FirstOf = _no_first,
) -> Onset:
    """Return when a threshold began to be missed.

    Args:
        summary: The summary of the run.
        entry: A threshold that was missed.
        rows: The seconds of the run: of the threshold's scenario, or of all if it names none.
        begins_s: The start of the judged part.
        first_of: Returns the first moment of a counter of trouble.

    Returns:
        UNTOLD also for a threshold on windows, which name their worst one.
    """
    condition = _CONDITION.match(entry["condition"])
    if condition is None or entry.get("window_s") or entry["measured"] is None:
        return UNTOLD
    if entry.get("stage"):
        moment = _in_stage(summary, entry, condition, rows, begins_s)
    else:
        moment = _in_main(summary, entry, condition, rows, begins_s)
    return _first_failure(entry, condition, rows, first_of) if moment == UNTOLD else moment


def _in_main(
    summary: Summary, entry: ThresholdEntry, condition: re.Match[str], rows: Sequence[SeriesRow], begins_s: float
) -> Onset:
    metric, aggregation, operator = entry["metric"], condition["aggregation"], condition["operator"]
    seconds, keeps = _Seconds(rows, begins_s), OPERATORS[operator]

    def is_beyond(value: float) -> bool:
        return not keeps(value, entry["bound"])

    if metric in _COLUMN_OF_METRIC and operator in ("<", "<="):
        return _of_latency(seconds, entry, condition, is_beyond)
    if metric in _OUTCOMES and (entry["measured"] or 0.0) < entry["bound"]:
        return _of_rate(seconds, metric, _failed(summary, entry), is_beyond)
    if metric in _COUNTED_IN and aggregation == "rate":
        ends_s = begins_s + summary["run"]["duration_s"]
        return _of_speed(seconds, metric, ends_s, is_beyond)
    if metric in _COUNTED_IN and aggregation == "count" and operator in ("<", "<=", "=="):
        return _of_count(seconds, entry, is_beyond)
    return UNTOLD


def _in_stage(
    summary: Summary, entry: ThresholdEntry, condition: re.Match[str], rows: Sequence[SeriesRow], begins_s: float
) -> Onset:
    """Judge a latency in the seconds of its stage, starting once as many samples have come as were pending at its
    start.
    """
    column, keeps = _COLUMN_OF_METRIC.get(entry["metric"], ""), OPERATORS[condition["operator"]]
    span = next((stage for stage in summary.get("stages") or () if stage["name"] == entry.get("stage")), None)
    if span is None or column not in _WAITED or condition["operator"] not in ("<", "<="):
        return UNTOLD
    ends_s = span["begins_s"] + span["length_s"]
    whole = _Seconds(rows, max(begins_s, span["begins_s"]), ends_s)
    waiting = whole.waiting(_WAITED[column])
    passed = accumulate(whole.counts([f"{column}_count"]), initial=0.0)
    own = whole.numbers[sum(n < waiting for n in passed) :]
    seconds = _Seconds(rows, own[0] if own else math.inf, ends_s)
    moment = _of_latency(seconds, entry, condition, lambda value: not keeps(value, entry["bound"]))
    return UNTOLD if waiting and moment.began_s is None else moment


def _first_failure(
    entry: ThresholdEntry, condition: re.Match[str], rows: Sequence[SeriesRow], first_of: FirstOf
) -> Onset:
    """Return the first failure that the judged phase counts; None if refusals were taken back, since it may be one of
    those.
    """
    metric, measured, is_count = entry["metric"], entry["measured"] or 0.0, condition["aggregation"] == "count"
    too_many = is_count and condition["operator"] in ("<", "<=", "==") and measured >= entry["bound"]
    too_few = condition["aggregation"] == "rate" and metric in _FAILURES and measured < entry["bound"]
    columns = _COUNTED_IN.get(metric) or _OUTCOMES.get(metric, ((), ()))[1]
    if not (too_many or too_few) or any(n < 0 for n in _Seconds(rows, 0.0).counts(columns)):
        return UNTOLD
    phase = STAGE_PREFIX + str(entry["stage"]) if entry.get("stage") else MAIN
    moments = (first_of(name, entry["scenario"] or None, phase) for name in _FAILURES.get(metric, (metric,)))
    first_s = min((at_s for at_s in moments if at_s is not None), default=None)
    return UNTOLD if first_s is None else Onset(first_s=int(first_s))


def _of_latency(
    seconds: _Seconds, entry: ThresholdEntry, condition: re.Match[str], is_beyond: Callable[[float], bool]
) -> Onset:
    """Judge each second by the threshold's percentile, or by the next lower one available.

    The worst second is only known if the seconds hold exactly the judged samples, and none of the warm-up.
    """
    column = _COLUMN_OF_METRIC[entry["metric"]]
    percent = float(condition["percent"]) if condition["percent"] else _PERCENT_OF.get(condition["aggregation"], 0.0)
    names = [name for name, each in PERCENTS.items() if each <= percent]
    if not names:
        return UNTOLD
    values = seconds.column(f"{column}_{names[-1]}")
    began_s = _opening(seconds.numbers, values, is_beyond)
    if began_s is not None:
        return Onset(began_s=began_s)
    worst = max((value for value in values if value is not None), default=None)
    if worst is None or not is_beyond(worst) or sum(seconds.counts([f"{column}_count"])) != entry["samples"]:
        return UNTOLD
    return Onset(worst_s=_first(seconds.numbers, values, lambda value: value == worst))


def _of_rate(seconds: _Seconds, metric: str, failed: int, is_beyond: Callable[[float], bool]) -> Onset:
    """Find the stretch in which most seconds have too small a share, or else the first failure.

    Messages of the warm-up can also fail in judged seconds. A stretch must be beyond the bound even without that many
    failures, and the first failure is only known if there are none.
    """
    well, ill = (seconds.counts(columns) for columns in _OUTCOMES[metric])
    if any(n < 0 for n in ill):  # refusals that were taken back
        return UNTOLD
    foreign = max(0.0, sum(ill) - failed)

    def is_without_warm_up(at: int) -> bool:
        passed, not_passed = (sum(counts[at : at + STRETCH_S]) for counts in (well, ill))
        counted = passed + max(0.0, not_passed - foreign)
        return counted > 0 and is_beyond(passed / counted)

    if _OUTCOMES[metric][0]:
        shares = [good / (good + bad) if good + bad else None for good, bad in zip(well, ill, strict=True)]
        began_s = _opening(seconds.numbers, shares, is_beyond, is_without_warm_up)
        if began_s is not None:
            return Onset(began_s=began_s)
    return Onset(first_s=_first(seconds.numbers, ill, lambda n: n > 0)) if sum(ill) == failed else UNTOLD


def _of_speed(seconds: _Seconds, metric: str, ends_s: float, is_beyond: Callable[[float], bool]) -> Onset:
    """Find the stretch in which most seconds, and their mean, have too few or too many; the drain does not count."""
    counts = seconds.counts(_COUNTED_IN[metric])
    numbers = [number for number in seconds.numbers if number + 1 <= ends_s]

    def is_beyond_in_the_mean(at: int) -> bool:
        stretch = counts[at : min(at + STRETCH_S, len(numbers))]
        return is_beyond(sum(stretch) / len(stretch))

    return Onset(began_s=_opening(numbers, counts[: len(numbers)], is_beyond, is_beyond_in_the_mean))


def _of_count(seconds: _Seconds, entry: ThresholdEntry, is_beyond: Callable[[float], bool]) -> Onset:
    """Find the second in which the count passed its bound, if the seconds hold exactly the judged events."""
    counts = seconds.counts(_COUNTED_IN[entry["metric"]])
    if any(n < 0 for n in counts) or sum(counts) != entry["measured"]:
        return UNTOLD
    passed_s = _first(seconds.numbers, list(accumulate(counts)), lambda n: n >= entry["bound"] and is_beyond(n))
    return Onset(first_s=passed_s) if is_beyond(1) and entry["bound"] <= 1 else Onset(began_s=passed_s)


def _opening(
    numbers: Sequence[int],
    values: Sequence[float | None],
    is_beyond: Callable[[float], bool],
    holds: Callable[[int], bool] = lambda _: True,
) -> int | None:
    """Return the first second that opens a stretch mostly beyond the bound, and for which `holds` is true."""
    for at, value in enumerate(values):
        if value is None or not is_beyond(value):
            continue
        stretch = [each for each in values[at : at + STRETCH_S] if each is not None]
        if len(stretch) >= FEWEST and 2 * sum(map(is_beyond, stretch)) > len(stretch) and holds(at):
            return numbers[at]
    return None


def _first(numbers: Sequence[int], values: Sequence[float | None], is_it: Callable[[float], bool]) -> int | None:
    return next((number for number, n in zip(numbers, values, strict=True) if n is not None and is_it(n)), None)


def _failed(summary: Summary, entry: ThresholdEntry) -> int:
    """Return how many of the events that a rate judged failed."""
    rate = rate_of(summary, entry["metric"])
    if rate is None or MAIN not in rate:
        return 0
    main, scenario = rate[MAIN], entry["scenario"]
    figures = main["scenarios"].get(scenario) if scenario else main["all"]
    return figures["total"] - figures["passes"] if figures else 0
