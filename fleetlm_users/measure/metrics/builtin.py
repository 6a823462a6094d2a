"""The metrics this project measures, each with the moment it starts and the moment it stops, or what it counts."""

from typing import Final

from fleetlm_users.measure.metrics.metric import Metric, counter, gauge, rate, trend
from fleetlm_users.measure.metrics.reading import READING

ALIASES: Final = {
    "join_latency_ms": "ws_join_ms",
    "active_ws_connections": "active_connections",
    "ack_latency": "ack_latency_ms",
    "acks_received": "messages_acknowledged",
    "posts_total": "messages_sent",
    "post_latency": "append_latency_ms",
    "gets_total": "rest_reads",
    "get_latency": "rest_read_ms",
    "messages_read_count": "messages_read",
    "replay_latency": "replay_rest_ms",
    "active_write_latency": "active_append_ms",
    "backlog_writes": "backlog_appends",
    "active_writes": "active_appends",
    "replays_total": "replays",
    "db_integrity_check": "durability_rate",
}
"""Names that people know from FleetLM's own suites of k6 scripts, with ours."""

_LATENCIES: Final = (
    trend("session_creation_ms", "POST /api/sessions sent → 201 body parsed"),
    trend(
        "ws_connect_ms",
        "TCP connect begins, to the address that answers → WebSocket upgrade accepted (TLS included)",
    ),
    trend("ws_join_ms", "phx_join sent → its ok reply"),
    trend(
        "append_latency_ms",
        "message due → its own `message` broadcast back at the sender; over REST: the answer to its POST",
        service="append_service_ms",
    ),
    trend(
        "append_service_ms",
        "message sent → its own `message` broadcast back at the sender; over REST: the answer to its POST",
    ),
    trend(
        "ack_latency_ms",
        "message due → the ok reply to its send, where the protocol has one",
        service="ack_service_ms",
    ),
    trend("ack_service_ms", "message sent → the ok reply to its send, where the protocol has one"),
    trend("agent_latency_ms", "own broadcast seen → the agent's reply seen (first in, first out per session)"),
    trend("message_roundtrip_ms", "message sent → the agent's reply seen"),
    trend(
        "agent_first_chunk_ms",
        "message due → the first `stream_chunk` of the agent's answer: time to first token",
        service="agent_first_chunk_service_ms",
    ),
    trend("agent_first_chunk_service_ms", "message sent → the first `stream_chunk` of the agent's answer"),
    trend("agent_chunk_gap_ms", "one `stream_chunk` of an answer → the next one"),
    trend("agent_stream_ms", "first → last `stream_chunk` of an answer"),
    trend("lifecycle_total_ms", "session creation begins → socket closed after the last reply"),
    trend(
        "inbox_latency_ms",
        "message due → an `inbox_delta` that shows its session as active since then",
        service="inbox_service_ms",
    ),
    trend("inbox_service_ms", "message sent → an `inbox_delta` that shows its session as active since then"),
)

_MESSAGES: Final = (
    counter("messages_sent", "`send` pushes written to a joined socket, and POSTs of messages"),
    counter("messages_received", "`message` broadcasts read, own and agent's"),
    counter(
        "messages_appended",
        "sent messages whose own broadcast came back, or whose POST was answered with success",
        evidence="messages_sent",
    ),
    counter(
        "messages_acknowledged",
        "sent messages whose send was replied to with ok, where the protocol does so",
        evidence="messages_sent",
    ),
    counter(
        "messages_unacknowledged",
        "appended messages of hot_path_throughput whose send was never replied to",
        evidence="messages_appended",
        is_trouble=True,
    ),
    counter(
        "messages_rejected",
        "sent messages that the server refused, by reason",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_lost",
        "sent messages that were neither appended nor rejected in time, by cause",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_unconfirmed",
        "sent messages of which the server could not say whether it appended them, by its words",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_in_flight",
        "sent messages whose fate was open when their session ended with the run",
        evidence="messages_sent",
    ),
    counter(
        "message_failures",
        "rejected, lost and unconfirmed messages together",
        evidence="messages_sent",
        is_trouble=True,
        parts=("messages_rejected", "messages_lost", "messages_unconfirmed"),
    ),
    counter(
        "messages_duplicated",
        "broadcasts of a `seq` already seen in that session",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter(
        "messages_out_of_order",
        "broadcasts with a `seq` below one already seen in that session",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter(
        "seq_gaps",
        "`seq` numbers of a session that were skipped and never seen",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter("agent_replies", "broadcasts whose sender is the agent", evidence="messages_appended"),
    counter(
        "agent_replies_due",
        "appended messages whose agent reply is awaited: all, unless a benchmark or --agent-replies 0 says otherwise",
        evidence="messages_appended",
    ),
    counter(
        "agent_replies_matched",
        "appended messages that the agent answered within the reply timeout",
        evidence="agent_replies_due",
    ),
    counter(
        "agent_latencies_left_out",
        "answered messages without an `agent_latency_ms`: when their own broadcast was read, more had arrived behind "
        "it, so the moment of its arrival is not known",
        evidence="agent_replies_matched",
    ),
    counter(
        "agent_replies_unmatched",
        "agent broadcasts that answer no open message, or came after the timeout",
        evidence="agent_replies",
        is_trouble=True,
    ),
    counter(
        "messages_unanswered",
        "appended messages without an agent reply within the reply timeout",
        evidence="agent_replies_due",
        is_trouble=True,
    ),
    counter("agent_chunks", "`stream_chunk` pushes read"),
    counter("agent_streams", "answers that began to stream in, piece by piece"),
    counter(
        "agent_streams_incomplete",
        "answers whose pieces came, but never the whole `message`",
        evidence="agent_streams",
        is_trouble=True,
    ),
    counter("agent_stream_stalls", "pauses within an answer beyond --stall-limit", evidence="agent_chunks"),
    counter("backpressure_events", "`backpressure` pushes, by reason", evidence="messages_sent", is_trouble=True),
    counter(
        "messages_not_sent",
        "messages that were due while their user had no session, by cause",
        evidence="messages_sent",
        is_trouble=True,
    ),
)

_BACKLOGS: Final = (
    gauge("append_backlog", "messages sent whose fate is open, at the end of a second"),
    gauge("agent_backlog", "appended messages whose agent reply is awaited, at the end of a second"),
    gauge(
        "append_backlog_growth",
        "growth of append_backlog while messages were sent / messages sent; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge(
        "agent_backlog_growth",
        "growth of agent_backlog while messages were sent / replies due; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge("append_backlog_end_s", "how far appends were behind when sending stopped", unit="s", is_derived=True),
    gauge("agent_backlog_end_s", "how far agent replies were behind when sending stopped", unit="s", is_derived=True),
)

_CONNECTIONS: Final = (
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
        "client_anomalies",
        "what the client saw and no rule of the protocol foresees, by kind",
        evidence="connections_attempted",
        is_trouble=True,
    ),
)

_JOURNEYS: Final = (
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
    counter("cleanup_succeeded", "sessions that were to be deleted and are", evidence="cleanup_attempted"),
    counter(
        "cleanup_failed",
        "sessions that were to be deleted and are not, by cause; not_tried: given up, time or server being gone",
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

_AUDIT: Final = (
    counter("messages_audited", "acknowledged messages that the audit looked for in what the server stored"),
    counter(
        "messages_stored",
        "audited messages that are stored as they were acknowledged",
        evidence="messages_audited",
    ),
    counter("messages_unstored", "audited messages that are not stored", evidence="messages_audited", is_trouble=True),
    counter(
        "messages_stored_changed",
        "audited messages that are stored with different content than they were sent with",
        evidence="messages_audited",
        is_trouble=True,
    ),
    counter(
        "messages_unaudited",
        "acknowledged messages that the audit could not check, by cause",
        evidence="messages_appended",
        is_trouble=True,
    ),
    counter("unconfirmed_stored", "messages of open outcome that the audit found stored"),
    counter("unconfirmed_unstored", "messages of open outcome that are not stored, as nobody had promised"),
    counter("unconfirmed_unaudited", "messages of open outcome that the audit could not check, by cause"),
    counter("answers_audited", "pushed answers of the agent that the audit looked for"),
    counter("answers_stored", "audited answers that are stored as they were pushed", evidence="answers_audited"),
    counter("answers_unstored", "audited answers that are not stored", evidence="answers_audited", is_trouble=True),
    counter(
        "answers_stored_changed",
        "audited answers that are stored with different content than they were pushed with",
        evidence="answers_audited",
        is_trouble=True,
    ),
    counter(
        "answers_unaudited",
        "pushed answers that the audit could not check, by cause",
        evidence="agent_replies",
        is_trouble=True,
    ),
)

_BREAKS: Final = (
    trend("outage_ms", "a session's connection broke → it is joined again"),
    trend("lost_ack_age_ms", "message acknowledged → its connection broke, of messages that are not stored"),
    trend("kept_ack_age_ms", "message acknowledged → its connection broke, of messages that are stored"),
    counter("sessions_resumed", "lost sessions that were joined again", evidence="disconnects"),
    counter(
        "sessions_not_resumed",
        "lost sessions that were not joined again before the run ended",
        evidence="disconnects",
        is_trouble=True,
    ),
    counter("resumes_failed", "attempts to join a lost session again that failed, by kind"),
    counter("seqs_given_twice", "`seq` numbers of a session that came with two contents", evidence="messages_audited"),
    counter(
        "messages_below_resume",
        "new messages of a resumed session with a `seq` that is not above the last one seen before: a client that "
        "drops what it knows never shows them",
        evidence="sessions_resumed",
    ),
    counter("open_messages_stored", "messages that a broken connection left open and that are stored"),
    counter("open_messages_unstored", "messages that a broken connection left open and that are not stored"),
    counter("open_messages_unaudited", "messages that a broken connection left open and the audit could not look for"),
)

_RATES: Final = (
    rate(
        "message_success_rate",
        ("messages_appended",),
        ("messages_appended", "messages_rejected", "messages_lost", "messages_unconfirmed"),
        "appended / (appended + rejected + lost + unconfirmed)",
    ),
    rate(
        "acknowledgement_rate",
        ("messages_acknowledged",),
        ("messages_appended", "messages_rejected", "messages_lost", "messages_unconfirmed"),
        "sends that were replied to with ok / (appended + rejected + lost + unconfirmed), where the protocol replies",
        is_optional=True,
    ),
    rate(
        "agent_reply_rate",
        ("agent_replies_matched",),
        ("agent_replies_due",),
        "appended messages that the agent answered within the reply timeout / appended messages",
    ),
    rate(
        "lifecycle_success_rate",
        ("sessions_completed",),
        ("sessions_completed", "session_failures"),
        "whole journeys / (whole journeys + broken ones)",
    ),
    rate(
        "message_correctness_rate",
        ("messages_correct",),
        ("messages_checked",),
        "messages appended exactly once, in order, answered and replayed unchanged / messages judged",
    ),
    rate(
        "inbox_shown_rate",
        ("inbox_shown",),
        ("inbox_shown", "inbox_missed"),
        "own messages that showed in the inbox within the deadline / all that could have",
    ),
    rate(
        "durability_rate",
        ("messages_stored",),
        ("messages_audited",),
        "acknowledged messages that are stored as they were acknowledged / those that the audit looked for",
    ),
    rate(
        "cleanup_success_rate",
        ("cleanup_succeeded",),
        ("cleanup_attempted",),
        "sessions deleted / sessions that were to be deleted",
    ),
)

_GENERATOR: Final = (
    trend("generator_lateness_ms", "message due → sent: the generator's own fault"),
    trend("event_loop_lag_ms", "how late a 100 ms timer fires"),
    trend("name_lookup_ms", "a session or connection begins to wait for the look-up of a host's name → it is there"),
    gauge("worker_cpu_percent", "CPU of one worker process, 100 is one core", unit="%", per_worker=True),
    gauge("worker_rss_bytes", "resident memory of one worker process", unit="bytes", per_worker=True),
    counter("worker_cpu_samples", "CPU readings taken after warm-up"),
    counter("worker_cpu_starved", "CPU readings above the limit of one core", evidence="worker_cpu_samples"),
)

METRICS: Final[tuple[Metric, ...]] = (
    *_LATENCIES,
    *_MESSAGES,
    *_BACKLOGS,
    *_CONNECTIONS,
    *_JOURNEYS,
    *READING,
    *_AUDIT,
    *_BREAKS,
    *_RATES,
    *_GENERATOR,
)
