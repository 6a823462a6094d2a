"""Thresholds that must hold in every full window of a run: `append_latency_ms[60s]: p(95)<500`. Pure.

Windows slide second by second over the main phase. Samples before its first whole second count in that one, and samples
after its last, in the drain, count in the last, so every sample of the main phase is in some window. A sample's second
is the one in which the answer came or the event was counted, as in timeseries.csv.

Percentiles, minima and maxima are known to 0.1 %. The less favourable end of that range is used, so a threshold that
counts as kept was kept.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.histogram import required_samples
from fleetlm_users.measure.judging.over_time.sliding import SlidingSpread, SlidingWindow
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.measure.timeline.windowed import Carried, Windowed

_PERCENTS: Final = {"min": 0.0, "med": 50.0, "max": 100.0}
_UPPER: Final = ("<", "<=", "==", "!=")

Outcome = Literal["skipped", "kept", "missed"]


def carried_of(thresholds: Iterable[Threshold], catalogue: Catalogue) -> Carried:
    """Return the metrics that seconds must carry for the thresholds on windows."""
    trends: set[str] = set()
    counters: set[str] = set()
    for threshold in thresholds:
        if threshold.window_s is not None and not threshold.is_off:
            own_trends, own_counters = _parts(catalogue[threshold.metric])
            trends.update(own_trends)
            counters.update(own_counters)
    return Carried(frozenset(trends), frozenset(counters))


def _parts(metric: Metric) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the trends and counters that make up a metric, with its service time."""
    if metric.kind == "trend":
        return (metric.name, *((metric.service,) if metric.service else ())), ()
    if metric.kind == "rate":
        return (), tuple(dict.fromkeys((*metric.passes, *metric.total)))
    return (), metric.parts or (metric.name,)


class WindowValue(msgspec.Struct, frozen=True):
    """The measured value of one window, with its number of samples; `service` is the value from the moment sent."""

    begins_s: int
    value: float
    samples: int
    service: float | None = None


class WindowedThreshold:
    """One threshold over all windows so far: the worst one, and how many were judged, skipped and missed."""

    def __init__(self, threshold: Threshold, metric: Metric) -> None:
        assert threshold.window_s is not None
        self.threshold = threshold
        self.length_s = threshold.window_s
        self._metric = metric
        self._percent = _PERCENTS.get(threshold.aggregation, threshold.percent)
        self.worst: WindowValue | None = None
        self.judged = self.skipped = self.missed = self.excusable = 0
        self._most_samples = 0

    @property
    def needed(self) -> int:
        """How many samples a window needs."""
        is_ranked = self.threshold.percent is not None or self.threshold.aggregation == "med"
        return required_samples(self._percent or 0.0) if is_ranked else 1

    def look(self, window: SlidingWindow, end_s: int) -> None:
        """Judge the window that ends before second `end_s`."""
        measured = self._measure(window, end_s - self.length_s)
        if measured is None:
            self.skipped += 1
            return
        self.judged += 1
        if not self.threshold.is_kept_by(measured.value):
            self.missed += 1
            is_excused = measured.service is not None and self.threshold.is_kept_by(measured.service)
            self.excusable += is_excused
        if self.worst is None or self._badness(measured.value) > self._badness(self.worst.value):
            self.worst = measured

    def judge(self, has_evidence: Callable[[], bool]) -> Judgement:
        """Return the worst window as the threshold's value.

        `has_evidence` says whether a count of 0 over the whole run means anything.
        """
        worst, threshold = self.worst, self.threshold
        if worst is None:
            return self._without_windows()
        if self._metric.kind == "counter" and not self._most_samples and not has_evidence():
            return Judgement(threshold, None, ok=False, samples=0, problem="no samples")
        from_sent = self._service_of_worst()
        return Judgement(
            threshold,
            worst.value,
            not self.missed,
            worst.samples,
            note=self._note(worst),
            from_sent=from_sent,
            worst_window_s=(worst.begins_s, worst.begins_s + self.length_s),
        )

    def _service_of_worst(self) -> float | None:
        """Return the service time in the worst window, if that alone explains every miss; None if it does not."""
        if self.worst is None or not self.missed or self.excusable < self.missed:
            return None
        return self.worst.service

    def _note(self, worst: WindowValue) -> str:
        place = f"from {formatting.clock(worst.begins_s)} to {formatting.clock(worst.begins_s + self.length_s)}"
        how_many = (
            f"missed in {self.missed:,} of {self.judged:,} windows" if self.missed else f"of {self.judged:,} windows"
        )
        skipped = f"; {self.skipped:,} more had too few samples" if self.skipped else ""
        return f"the worst {self.length_s} s, {place}, {how_many}{skipped}"

    def _without_windows(self) -> Judgement:
        if not self.skipped:
            return Judgement(self.threshold, None, ok=False, samples=0, problem=f"no full window of {self.length_s} s")
        if not self._most_samples:
            return Judgement(self.threshold, None, ok=False, samples=0, problem="no samples")
        most = f"the most were {self._most_samples:,}"
        problem = f"none of {self.skipped:,} windows had the {self.needed:,} samples that it needs; {most}"
        return Judgement(self.threshold, None, ok=False, samples=self._most_samples, problem=problem, too_few=True)

    def _measure(self, window: SlidingWindow, begins_s: int) -> WindowValue | None:
        if self._metric.kind == "trend":
            return self._of_trend(window, begins_s)
        if self._metric.kind == "rate":
            passes = sum(window.counts[name] for name in self._metric.passes)
            total = sum(window.counts[name] for name in self._metric.total)
            self._most_samples = max(self._most_samples, total)
            return WindowValue(begins_s, passes / total, total) if total > 0 else None
        count = sum(window.counts[name] for name in _parts(self._metric)[1])
        self._most_samples = max(self._most_samples, count)
        value = count / self.length_s if self.threshold.aggregation == "rate" else count
        return WindowValue(begins_s, value, max(count, 0))

    def _of_trend(self, window: SlidingWindow, begins_s: int) -> WindowValue | None:
        spread = window.trends[self._metric.name]
        self._most_samples = max(self._most_samples, spread.count)
        if spread.count < self.needed:
            return None
        service = window.trends.get(self._metric.service or "")
        from_sent = self._value(service) if service is not None and service.count >= self.needed else None
        return WindowValue(begins_s, self._value(spread), spread.count, from_sent)

    def _value(self, spread: SlidingSpread) -> float:
        if self._percent is None:
            return spread.mean_us / 1000
        low_us, high_us = spread.bounds_us(self._percent)
        return (high_us if self.threshold.operator in _UPPER else low_us) / 1000

    def _badness(self, value: float) -> float:
        match self.threshold.operator:
            case "<" | "<=":
                return value
            case ">" | ">=":
                return -value
            case "==":
                return abs(value - self.threshold.bound)
            case _:
                return -abs(value - self.threshold.bound)


class WindowJudge:
    """All thresholds on windows of one run, fed second by second; thresholds of one length and scenario share a
    window.
    """

    def __init__(self, thresholds: Sequence[Threshold], catalogue: Catalogue) -> None:
        self._all = tuple(thresholds)
        self._catalogue = catalogue
        self._by_place: dict[tuple[int, str | None], list[WindowedThreshold]] = {}
        for threshold in thresholds:
            place = threshold.window_s or 0, threshold.scenario
            self._by_place.setdefault(place, []).append(WindowedThreshold(threshold, catalogue[threshold.metric]))
        self._windows = {place: self._window(place) for place in self._by_place}

    def _window(self, place: tuple[int, str | None]) -> SlidingWindow:
        carried = carried_of((one.threshold for one in self._by_place[place]), self._catalogue)
        return SlidingWindow(place[0], sorted(carried.trends), sorted(carried.counters))

    def renewed(self) -> "WindowJudge":
        """Return the same thresholds as they were before the first second."""
        return WindowJudge(self._all, self._catalogue)

    def push(self, of_scenario: Callable[[str | None], Windowed], end_s: int) -> None:
        """Take the second before `end_s`; `of_scenario` returns it for a scenario or for all (None)."""
        for place, window in self._windows.items():
            window.push(of_scenario(place[1]))
            if window.is_full:
                for one in self._by_place[place]:
                    one.look(window, end_s)

    def judge(self, threshold: Threshold, has_evidence: Callable[[], bool]) -> Judgement | None:
        """Return how a threshold stands; None for one that is not among these.

        `has_evidence` says whether a count of 0 over the whole run means anything.
        """
        one = self._of(threshold)
        return None if one is None else one.judge(has_evidence)

    def _of(self, threshold: Threshold) -> WindowedThreshold | None:
        group = self._by_place.get((threshold.window_s or 0, threshold.scenario), ())
        return next((one for one in group if one.threshold == threshold), None)
