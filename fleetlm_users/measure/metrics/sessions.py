"""Counts of connections, of sessions' journeys, and of the special behaviours' findings."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, gauge

CONNECTIONS: Final = (
    gauge("active_connections", "joined sockets now, and the highest number"),
    counter("connections_attempted", "attempts to connect and join"),
    counter(
        "connection_failures",
        "connects, upgrades or joins that failed, by kind",
        evidence="connections_attempted",
        is_trouble=True,
    ),
    counter("disconnects", "sockets lost while in use, by kind or close code", evidence="ws_join_ms", is_trouble=True),
    counter(
        "malformed_frames",
        "frames that are not what the protocol says, or whose payload is not, by kind",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter(
        "client_anomalies",
        "what else the client received and did not expect, by kind",
        evidence="connections_attempted",
        is_trouble=True,
    ),
)

JOURNEYS: Final = (
    counter("sessions_started", "session journeys begun: the first request of a session"),
    counter("sessions_completed", "session journeys that went as planned to their end", evidence="sessions_started"),
    counter(
        "session_failures", "session journeys that broke off, by cause", evidence="sessions_started", is_trouble=True
    ),
    counter(
        "sessions_cut_short",
        "session journeys that the end of the run cut short, neither whole nor broken",
        evidence="sessions_started",
    ),
    counter("session_churn_total", "churn sessions finished", evidence="sessions_started"),
    counter("cleanup_attempted", "sessions that were to be deleted"),
    counter("cleanup_succeeded", "sessions that were to be deleted and were", evidence="cleanup_attempted"),
    counter(
        "cleanup_failed",
        "sessions that were to be deleted and were not, by cause; not_tried: given up, for lack of time or of a server",
        evidence="cleanup_attempted",
        is_trouble=True,
    ),
    counter("messages_checked", "messages that the correctness behaviour judged"),
    counter(
        "messages_correct",
        "messages appended exactly once, in order, answered, and replayed unchanged",
        evidence="messages_checked",
    ),
    counter(
        "message_flaws", "what was wrong with judged messages, by kind", evidence="messages_checked", is_trouble=True
    ),
    counter("inbox_watched", "own appended messages that were looked for in the inbox"),
    counter("inbox_deltas", "`inbox_delta` pushes read"),
    counter("inbox_shown", "own messages that showed in the inbox within the deadline", evidence="inbox_watched"),
    counter(
        "inbox_missed",
        "own messages that no `inbox_delta` showed within the deadline",
        evidence="inbox_watched",
        is_trouble=True,
    ),
)
