"""Every metric by name: the one list that ledgers, thresholds, reports and the documentation read."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.builtin import ALIASES, METRICS
from fleetlm_users.measure.metrics.metric import Kind, Metric


class Catalogue(Mapping[str, Metric]):
    """Metrics by name, immutable; looking up an alias returns the metric it stands for.

    Raises UsageError if a name is used twice, or if a metric is derived from one that does not exist.
    """

    def __init__(self, metrics: Iterable[Metric], aliases: Mapping[str, str] | None = None) -> None:
        self._metrics: dict[str, Metric] = {}
        self._aliases = dict(aliases or {})
        for metric in metrics:
            if self._metrics.setdefault(metric.name, metric) != metric or metric.name in self._aliases:
                raise UsageError("metric", metric.name, "a name that is not taken", f"my_{metric.name}")
        self._check_references()

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[self._aliases.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return f"Catalogue({len(self._metrics)} metrics, {len(self._aliases)} aliases)"

    @property
    def aliases(self) -> Mapping[str, str]:
        """Other names, each with the name it stands for."""
        return dict(self._aliases)

    def find(self, name: str, *kinds: Kind) -> Metric:
        """Return the metric of that name, of one of `kinds` if any are given; a UsageError suggests the nearest
        name.
        """
        metric = self.get(name)
        if metric is not None and (not kinds or metric.kind in kinds):
            return metric
        known = [*self._metrics, *self._aliases]
        fitting = [known_name for known_name in known if not kinds or self[known_name].kind in kinds]
        nearest = difflib.get_close_matches(name, fitting, n=1, cutoff=0.0) or ["-"]
        accepted = f"the name of a {' or '.join(kinds)}" if kinds else "the name of a metric (see docs/metrics.md)"
        raise UsageError("metric", name, accepted, nearest[0])

    def with_metrics(self, extra: Iterable[Metric]) -> "Catalogue":
        """Return a larger catalogue; this one does not change. The same metric may be given twice."""
        return Catalogue([*self._metrics.values(), *extra], self._aliases)

    def _check_references(self) -> None:
        for metric in self._metrics.values():
            for name in (*metric.parts, *metric.passes, *metric.total):
                if self.find(name, "counter").parts:
                    raise UsageError(
                        f"metric {metric.name}", name, "counters that are counted, not sums", "messages_sent"
                    )
            if metric.service is not None:
                self.find(metric.service, "trend")
            if metric.evidence is not None:
                self.find(metric.evidence, "counter", "trend")
            if metric.kind == "rate" and not (metric.passes and metric.total):
                raise UsageError(
                    f"metric {metric.name}", metric.passes, "a rate with passes and total", '("a",), ("a", "b")'
                )


DEFAULT: Final = Catalogue(METRICS, ALIASES)
