"""The stand-in's own counts and times: the reference for a load generator's numbers."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from hdrh.histogram import HdrHistogram

from fleetlm_users.units import US_PER_S

MAX_RUNS = 1_000  # run ids counted separately; later ones share OTHER_RUN, so that a client cannot fill the memory
OTHER_RUN = "(other)"
MAX_PEERS = 1_000  # addresses counted separately, for the same reason
OTHER_PEER = "(other)"

LONGEST_US = 60 * US_PER_S
SIGNIFICANT_DIGITS = 3
QUANTILES = (50, 90, 99)


@dataclass(slots=True)
class RunCounters:
    """The counts of one run: of all sessions whose metadata has the same `run_id` (`""` if there is none)."""

    sessions_created: int = 0
    sessions_deleted: int = 0
    joins_ok: int = 0
    leaves: int = 0
    sends_received: int = 0
    messages_appended_user: int = 0
    messages_appended_twice: int = 0
    messages_appended_agent: int = 0
    broadcasts_sent: int = 0
    broadcasts_dropped: int = 0
    backpressure_sent: int = 0


class HoldTimes:
    """How long delayed pushes were really held, from reading a message's bytes to giving its push to the kernel.

    A timer on a busy machine fires late: to check a load generator against a known delay, one must know by how much.
    """

    def __init__(self) -> None:
        self._histogram: HdrHistogram | None = None  # created with the first hold: it takes 190 kB

    def add(self, held_s: float) -> None:
        """Count one hold of `held_s` seconds; one of more than a minute counts as a minute."""
        if self._histogram is None:
            self._histogram = HdrHistogram(1, LONGEST_US, SIGNIFICANT_DIGITS)
        self._histogram.record_value(min(LONGEST_US, max(1, round(held_s * US_PER_S))))

    def as_json(self) -> dict[str, float]:
        """Return `count`, and in milliseconds `min`, `p50`, `p90`, `p99` and `max` unless the count is 0."""
        histogram = self._histogram
        if histogram is None:
            return {"count": 0}
        quantiles = {f"p{quantile}": histogram.get_value_at_percentile(quantile) / 1000 for quantile in QUANTILES}
        ends = {"min": histogram.get_min_value() / 1000, "max": histogram.get_max_value() / 1000}
        return {"count": histogram.get_total_count(), **ends, **quantiles}


@dataclass(slots=True)
class Counters:
    """Counts since the start of the process; message counts are kept per run only and summed on reading."""

    connections_opened: int = 0
    connections_now: int = 0
    connections_peak: int = 0
    connections_refused: int = 0
    disconnects: int = 0
    joins_refused: int = 0
    sends_rejected: int = 0
    messages_appended_other: int = 0
    messages_evicted: int = 0
    sessions_evicted: int = 0
    webhooks_called: int = 0
    webhooks_failed: int = 0
    heartbeats: int = 0
    requests: int = 0
    closes_by_code: Counter[int] = field(default_factory=Counter)
    connections_by_peer: Counter[str] = field(default_factory=Counter)
    runs: dict[str, RunCounters] = field(default_factory=dict)
    held: HoldTimes = field(default_factory=HoldTimes)

    def run(self, run_id: str) -> RunCounters:
        """Return the counters of one run, created on first use."""
        counters = self.runs.get(run_id)
        if counters is None:
            if len(self.runs) >= MAX_RUNS:
                run_id = OTHER_RUN
            counters = self.runs.setdefault(run_id, RunCounters())
        return counters

    def opened(self, peer: str) -> None:
        """Count one accepted WebSocket, from the client's address `peer`."""
        is_known = peer in self.connections_by_peer or len(self.connections_by_peer) < MAX_PEERS
        self.connections_by_peer[peer if is_known else OTHER_PEER] += 1
        self.connections_opened += 1
        self.connections_now += 1
        self.connections_peak = max(self.connections_peak, self.connections_now)

    def snapshot(self) -> dict[str, Any]:
        """Return all counts as JSON.

        They are totals by name, `closes_by_code`, `connections_by_peer`, `broadcasts_held_ms`, and `runs` by run id.
        """
        skipped = ("runs", "closes_by_code", "connections_by_peer", "held")
        totals: dict[str, Any] = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name not in skipped
        }
        runs = {
            run_id: {item.name: getattr(run, item.name) for item in fields(run)} for run_id, run in self.runs.items()
        }
        for name in (item.name for item in fields(RunCounters)):
            totals[name] = sum(run[name] for run in runs.values())
        totals["closes_by_code"] = {str(code): count for code, count in sorted(self.closes_by_code.items())}
        totals["connections_by_peer"] = dict(self.connections_by_peer)
        totals["broadcasts_held_ms"] = self.held.as_json()
        totals["runs"] = runs
        return totals
