"""Count a PhoenixUser's actions in the run's ledger, and show them in Locust's own table."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

from locust.event import EventHook

from fleetlm_users.errors import ClientError
from fleetlm_users.foreign_text import reason as bounded
from fleetlm_users.measure.slow_messages import SlowMetric
from fleetlm_users.swarm.run import Run
from fleetlm_users.units import MS_PER_S, US_PER_S

WS = "WS"


class TimedByUser(Protocol):
    """A push that was sent, or an event that is awaited; its moments are perf_counter seconds."""

    topic: str
    name: str
    ref: str
    phase: str
    due_s: float
    sent_s: float


@dataclass(slots=True)
class _Slow:
    """The parts kept of a slow push or event: its payload would keep a large reply alive."""

    client_ref: str
    due_s: float
    sent_s: float
    seq: int | None = None
    appended_s: float = 0.0
    replied_s: float = 0.0


class Recording:
    """The facts of one user. A `phase` is that of the moment when something was due; moments are perf_counter seconds.

    The fate of a push sent before a reset of the statistics is not counted, as its sending is not either.
    """

    __slots__ = ("_request", "_run", "_scenario")

    def __init__(self, run: Run, scenario: str, request: EventHook) -> None:
        self._run = run
        self._scenario = scenario
        self._request = request

    def count(self, metric: str, n: int = 1, *, phase: str = "", label: str = "") -> None:
        """Add to a counter, in the phase of this moment unless another is named."""
        run = self._run
        run.ledger.count(metric, self._scenario, phase or run.phase_at(time.perf_counter()), n, label)

    def gauge(self, metric: str, delta: int) -> None:
        """Raise or lower a gauge."""
        self._run.ledger.gauge(metric, self._scenario, delta)

    def trend(self, metric: str, phase: str, began_s: float, done_s: float) -> None:
        """Record a duration."""
        self._run.ledger.trend(metric, self._scenario, phase).add(round((done_s - began_s) * US_PER_S))

    def anomaly(self, kind: str) -> None:
        """Count something on the wire that should not be there."""
        self.count("client_anomalies", label=kind)

    # -- pushes

    def pushed(self, phase: str, due_s: float, sent_s: float, *, awaits_reply: bool) -> None:
        """Count a push, and how late it went out."""
        self.count("pushes_sent" if awaits_reply else "pushes_without_reply", phase=phase)
        self.trend("generator_lateness_ms", phase, due_s, sent_s)

    def replied(self, push: TimedByUser, done_s: float) -> None:
        """Record an ok reply."""
        if self.is_of_ledger(push.sent_s):
            self.count("pushes_replied", phase=push.phase)
            self.trend("push_service_ms", push.phase, push.sent_s, done_s)
            self._latency("push_latency_ms", push, done_s)
            self.show(f"push {push.name}", (done_s - push.due_s) * MS_PER_S)

    def failed(self, push: TimedByUser, fate: str, cause: str = "") -> None:
        """Count a push without an ok reply: refused, timed_out, lost or in_flight."""
        if not self.is_of_ledger(push.sent_s):
            return
        label = bounded(cause) if fate == "refused" else cause  # the others are our own words
        self.count(f"pushes_{fate}", phase=push.phase, label=label)
        if fate != "in_flight":
            self.show(f"push {push.name}", None, f"{fate}: {label}" if label else fate)

    # -- events

    def awaited(self, phase: str, *, is_due: bool) -> None:
        """Count an event awaited from now on; it `is_due` if its user says since when."""
        self.count("events_awaited", phase=phase)
        if is_due:
            self.count("events_due", phase=phase)

    def seen(self, event: TimedByUser, done_s: float, *, is_due: bool) -> None:
        """Record an awaited event that came."""
        if self.is_of_ledger(event.sent_s):
            self.count("events_seen", phase=event.phase)
            if is_due:
                self.count("events_due_seen", phase=event.phase)
                self._latency("event_latency_ms", event, done_s)

    def unseen(self, event: TimedByUser, fate: str, cause: str = "", *, is_due: bool) -> None:
        """Count an awaited event that did not come: missed or open."""
        if self.is_of_ledger(event.sent_s):
            self.count(f"events_{fate}", phase=event.phase, label=cause)
            if is_due:
                self.count(f"events_due_{fate}", phase=event.phase)

    def _latency(self, metric: SlowMetric, what: TimedByUser, done_s: float) -> None:
        """Record how long it took from the due moment, and name it if it is among the slowest."""
        self.trend(metric, what.phase, what.due_s, done_s)
        slowest = self._run.ledger.slowest(metric, self._scenario, what.phase)
        latency_s = done_s - what.due_s
        if latency_s > slowest.floor_s:
            kept = _Slow(f"{what.name} {what.ref}".rstrip(), what.due_s, what.sent_s)
            slowest.add(latency_s, kept, done_s, what.topic)

    def is_of_ledger(self, moment_s: float) -> bool:
        """Return whether the ledger already existed at that moment."""
        return moment_s >= self._run.ledger.since_s

    # -- topics and sockets

    def joined(self, phase: str, sent_s: float, done_s: float, problem: ClientError | None) -> None:
        """Record a join and its reply, or why there is none."""
        self.count("joins_attempted", phase=phase)
        if problem is None:
            self.trend("ws_join_ms", phase, sent_s, done_s)
            self.gauge("joined_topics", 1)
        else:
            self.count("join_failures", phase=phase, label=problem.row)
        self.show("join", (done_s - sent_s) * MS_PER_S, problem)

    def left(self) -> None:
        """Note that a topic was left as planned."""
        self.gauge("joined_topics", -1)

    def channel_lost(self, kind: str) -> None:
        """Count a joined topic that ended without being left."""
        self.gauge("joined_topics", -1)
        self.count("channels_lost", label=kind)
        self.show("channel lost", None, kind)

    def connected(self, phase: str, started_s: float, done_s: float, problem: ClientError | None) -> None:
        """Report a connect, or why there is no connection."""
        self._run.events.connected.fire(
            scenario=self._scenario, phase=phase, started_s=started_s, done_s=done_s, exception=problem
        )
        if problem is None:
            self.gauge("active_connections", 1)

    def closed(self, lost_by: str) -> None:
        """Report the end of a connection; `lost_by` is empty if we closed it."""
        events, phase = self._run.events, self._run.phase_at(time.perf_counter())
        if lost_by:
            events.disconnected.fire(scenario=self._scenario, phase=phase, session_id="", kind=lost_by)
        else:
            events.left.fire(scenario=self._scenario, phase=phase, session_id="")

    def session_ended(self, phase: str, problem: ClientError | None, *, cut_short: bool) -> None:
        """Report the end of a connection's whole life, and the error that broke it."""
        self._run.events.session_ended.fire(
            scenario=self._scenario, phase=phase, session_id="", exception=problem, cut_short=cut_short
        )

    def show(self, name: str, time_ms: float | None, exception: Any = None) -> None:
        """Show a request in Locust's own table; None is a time that was not measured."""
        self._request.fire(
            request_type=WS, name=name, response_time=time_ms, response_length=0, exception=exception, context={}
        )
