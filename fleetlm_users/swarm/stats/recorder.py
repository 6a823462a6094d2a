"""The listener that feeds our ledger: integer microseconds into trends, facts into counters.

The facts about every message take another way: see tally.py.
"""

from typing import Any

from fleetlm_users.measure.findings import Finding
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.protocol.observer import APPENDED_AGAIN, CONTENT_ALTERED, SEQ_ALTERED, SESSION_ALTERED
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.units import US_PER_S


class Recorder:
    """A listener to the facts of a run, which writes them into the ledger of the current run."""

    def __init__(self) -> None:
        self._ledger: Ledger

    def record_into(self, ledger: Ledger) -> None:
        """Write facts into `ledger` from now on. Call it before any user starts."""
        self._ledger = ledger

    def listen(self, events: RunEvents) -> None:
        """Register for every fact."""
        events.session_created.add_counter(self.on_session_created)
        events.connected.add_counter(self.on_connected)
        events.joined.add_counter(self.on_joined)
        events.left.add_listener(self.on_left)
        events.session_ended.add_listener(self.on_session_ended)
        events.session_deleted.add_counter(self.on_session_deleted)
        events.message_failed.add_listener(self.on_failed)
        events.message_unfailed.add_listener(self.on_unfailed)
        events.agent_unanswered.add_listener(self.on_unanswered)
        events.backpressure.add_listener(self.on_backpressure)
        events.disconnected.add_listener(self.on_disconnected)
        events.anomaly.add_listener(self.on_anomaly)
        events.finding.add_listener(self.on_finding)

    def on_session_created(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None
    ) -> None:
        """Record session_creation_ms of a success; a failure is counted by kind when the session ends."""
        self._ledger.count("sessions_started", scenario, phase)
        if exception is None:
            self._time("session_creation_ms", scenario, phase, done_s - started_s)

    def on_connected(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None
    ) -> None:
        """Record ws_connect_ms; a refused connect or upgrade is a connection failure."""
        self._ledger.count("connections_attempted", scenario, phase)
        if exception is None:
            self._time("ws_connect_ms", scenario, phase, done_s - started_s)
        else:
            self._count("connection_failures", scenario, phase, kind_of(exception))

    def on_joined(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None
    ) -> None:
        """Record ws_join_ms and the gauge of joined sockets; a refused join is a connection failure."""
        if exception is None:
            self._time("ws_join_ms", scenario, phase, done_s - started_s)
            self._gauge(scenario, 1)
        else:
            self._count("connection_failures", scenario, phase, kind_of(exception))

    def on_left(self, scenario: str, **_: Any) -> None:
        """Count out a joined socket that left as planned."""
        self._gauge(scenario, -1)

    def on_disconnected(self, scenario: str, phase: str, kind: str, **_: Any) -> None:
        """Count a joined socket that was lost."""
        self._gauge(scenario, -1)
        self._count("disconnects", scenario, phase, kind)

    def on_session_ended(
        self, scenario: str, phase: str, exception: Exception | None, cut_short: bool, **_: Any
    ) -> None:
        """Count a whole journey: completed, failed by kind, or cut short by the end of the run, which is neither."""
        if exception is not None:
            self._count("session_failures", scenario, phase, kind_of(exception))
        else:
            self._ledger.count("sessions_cut_short" if cut_short else "sessions_completed", scenario, phase)

    def on_session_deleted(
        self, scenario: str, phase: str, _started_s: float, _done_s: float, exception: Exception | None
    ) -> None:
        """Count a deletion, and whether it succeeded."""
        self._ledger.count("cleanup_attempted", scenario, phase)
        if exception is None:
            self._ledger.count("cleanup_succeeded", scenario, phase)
        else:
            self._count("cleanup_failed", scenario, phase, kind_of(exception))

    def on_failed(self, scenario: str, phase: str, message: Any, fate: str, reason: str, **_: Any) -> None:
        """Count a message as messages_rejected, messages_lost, messages_unconfirmed or messages_in_flight."""
        if self._is_counted(message):
            self._count(f"messages_{fate}", scenario, phase, reason)

    def on_unfailed(self, scenario: str, phase: str, message: Any, fate: str, reason: str, **_: Any) -> None:
        """Take back a fate that was only presumed."""
        if self._is_counted(message):
            self._count(f"messages_{fate}", scenario, phase, reason, -1)

    def on_unanswered(self, scenario: str, phase: str, message: Any, reason: str, **_: Any) -> None:
        """Count an appended message that the agent did not answer in time."""
        if self._is_counted(message):
            self._count("messages_unanswered", scenario, phase, reason)

    def on_backpressure(self, scenario: str, phase: str, reason: str, **_: Any) -> None:
        """Count a `backpressure` push, by the server's reason."""
        self._count("backpressure_events", scenario, phase, reason)

    def on_anomaly(self, scenario: str, phase: str, kind: str, **_: Any) -> None:
        """Count something on the wire that should not be there, under its own metric if it has one."""
        metric, label = ANOMALY_METRICS.get(kind) or (metric_by_kind(kind), kind)
        self._count(metric, scenario, phase, label)

    def on_finding(  # noqa: PLR0913  # keyword arguments of one fact
        self, *, scenario: str, session_id: str, kind: str, seq: int | None, client_ref: str, detail: str, **_: Any
    ) -> None:
        """Record one message and its fault, by name."""
        self._ledger.finding(Finding(kind, scenario, session_id, seq, client_ref, detail))

    def _is_counted(self, message: Any) -> bool:
        """Return whether the message was sent into this ledger, not before a reset."""
        return bool(message.sent_s >= self._ledger.since_s)

    def _time(self, metric: str, scenario: str, phase: str, duration_s: float) -> None:
        self._ledger.trend(metric, scenario, phase).add(round(duration_s * US_PER_S))

    def _count(self, metric: str, scenario: str, phase: str, label: str = "", n: int = 1) -> None:
        self._ledger.count(metric, scenario, phase, n, label)

    def _gauge(self, scenario: str, delta: int) -> None:
        self._ledger.gauge("active_connections", scenario, delta)


ANOMALY_METRICS = {
    "duplicated": ("messages_duplicated", ""),
    APPENDED_AGAIN: ("messages_duplicated", APPENDED_AGAIN),
    "out_of_order": ("messages_out_of_order", ""),
    "seq_gap": ("seq_gaps", ""),
    "not_pushed": ("messages_not_pushed", ""),
    "agent_unmatched": ("agent_replies_unmatched", ""),
    CONTENT_ALTERED: ("messages_altered", "content"),
    SEQ_ALTERED: ("messages_altered", "seq"),
    SESSION_ALTERED: ("messages_altered", "session"),
}
"""The anomalies of a conversation that have a metric of their own, with their label in it."""

_MALFORMED = frozenset(
    {
        *("garbage", "binary", "seq_jump"),
        *("malformed_message", "malformed_reply", "malformed_chunk", "malformed_inbox", "malformed_presence"),
    }
)
"""The anomalies that no healthy server shows, however slow; others may be late answers."""


def metric_by_kind(kind: str) -> str:
    """Return the metric that counts an anomaly without one of its own, by kind."""
    return "malformed_frames" if kind in _MALFORMED else "client_anomalies"


def kind_of(exception: Exception) -> str:
    """Return the short word under which statistics count an error."""
    return str(getattr(exception, "kind", type(exception).__name__))
