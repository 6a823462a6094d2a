"""Feed the seconds of a run to the thresholds on windows, as they become complete and at its end. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

from fleetlm_users.measure.judging.over_time.windows import WindowJudge
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.timeline.history import SILENT_S
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.second import Stretch
from fleetlm_users.measure.timeline.windowed import Windowed

ROUNDING_S: Final = 0.05
"""A run that ends this shortly before a whole second counts as ending on it: timers are no finer."""

SECONDS_AT_ONCE: Final = 50


class WindowFeed:
    """The thresholds on windows of one run, and how far its seconds have been read."""

    def __init__(self, thresholds: Sequence[Threshold], catalogue: Catalogue) -> None:
        self.judge = WindowJudge([one for one in thresholds if one.window_s is not None], catalogue)
        self.has_any = any(one.window_s is not None for one in thresholds)
        self._next: int | None = None
        self._revisions = 0

    def reset(self) -> None:
        """Forget every second: the statistics were reset."""
        self.judge = self.judge.renewed()
        self._next = None
        self._revisions = 0

    def look(self, timeline: MergedTimeline, begins_s: float, now_s: float) -> None:
        """Judge the windows that are complete `now_s` seconds into a run whose judged part began at `begins_s`."""
        if self.has_any:
            complete_to = timeline.complete_to(SILENT_S)
            self._read(timeline, begins_s, min(complete_to, _end(now_s) - 1), lambda: None)

    def finish(
        self, timeline: MergedTimeline, begins_s: float, ends_s: float, yield_to_loop: Callable[[], None]
    ) -> None:
        """Judge all windows of a run whose judged part ended at `ends_s`; whatever came later counts in its last
        second.
        """
        last = _end(ends_s) - 1
        if not self.has_any or last < _begin(begins_s):
            return
        self._read(timeline, begins_s, last, yield_to_loop)
        first = last if last > _begin(begins_s) else int(begins_s)
        self.judge.push(_by_scenario(timeline.intervals(first, max(timeline.ends, last + 1))), last + 1)
        self._next = last + 1

    def _read(self, timeline: MergedTimeline, begins_s: float, end: int, yield_to_loop: Callable[[], None]) -> None:
        if timeline.revisions != self._revisions:
            self.reset()
            self._revisions = timeline.revisions
        begin = _begin(begins_s)
        if self._next is None and end > begin:
            self.judge.push(_by_scenario(timeline.intervals(int(begins_s), begin + 1)), begin + 1)
            self._next = begin + 1
        while self._next is not None and self._next < end:
            for stretch in timeline.intervals(self._next, min(end, self._next + SECONDS_AT_ONCE)):
                self.judge.push(_by_scenario([stretch]), stretch.end_s)
            self._next = min(end, self._next + SECONDS_AT_ONCE)
            yield_to_loop()


def _begin(begins_s: float) -> int:
    return math.ceil(begins_s - ROUNDING_S)


def _end(ends_s: float) -> int:
    return math.floor(ends_s + ROUNDING_S)


def _by_scenario(stretches: Iterable[Stretch]) -> Callable[[str | None], Windowed]:
    """Return the carried sums of several stretches, as a function of the scenario; None stands for all."""
    whole = list(stretches)

    @cache
    def of_scenario(scenario: str | None) -> Windowed:
        together = Windowed()
        for stretch in whole:
            for name, part in stretch.parts.items():
                if scenario in (None, name):
                    together.include(part.windowed)
        return together

    return of_scenario
