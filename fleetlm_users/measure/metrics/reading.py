"""The metrics of what is read back during a run: by a join's replay, and over REST."""

from typing import Final

from fleetlm_users.measure.metrics.metric import Metric, counter, trend

READING: Final[tuple[Metric, ...]] = (
    trend("rest_read_ms", "read due → the answer to GET /api/sessions/:id/messages, parsed"),
    counter("rest_reads", "GETs of a session's messages"),
    counter("rest_reads_failed", "GETs without their messages, by kind", evidence="rest_reads", is_trouble=True),
    counter("messages_read", "messages in the answers to GETs", evidence="rest_reads"),
    counter("replay_checked", "messages seen live, or accepted over REST, that were looked for in a replay or a read"),
    counter(
        "replay_missing",
        "of those, messages that the replay or read does not hold, keyed by (session, seq)",
        evidence="replay_checked",
        is_trouble=True,
    ),
    counter(
        "replay_changed",
        "of those, messages that came otherwise than they were seen or sent, `id` and `inserted_at` apart",
        evidence="replay_checked",
        is_trouble=True,
    ),
)
"""In the order of reports."""
