"""The metrics of users of any Phoenix application; they join the catalogue of the benchmarks that have such users."""

from typing import Final

from fleetlm_users.measure.metrics.metric import Metric, counter, gauge, rate, trend

PUSH_FATES: Final = ("replied", "refused", "timed_out", "lost", "in_flight")
"""The fates of a push that awaits a reply: pushes_sent is the sum of these counters."""

EVENT_FATES: Final = ("seen", "missed", "open")
"""The fates of an awaited event: events_awaited is the sum of these counters."""

_TIMES: Final = (
    trend("push_latency_ms", "push due → its ok reply", service="push_service_ms"),
    trend("push_service_ms", "push sent → its ok reply"),
    trend("event_latency_ms", "event due, as its user says → the awaited event arrived"),
)

_PUSHES: Final = (
    counter("pushes_sent", "pushes written whose reply is awaited"),
    counter("pushes_replied", "pushes with an ok reply within the reply timeout", evidence="pushes_sent"),
    counter(
        "pushes_refused", "pushes with a reply other than ok, by its reason", evidence="pushes_sent", is_trouble=True
    ),
    counter(
        "pushes_timed_out", "pushes without a reply within the reply timeout", evidence="pushes_sent", is_trouble=True
    ),
    counter(
        "pushes_lost",
        "pushes whose channel or socket ended before the reply, by cause",
        evidence="pushes_sent",
        is_trouble=True,
    ),
    counter("pushes_in_flight", "pushes whose reply was open when the run ended", evidence="pushes_sent"),
    counter("pushes_without_reply", "pushes written whose reply nobody awaits"),
    counter("late_replies", "replies that came after the reply timeout, or that nobody awaits"),
    rate(
        "push_success_rate",
        ("pushes_replied",),
        ("pushes_replied", "pushes_refused", "pushes_timed_out", "pushes_lost"),
        "replied / (replied + refused + timed out + lost)",
    ),
)

_EVENTS: Final = (
    counter("events_received", "the server's own messages on joined topics"),
    counter("events_awaited", "events that a user waited for"),
    counter("events_seen", "awaited events that came in time", evidence="events_awaited"),
    counter(
        "events_missed",
        "awaited events that did not come in time, or whose channel ended before, by cause",
        evidence="events_awaited",
        is_trouble=True,
    ),
    counter("events_open", "awaited events that could still have come when the run ended", evidence="events_awaited"),
    rate("event_success_rate", ("events_seen",), ("events_seen", "events_missed"), "seen / (seen + missed)"),
)

_QUEUES: Final = (
    counter("events_due", "awaited events with a due moment"),
    counter("events_due_seen", "due events that came in time: the samples of event_latency_ms", evidence="events_due"),
    counter("events_due_missed", "due events that did not come in time", evidence="events_due"),
    counter("events_due_open", "due events that could still have come when the run ended", evidence="events_due"),
    gauge("push_backlog", "pushes whose reply is awaited, at the end of a second"),
    gauge("event_backlog", "due events that have not come yet, at the end of a second"),
    gauge(
        "push_backlog_growth",
        "growth of push_backlog while pushes were sent / pushes sent; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge(
        "event_backlog_growth",
        "growth of event_backlog while events came due / events due; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge("push_backlog_end_s", "how far replies were behind when pushing stopped", unit="s", is_derived=True),
    gauge("event_backlog_end_s", "how far due events were behind when pushing stopped", unit="s", is_derived=True),
)

_TOPICS: Final = (
    gauge("joined_topics", "topics that are joined now, and the highest number"),
    counter("joins_attempted", "joins of a topic, rejoins among them"),
    counter("join_failures", "joins that were refused or not answered", evidence="joins_attempted", is_trouble=True),
    counter("rejoins", "joins of a topic that had ended", evidence="joins_attempted"),
    counter(
        "channels_lost",
        "joined topics that ended by phx_error, phx_close or with their socket, by cause",
        evidence="joins_attempted",
        is_trouble=True,
    ),
)

PHOENIX_METRICS: Final[tuple[Metric, ...]] = (*_TIMES, *_PUSHES, *_EVENTS, *_QUEUES, *_TOPICS)

SHARED_METRICS: Final = frozenset(
    {
        *("ws_connect_ms", "ws_join_ms", "generator_lateness_ms", "event_loop_lag_ms", "name_lookup_ms"),
        *("active_connections", "connections_attempted", "connection_failures", "disconnects", "client_anomalies"),
        *("sessions_started", "sessions_completed", "session_failures", "sessions_cut_short"),
        *("lifecycle_success_rate", "worker_cpu_percent", "worker_rss_bytes"),
        *("worker_cpu_samples", "worker_cpu_starved"),
    }
)
"""Metrics from other benchmarks that such users record as well."""
