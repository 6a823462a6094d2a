"""The latencies that every benchmark may measure: the moment each starts, and the moment it stops."""

from typing import Final

from fleetlm_users.measure.metrics.metric import trend

LATENCIES: Final = (
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
