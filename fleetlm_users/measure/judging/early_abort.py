"""Decide whether a run can still pass: which missed thresholds are beyond repair, and which are missed for good.

A figure that only moves one way is beyond repair: a count above its upper bound, a maximum or minimum outside its
bound, a share that had to be whole and no longer is. Anything else may recover, and counts as missed for good only if
every check during a whole grace period found it missed, on enough samples. A miss that the generator's lateness alone
explains never counts.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from fleetlm_users.measure import formatting
from fleetlm_users.measure.histogram import required_samples
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge, keeps
from fleetlm_users.measure.totals import Totals

MIN_LOOKS: Final = 3
"""The fewest checks that make up a grace period, however long it was."""

CAUTION: Final = 5
"""The multiple of the samples a verdict needs that is required here, so that chance does not end a run early."""

MIN_SAMPLES: Final = 30

TAKEN_BACK: Final = frozenset({"messages_rejected"})
"""Counters that can go down again: a presumed rejection is taken back when the message arrives after all."""

Outlook = Literal["beyond repair", "may recover", "may still come"]


class Patience:
    """Repeated checks of the same thresholds; gives up when `grace_s` seconds of the main phase have passed.

    `is_late` says whether the generator was beyond its limits in the numbers of a check; `elsewhere` judges thresholds
    that the numbers do not cover.
    """

    def __init__(
        self,
        thresholds: Sequence[Threshold],
        grace_s: float,
        is_late: Callable[[Totals], bool],
        elsewhere: Callable[[Threshold], Judgement | None] = lambda _: None,
    ) -> None:
        self._elsewhere = elsewhere
        self._thresholds = tuple(thresholds)
        self._grace_s = grace_s
        self._is_late = is_late
        self._missed: dict[int, list[float]] = {}

    def look(self, totals: Totals, main_s: float) -> str:
        """Return why the run is hopeless `main_s` seconds after its warm-up; empty while it is not."""
        judgements = judge(self._thresholds, totals, main_s, self._elsewhere)
        for number, judgement in enumerate(excuse_lateness(judgements, totals, lambda: self._is_late(totals))):
            reason = (
                f"{judgement.expression} measured {formatting.measured(judgement.measured, judgement.threshold.unit)}"
            )
            outlook = "may still come" if judgement.ok or judgement.late else outlook_of(judgement, totals)
            if outlook == "beyond repair" and main_s >= self._grace_s:
                return f"{reason}, which can no longer be made good"
            if outlook != "may recover" or not _is_certain(judgement, totals):
                self._missed.pop(number, None)
                continue
            looks = self._missed.setdefault(number, [])
            looks.append(main_s)
            if len(looks) >= MIN_LOOKS and main_s - looks[0] >= self._grace_s:
                return f"{reason}, and missed it in all {len(looks)} looks of the last {main_s - looks[0]:.0f} s"
        return ""


def outlook_of(missed: Judgement, totals: Totals) -> Outlook:
    """Return the outlook of a missed threshold; without samples it may still get some."""
    threshold, measured = missed.threshold, missed.measured
    if measured is None:
        return "may still come"
    if threshold.is_of_server:
        return _outlook_of_server(missed)
    if threshold.window_s is not None:
        return _outlook_of_window(missed, totals)
    can_shrink = bool(TAKEN_BACK & _counters_of(threshold.metric, totals))
    if threshold.aggregation in ("count", "max"):
        if not _is_above(threshold, measured):
            return "may still come"  # it only grows
        return "may recover" if can_shrink else "beyond repair"
    if threshold.aggregation == "min":
        return "beyond repair" if _is_below(threshold, measured) else "may still come"
    if threshold.unit == "fraction" and not can_shrink:
        had_to_be_whole = threshold.bound == 1 and _is_below(threshold, measured)
        had_to_be_none = threshold.bound == 0 and _is_above(threshold, measured)
        if (had_to_be_whole or had_to_be_none) and not _awaits(threshold, totals):
            return "beyond repair"
    return "may recover"


def _outlook_of_window(missed: Judgement, totals: Totals) -> Outlook:
    """Return the outlook of a full window that missed: nothing mends it, unless it counts what may be taken back."""
    return "may recover" if TAKEN_BACK & _counters_of(missed.threshold.metric, totals) else "beyond repair"


def _outlook_of_server(missed: Judgement) -> Outlook:
    """Return the outlook of a server's figure: its highest value only grows and its lowest only falls; growth, mean and
    value may recover.
    """
    threshold, measured = missed.threshold, missed.measured
    if measured is not None and threshold.aggregation == "max":
        return "beyond repair" if _is_above(threshold, measured) else "may still come"
    if measured is not None and threshold.aggregation == "min":
        return "beyond repair" if _is_below(threshold, measured) else "may still come"
    return "may recover"


def _is_above(threshold: Threshold, measured: float) -> bool:
    return threshold.operator in ("<", "<=") or (threshold.operator == "==" and measured > threshold.bound)


def _is_below(threshold: Threshold, measured: float) -> bool:
    return threshold.operator in (">", ">=") or (threshold.operator == "==" and measured < threshold.bound)


def _counters_of(metric: str, totals: Totals) -> frozenset[str]:
    declared = totals.catalogue[metric]
    return frozenset((declared.name, *declared.parts, *declared.passes, *declared.total))


def _is_certain(missed: Judgement, totals: Totals) -> bool:
    """Return whether it is missed on enough samples, and not only because answers are still on their way."""
    threshold = missed.threshold
    if threshold.is_of_server or threshold.window_s is not None:
        return missed.samples >= MIN_SAMPLES and not missed.too_few
    if totals.catalogue[threshold.metric].kind in ("trend", "rate"):
        percent = 50.0 if threshold.percent is None else threshold.percent
        if missed.samples < max(MIN_SAMPLES, CAUTION * required_samples(percent)):
            return False
    return not _awaits(threshold, totals)


def _awaits(threshold: Threshold, totals: Totals) -> bool:
    """Return whether the threshold would be kept if every answer still awaited came: `agent_reply_rate` only."""
    if threshold.metric != "agent_reply_rate":
        return False
    due = totals.count("agent_replies_due", threshold.scenario)
    return keeps(threshold, 1 - totals.count("messages_unanswered", threshold.scenario) / due)
