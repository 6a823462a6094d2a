"""The sum of all workers' snapshots, and the difference of two such sums: what happened between two moments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

from fleetlm_users.measure.findings import Findings, merged
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.metrics.metric import ALL, MAIN, Metric, is_main
from fleetlm_users.measure.slow_messages import SlowMessage, merged_slowest
from fleetlm_users.measure.snapshot import Snapshot

Fate = Literal["sent", "appended", "rejected", "lost", "unconfirmed", "in_flight", "unknown"]
FATES: Final[tuple[Fate, ...]] = ("sent", "appended", "rejected", "lost", "unconfirmed", "in_flight", "unknown")
"""The possible fates of a message, in the order of reports: first those sent, then how many had each fate."""

_COUNTERS: Final = tuple(f"messages_{fate}" for fate in FATES if fate != "unknown")


class Ratio(NamedTuple):
    """A rate as the two counts it is made of."""

    passes: int
    total: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None if there is nothing to divide by."""
        return self.passes / self.total if self.total else None


class Derived(NamedTuple):
    """A figure judged from the merged timeline, on `samples` samples; None if they cannot tell.

    `words` say what it means, or why there is none; `is_doubtful` whether that speaks against the run.
    """

    value: float | None
    samples: int
    words: str
    is_doubtful: bool


class Gauge(NamedTuple):
    """The present and the highest value: summed over workers, or the highest worker's if the metric is `per_worker`.

    Workers peak at different moments, so the summed peak is an upper bound.
    """

    now: float
    peak: float


class Accounting(msgspec.Struct, frozen=True):
    """The fate of every sent message: sent = appended + rejected + lost + unconfirmed + in_flight + unknown.

    `unconfirmed` messages are those that the server itself could not say whether it appended.

    `unknown` messages were open in the last report of a process that did not report to its end. `unexplained` counts
    those left open by processes that did report to their end: a defect.
    """

    sent: int
    appended: int
    rejected: int
    lost: int
    unconfirmed: int
    in_flight: int
    unknown: int
    unexplained: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every sent message has exactly one fate, except those that only a lost process knew."""
        return self.unexplained == 0


class Totals:
    """The merged numbers of a run, frozen at one moment: the sum of the `parts`, the newest snapshot of each worker.

    Everywhere `scenario` None means all of them, including what belongs to the process alone; `phase` is MAIN unless
    given, which sums its stages, and ALL sums both. An unknown metric or one of the wrong kind raises UsageError.
    `figures` are those of derived metrics, by metric and scenario, "" for all of them together.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Sequence[Snapshot],
        figures: Mapping[tuple[str, str], Derived] = MappingProxyType({}),
    ) -> None:
        self.catalogue = catalogue
        self._figures = figures
        self._parts = parts
        self._merged: dict[tuple[str, str, str], Trend] = {}
        self._trends: dict[tuple[str, str | None, str], Trend | None] = {}

    def __repr__(self) -> str:
        return f"Totals({len(self._parts)} workers, scenarios {', '.join(self.scenarios) or 'none'})"

    @cached_property
    def findings(self) -> Findings:
        """The faults of single messages, by name: the first ones, and the number of all."""
        return merged(part.findings for part in self._parts)

    @cached_property
    def slowest(self) -> list[SlowMessage]:
        """The slowest messages of each metric, scenario and phase, by name."""
        return merged_slowest(part.slowest for part in self._parts)

    @property
    def elapsed_s(self) -> float:
        """How long the longest-running worker had been running in its newest snapshot."""
        return max((part.elapsed_s for part in self._parts), default=0.0)

    @cached_property
    def scenarios(self) -> tuple[str, ...]:
        """Every scenario that recorded anything, in alphabetical order."""
        counted = {count.scenario for part in self._parts for count in part.counts}
        timed = {trend.scenario for part in self._parts for trend in part.trends}
        return tuple(sorted((counted | timed) - {""}))

    def trend(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> Trend | None:
        """Return the merged durations, or None if no worker has that trend. The trend is shared: do not add to it."""
        name = self.catalogue.find(metric, "trend").name
        key = (name, scenario, phase)
        if key not in self._trends:
            self._trends[key] = self._combined(name, scenario, phase)
        return self._trends[key]

    def count(self, metric: str, scenario: str | None = None, phase: str = MAIN, label: str | None = None) -> int:
        """Return the merged count of one label, or of all labels when `label` is None."""
        labels = self.labels(metric, scenario, phase)
        return sum(labels.values()) if label is None else labels.get(label, 0)

    def labels(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> dict[str, int]:
        """Return the count by label (reason, kind, close code), the highest first; "" stands for no label."""
        declared = self.catalogue.find(metric, "counter")
        sums: Counter[str] = Counter()
        for name in declared.parts or (declared.name,):
            for (key_scenario, key_phase), labels in self._counts.get(name, {}).items():
                if _wanted(key_scenario, key_phase, scenario, phase):
                    sums.update(labels)
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    def first_s(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> float | None:
        """Return when the first event of a counter of trouble happened, in seconds of the run; None if unknown."""
        declared = self.catalogue.find(metric, "counter")
        names = declared.parts or (declared.name,)
        firsts = (first for part in self._parts for first in part.firsts if first.metric in names)
        return min((one.at_s for one in firsts if _wanted(one.scenario, one.phase, scenario, phase)), default=None)

    def rate(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> Ratio:
        """Return the two counts behind the rate."""
        declared = self.catalogue.find(metric, "rate")
        passes = sum(self.count(name, scenario, phase) for name in declared.passes)
        return Ratio(passes, sum(self.count(name, scenario, phase) for name in declared.total))

    def gauge(self, metric: str, scenario: str | None = None) -> Gauge:
        """Return the gauge's present and highest values; gauges have no phases."""
        declared = self.catalogue.find(metric, "gauge")
        if declared.is_derived:
            figure = self.derived(metric, scenario)
            value = 0.0 if figure is None or figure.value is None else figure.value
            return Gauge(value, value)
        return self._level(declared) if declared.per_worker else self._summed_gauge(declared, scenario or "")

    def derived(self, metric: str, scenario: str | None = None) -> Derived | None:
        """Return the figure of a derived gauge; None if there is nothing to judge it by."""
        return self._figures.get((self.catalogue.find(metric, "gauge").name, scenario or ""))

    def samples(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> int:
        """Return how much evidence there is for a metric: 0 means that its value proves nothing."""
        declared = self.catalogue.find(metric)
        if declared.is_derived:
            figure = self.derived(metric, scenario)
            return 0 if figure is None or figure.value is None else figure.samples
        if declared.kind == "trend":
            trend = self.trend(metric, scenario, phase)
            return trend.count if trend is not None else 0
        if declared.kind == "rate":
            return self.rate(metric, scenario, phase).total
        if declared.kind == "gauge":
            return sum(1 for part in self._parts if _mentions(part, declared.name, scenario or ""))
        own = self.count(metric, scenario, phase)
        return max(own, self.samples(declared.evidence, scenario, phase) if declared.evidence else 0)

    def accounting(self, scenario: str | None = None, phase: str = MAIN, *, live: bool = False) -> Accounting:
        """Return the fate of every sent message.

        At the end, `in_flight` is what the sessions counted when they ended, and anything else is `unknown`. During a
        run (`live`) sessions have not counted yet: messages without a fate are in flight.
        """
        sent, *fates = (self.count(name, scenario, phase) for name in _COUNTERS)
        unknown = sent - sum(fates)
        appended, rejected, lost, unconfirmed, in_flight = fates
        if live:
            return Accounting(sent, appended, rejected, lost, unconfirmed, in_flight + unknown, 0)
        ended = self._ended
        unexplained = unknown
        if ended is not self:
            sent_there, *fates_there = (ended.count(name, scenario, phase) for name in _COUNTERS)
            unexplained = sent_there - sum(fates_there)
        return Accounting(sent, appended, rejected, lost, unconfirmed, in_flight, unknown, unexplained)

    def unexplained(self, whole: str, fates: Sequence[str]) -> int:
        """Return how many events of a counter have no fate, or too many, in the processes that reported to their
        end.
        """
        ended = self._ended
        return ended.count(whole, phase=ALL) - sum(ended.count(fate, phase=ALL) for fate in fates)

    @cached_property
    def _ended(self) -> "Totals":
        """The numbers of the processes that reported to their end; this object itself if all did."""
        parts = [part for part in self._parts if part.final]
        return self if len(parts) == len(self._parts) else Totals(self.catalogue, parts)

    @cached_property
    def _counts(self) -> dict[str, dict[tuple[str, str], Counter[str]]]:
        """Metric -> (scenario, phase) -> label -> count, over all workers."""
        merged: dict[str, dict[tuple[str, str], Counter[str]]] = {}
        for part in self._parts:
            for count in part.counts:
                labels = merged.setdefault(count.metric, {}).setdefault((count.scenario, count.phase), Counter())
                labels[count.label] += count.n
        return merged

    @cached_property
    def _encoded(self) -> dict[tuple[str, str, str], list[bytes]]:
        """(metric, scenario, phase) -> the encoded trend of each worker."""
        encoded: dict[tuple[str, str, str], list[bytes]] = {}
        for part in self._parts:
            for trend in part.trends:
                encoded.setdefault((trend.metric, trend.scenario, trend.phase), []).append(trend.encoded)
        return encoded

    def _combined(self, name: str, scenario: str | None, phase: str) -> Trend | None:
        parts = [
            self._over_workers(key) for key in self._encoded if key[0] == name and _wanted(*key[1:], scenario, phase)
        ]
        if len(parts) <= 1:
            return parts[0] if parts else None
        combined = Trend()
        for part in parts:
            combined.merge(part)
        return combined

    def _over_workers(self, key: tuple[str, str, str]) -> Trend:
        """Return one trend over all workers. A worker's is decoded once and not kept: 190 kB each would be too much for
        many.
        """
        if key not in self._merged:
            merged = Trend()
            for encoded in self._encoded[key]:
                merged.merge(Trend.decode(encoded))
            self._merged[key] = merged
        return self._merged[key]

    def _summed_gauge(self, metric: Metric, scenario: str) -> Gauge:
        key = (metric.name, scenario)
        readings = [reading for part in self._parts for reading in part.gauges if reading.key == key]
        return Gauge(sum(reading.now for reading in readings), sum(reading.peak for reading in readings))

    def _level(self, metric: Metric) -> Gauge:
        levels = [level for part in self._parts for level in part.levels if level.metric == metric.name]
        return Gauge(max((level.last for level in levels), default=0), max((level.peak for level in levels), default=0))


def _wanted(key_scenario: str, key_phase: str, scenario: str | None, phase: str) -> bool:
    return (scenario is None or key_scenario == scenario) and (
        phase in (ALL, key_phase) or (phase == MAIN and is_main(key_phase))
    )


def _mentions(part: Snapshot, name: str, scenario: str) -> bool:
    has_level = not scenario and any(level.metric == name for level in part.levels)
    return has_level or any(reading.key == (name, scenario) for reading in part.gauges)


class Span(Totals):
    """From `before` to `after`, both totals of one run. Counts, rates and trends cover the time between.

    A gauge is what it was at the end: its highest value since the beginning of the run is not that of the span. A
    message sent before and answered within the span only counts as answered, so its accounting need not add up.
    """

    def __init__(self, before: Totals, after: Totals) -> None:
        super().__init__(after.catalogue, [])
        self._before = before
        self._after = after

    def __repr__(self) -> str:
        return f"Span({self._before!r} to {self._after!r})"

    @property
    def elapsed_s(self) -> float:
        """Its length, by the longest-running worker's clock."""
        return self._after.elapsed_s - self._before.elapsed_s

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Every scenario that had recorded anything by the end."""
        return self._after.scenarios

    def trend(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> Trend | None:
        """Return the durations recorded in between; None if there is no such trend."""
        key = (self.catalogue.find(metric, "trend").name, scenario, phase)
        if key not in self._trends:
            after, before = self._after.trend(*key), self._before.trend(*key)
            self._trends[key] = after if after is None or before is None else after.since(before)
        return self._trends[key]

    def labels(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> dict[str, int]:
        """Return the count in between by label; labels with a count of 0 are left out."""
        before = self._before.labels(metric, scenario, phase)
        after = self._after.labels(metric, scenario, phase)
        counts = {label: after.get(label, 0) - before.get(label, 0) for label in after | before}
        return {label: n for label, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n}

    def gauge(self, metric: str, scenario: str | None = None) -> Gauge:
        """Return the gauge at the end of the span, also as its highest."""
        now = self._after.gauge(metric, scenario).now
        return Gauge(now, now)

    def samples(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> int:
        """Return how much evidence there is; a gauge has what it had at the end."""
        if self.catalogue.find(metric).kind == "gauge":
            return self._after.samples(metric, scenario, phase)
        return super().samples(metric, scenario, phase)
