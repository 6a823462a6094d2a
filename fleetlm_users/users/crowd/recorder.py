"""Count and time the deliveries of each message to the listeners of a session, in the run's ledger."""

from collections.abc import Callable, Mapping
from typing import Final

from fleetlm_users.protocol.fan_out import Spread
from fleetlm_users.swarm.run import Run
from fleetlm_users.units import US_PER_S
from fleetlm_users.users.session_observer import SessionObserver

MISSED: Final = "missed_by_listeners"
TWICE: Final = "delivered_twice"
REORDERED: Final = "delivered_out_of_order"

MOST_NAMED: Final = 12
"""The most listeners that a finding names."""


class FanOutRecorder:
    """The FanOutObserver of one session. Messages sent before the ledger began are not counted.

    Args:
        run: The run whose ledger is used.
        scenario: The scenario under which to count.
        observer: The session's observer, which takes findings and anomalies.
        is_ordered: Whether the protocol promises an order.
        on_ended: Called when the wait for a message has ended.
    """

    def __init__(
        self, run: Run, scenario: str, observer: SessionObserver, *, is_ordered: bool, on_ended: Callable[[], None]
    ) -> None:
        self._run = run
        self._scenario = scenario
        self._observer = observer
        self._is_ordered = is_ordered
        self._on_ended = on_ended

    def ended(self, spread: Spread, missed: Mapping[str, list[int]], left_open: int) -> None:
        """Count and time a message that everybody has, or for which the wait has ended."""
        if spread.sent_s >= self._run.ledger.since_s:
            self._count_fates(spread, missed, left_open)
            self._time(spread)
        self._on_ended()

    def again(self, spread: Spread, listener: int, *, is_known: bool) -> None:
        """Count a repeated push to a listener."""
        if spread.sent_s < self._run.ledger.since_s:
            return
        if is_known:
            self._count("deliveries_repeated", spread.phase, 1)
            return
        self._count("deliveries_duplicated", spread.phase, 1, _name(listener))
        self._name_once(TWICE, spread, listener)

    def out_of_order(self, spread: Spread, listener: int) -> None:
        """Count a message that came after a later one; name it if the protocol promises an order."""
        if spread.sent_s < self._run.ledger.since_s:
            return
        self._count("deliveries_out_of_order", spread.phase, 1, _name(listener))
        if self._is_ordered:
            self._name_once(REORDERED, spread, listener)

    def altered(self, spread: Spread) -> None:
        """Count a message pushed to a listener with other content than was sent."""
        if spread.sent_s >= self._run.ledger.since_s:
            self._count("messages_altered", spread.phase, 1, "listener")

    def unexpected(self, kind: str) -> None:
        """Count a push that nobody awaits."""
        self._count("deliveries_unexpected", self._observer.phase_now(), 1, kind)

    def _name_once(self, kind: str, spread: Spread, listener: int) -> None:
        if not spread.is_named:
            spread.is_named = True
            self._observer.finding(kind, spread.seq, spread.client_ref, f"{_name(listener)} was the first one")

    def _count_fates(self, spread: Spread, missed: Mapping[str, list[int]], left_open: int) -> None:
        self._count("deliveries_expected", spread.phase, len(spread.seen))
        self._count("deliveries_seen", spread.phase, len(spread.arrivals))
        self._count("deliveries_open", spread.phase, left_open)
        for cause, listeners in missed.items():
            self._count("deliveries_missed", spread.phase, len(listeners), cause)
            whom = f"{cause}: missed by {len(listeners)} of {len(spread.seen)} listeners, {_named(listeners)}"
            self._observer.finding(MISSED, spread.seq or None, spread.client_ref, whom)
        outcome = "missed" if missed else "open" if left_open else "whole"
        self._count(f"fan_outs_{outcome}", spread.phase, 1)

    def _time(self, spread: Spread) -> None:
        """Record when the first, half, and all of the listeners had it, as far as that happened."""
        listeners = len(spread.seen)
        arrivals = sorted(spread.arrivals)
        if not arrivals:
            return
        is_whole = len(arrivals) == listeners
        if is_whole:
            self._record("fan_out_spread_ms", spread.phase, arrivals[-1] - arrivals[0])
        if spread.is_answer:
            return
        self._record_from_due("fan_out_first", spread, arrivals[0])
        half = (listeners + 1) // 2
        if len(arrivals) >= half:
            self._record_from_due("fan_out_median", spread, arrivals[half - 1])
        if is_whole:
            self._record_from_due("fan_out_last", spread, arrivals[-1])

    def _record_from_due(self, name: str, spread: Spread, arrived_s: float) -> None:
        self._record(f"{name}_ms", spread.phase, arrived_s - spread.due_s)
        self._record(f"{name}_service_ms", spread.phase, arrived_s - spread.sent_s)

    def _record(self, metric: str, phase: str, duration_s: float) -> None:
        self._run.ledger.trend(metric, self._scenario, phase).add(round(duration_s * US_PER_S))

    def _count(self, metric: str, phase: str, n: int, label: str = "") -> None:
        if n:
            self._run.ledger.count(metric, self._scenario, phase, n, label)


def _name(listener: int) -> str:
    return f"listener {listener + 1}"


def _named(listeners: list[int]) -> str:
    rest = len(listeners) - MOST_NAMED
    numbers = ", ".join(str(listener + 1) for listener in listeners[:MOST_NAMED])
    return f"number {numbers}" + (f" and {rest} more" if rest > 0 else "")
