"""Feeds our ledger: integer microseconds into trends, facts into counters. Answers nobody back.

One `Cell` per (scenario, phase) keeps the bound recording functions, so that a message costs no look-up by name.
"""

from typing import Any

from fleetlm_users.measure.findings import Finding
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.swarm.events import FleetEvents

US_PER_S = 1_000_000


class Cell:
    """What every message of one (scenario, phase) touches: trends as the function that takes µs, counters as cells."""

    __slots__ = (
        "agent",
        "agent_replies",
        "agent_replies_due",
        "append",
        "appended",
        "connect",
        "create",
        "join",
        "lateness",
        "matched",
        "received",
        "roundtrip",
        "sent",
        "service",
    )

    def __init__(self, ledger: Ledger, scenario: str, phase: str) -> None:
        self.append = ledger.trend("append_latency_ms", scenario, phase).add
        self.service = ledger.trend("append_service_ms", scenario, phase).add
        self.agent = ledger.trend("agent_latency_ms", scenario, phase).add
        self.roundtrip = ledger.trend("message_roundtrip_ms", scenario, phase).add
        self.lateness = ledger.trend("generator_lateness_ms", scenario, phase).add
        self.create = ledger.trend("session_creation_ms", scenario, phase).add
        self.connect = ledger.trend("ws_connect_ms", scenario, phase).add
        self.join = ledger.trend("ws_join_ms", scenario, phase).add
        self.sent = ledger.counter("messages_sent", scenario, phase)
        self.appended = ledger.counter("messages_appended", scenario, phase)
        self.received = ledger.counter("messages_received", scenario, phase)
        self.agent_replies = ledger.counter("agent_replies", scenario, phase)
        self.agent_replies_due = ledger.counter("agent_replies_due", scenario, phase)
        self.matched = ledger.counter("agent_replies_matched", scenario, phase)


class Recorder:
    """Listens to the facts of a run and writes them into the ledger of the run that is on."""

    def __init__(self) -> None:
        self._ledger: Ledger
        self._cells: dict[tuple[str, str], Cell] = {}

    def record_into(self, ledger: Ledger) -> None:
        """From now on facts go into `ledger`. To be called before any user starts."""
        self._ledger = ledger
        self._cells = {}

    def listen(self, events: FleetEvents) -> None:
        """Registers for every fact."""
        events.session_created.add_listener(self.on_session_created)
        events.connected.add_listener(self.on_connected)
        events.joined.add_listener(self.on_joined)
        events.left.add_listener(self.on_left)
        events.session_ended.add_listener(self.on_session_ended)
        events.session_deleted.add_listener(self.on_session_deleted)
        events.message_sent.add_listener(self.on_sent)
        events.message_received.add_listener(self.on_received)
        events.message_appended.add_listener(self.on_appended)
        events.message_failed.add_listener(self.on_failed)
        events.message_unfailed.add_listener(self.on_unfailed)
        events.agent_replied.add_listener(self.on_replied)
        events.agent_unanswered.add_listener(self.on_unanswered)
        events.backpressure.add_listener(self.on_backpressure)
        events.disconnected.add_listener(self.on_disconnected)
        events.anomaly.add_listener(self.on_anomaly)
        events.finding.add_listener(self.on_finding)

    def on_session_created(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None, **_: Any
    ) -> None:
        """session_creation_ms of the successful ones; a failure is counted by kind when the session ends."""
        self._count("sessions_started", scenario, phase)
        if exception is None:
            self._cell(scenario, phase).create(_us(done_s - started_s))

    def on_connected(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None, **_: Any
    ) -> None:
        """ws_connect_ms; a refused connect or upgrade is a connection failure."""
        self._count("connections_attempted", scenario, phase)
        if exception is None:
            self._cell(scenario, phase).connect(_us(done_s - started_s))
        else:
            self._count("connection_failures", scenario, phase, kind_of(exception))

    def on_joined(
        self, scenario: str, phase: str, started_s: float, done_s: float, exception: Exception | None, **_: Any
    ) -> None:
        """ws_join_ms and the gauge of joined sockets; a refused join is a connection failure."""
        if exception is None:
            self._cell(scenario, phase).join(_us(done_s - started_s))
            self._gauge(scenario, 1)
        else:
            self._count("connection_failures", scenario, phase, kind_of(exception))

    def on_left(self, scenario: str, **_: Any) -> None:
        """A joined socket left of its own will."""
        self._gauge(scenario, -1)

    def on_disconnected(self, scenario: str, phase: str, kind: str, **_: Any) -> None:
        """A joined socket was lost."""
        self._gauge(scenario, -1)
        self._count("disconnects", scenario, phase, kind)

    def on_session_ended(
        self, scenario: str, phase: str, exception: Exception | None, cut_short: bool, **_: Any
    ) -> None:
        """A whole journey: completed, failed by kind, or cut short by the end of the run and neither."""
        if exception is not None:
            self._count("session_failures", scenario, phase, kind_of(exception))
        else:
            self._count("sessions_cut_short" if cut_short else "sessions_completed", scenario, phase)

    def on_session_deleted(self, scenario: str, phase: str, exception: Exception | None, **_: Any) -> None:
        """Deletions asked for and done."""
        self._count("cleanup_attempted", scenario, phase)
        if exception is None:
            self._count("cleanup_succeeded", scenario, phase)
        else:
            self._count("cleanup_failed", scenario, phase, kind_of(exception))

    def on_sent(self, scenario: str, phase: str, message: Any, **_: Any) -> None:
        """generator_lateness_ms: sent − due, the generator's own fault."""
        cell = self._cell(scenario, phase)
        cell.lateness(_us(message.sent_s - message.due_s))
        cell.sent.n += 1

    def on_received(self, scenario: str, phase: str, from_agent: bool, **_: Any) -> None:
        """Any `message` broadcast; the agent's are counted apart as well."""
        cell = self._cell(scenario, phase)
        cell.received.n += 1
        if from_agent:
            cell.agent_replies.n += 1

    def on_appended(self, scenario: str, phase: str, message: Any, done_s: float, awaits_agent: bool, **_: Any) -> None:
        """append_latency_ms from due, append_service_ms from sent; whether an agent's reply is to come."""
        cell = self._cell(scenario, phase)
        cell.append(_us(done_s - message.due_s))
        cell.service(_us(done_s - message.sent_s))
        cell.appended.n += 1
        cell.agent_replies_due.n += awaits_agent

    def on_failed(self, scenario: str, phase: str, fate: str, reason: str, **_: Any) -> None:
        """messages_rejected, messages_lost or messages_in_flight."""
        self._count(f"messages_{fate}", scenario, phase, reason)

    def on_unfailed(self, scenario: str, phase: str, reason: str, **_: Any) -> None:
        """A presumed rejection taken back."""
        self._count("messages_rejected", scenario, phase, reason, -1)

    def on_replied(self, scenario: str, phase: str, message: Any, done_s: float, **_: Any) -> None:
        """agent_latency_ms from the own broadcast, message_roundtrip_ms from sent."""
        cell = self._cell(scenario, phase)
        cell.agent(_us(done_s - message.appended_s))
        cell.roundtrip(_us(done_s - message.sent_s))
        cell.matched.n += 1

    def on_unanswered(self, scenario: str, phase: str, reason: str, **_: Any) -> None:
        """An appended message that the agent did not answer in time."""
        self._count("messages_unanswered", scenario, phase, reason)

    def on_backpressure(self, scenario: str, phase: str, reason: str, **_: Any) -> None:
        """A `backpressure` push, by the server's reason."""
        self._count("backpressure_events", scenario, phase, reason)

    def on_anomaly(self, scenario: str, phase: str, kind: str, **_: Any) -> None:
        """Things on the wire that should not be there; the ones with a metric of their own count there."""
        metric = ANOMALY_METRICS.get(kind)
        if metric is None:
            self._count("client_anomalies", scenario, phase, kind)
        else:
            self._count(metric, scenario, phase)

    def on_finding(  # noqa: PLR0913  # keyword arguments of one fact
        self, *, scenario: str, session_id: str, kind: str, seq: int | None, client_ref: str, detail: str, **_: Any
    ) -> None:
        """One message and what is wrong with it, by name."""
        self._ledger.finding(Finding(kind, scenario, session_id, seq, client_ref, detail))

    def _cell(self, scenario: str, phase: str) -> Cell:
        cell = self._cells.get((scenario, phase))
        if cell is None:
            cell = self._cells[scenario, phase] = Cell(self._ledger, scenario, phase)
        return cell

    def _count(self, metric: str, scenario: str, phase: str, label: str = "", n: int = 1) -> None:
        self._ledger.count(metric, scenario, phase, n, label)

    def _gauge(self, scenario: str, delta: int) -> None:
        self._ledger.gauge("active_connections", scenario, delta)


ANOMALY_METRICS = {
    "duplicated": "messages_duplicated",
    "out_of_order": "messages_out_of_order",
    "seq_gap": "seq_gaps",
    "agent_unmatched": "agent_replies_unmatched",
}
"""Anomalies of a conversation that are metrics by name."""


def kind_of(exception: Exception) -> str:
    """The short word that statistics count an error by."""
    return str(getattr(exception, "kind", type(exception).__name__))


def _us(seconds: float) -> int:
    """Whole microseconds, rounded. A negative duration is a defect, which the trend counts and the verdict tells."""
    return round(seconds * US_PER_S)
