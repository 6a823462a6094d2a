"""What happened between two moments of a run: the difference of two cumulative totals, asked like totals themselves."""

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.phase import MAIN
from fleetlm_users.measure.totals import Gauge, Totals


class Span(Totals):
    """From `before` to `after`, both totals of one run. Counts, rates and trends are those of the time between.

    A gauge is what it was at the end: its highest since the beginning of the run is not that of the span. A message
    sent before and answered within is counted as answered only, so books of a span need not balance.
    """

    def __init__(self, before: Totals, after: Totals) -> None:
        super().__init__(after.catalogue, [{"counts": [], "trends": [], "elapsed_s": 0.0}])
        self._before = before
        self._after = after

    def __repr__(self) -> str:
        return f"Span({self._before!r} to {self._after!r})"

    @property
    def elapsed_s(self) -> float:
        """How long it was, by the longest-running worker's clock."""
        return self._after.elapsed_s - self._before.elapsed_s

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Every scenario that had recorded anything by the end."""
        return self._after.scenarios

    def trend(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> Trend | None:
        """The durations recorded in between; None if there is no such trend."""
        key = (self.catalogue.find(metric, "trend").name, scenario, phase)
        if key not in self._trends:
            after, before = self._after.trend(*key), self._before.trend(*key)
            self._trends[key] = after if after is None or before is None else after.since(before)
        return self._trends[key]

    def labels(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> dict[str, int]:
        """The count in between by label; a label whose count is 0 is left out."""
        before = self._before.labels(metric, scenario, phase)
        after = self._after.labels(metric, scenario, phase)
        counts = {label: after.get(label, 0) - before.get(label, 0) for label in after | before}
        return {label: n for label, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n}

    def gauge(self, metric: str, scenario: str | None = None) -> Gauge:
        """The gauge at the end of the span, also as its highest."""
        now = self._after.gauge(metric, scenario).now
        return Gauge(now, now)

    def samples(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> int:
        """How much evidence there is; a gauge has what it had at the end."""
        if self.catalogue.find(metric).kind == "gauge":
            return self._after.samples(metric, scenario, phase)
        return super().samples(metric, scenario, phase)
