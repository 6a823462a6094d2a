"""The metrics of reading messages back during a run, by a join's replay and over REST."""

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
        "of those, messages that came otherwise than they were seen or sent, `id` and `inserted_at` apart; and copies "
        "stored under a second `seq`",
        evidence="replay_checked",
        is_trouble=True,
    ),
    trend("replay_rest_ms", "read due → the answer to a GET of the whole session, parsed"),
    trend("replay_join_ms", "first join due → everything up to the newest message was replayed, page by page"),
    trend("active_append_ms", "message due, while its backlog is read → the answer to its POST"),
    counter("backlog_appends", "messages of backlogs that the server accepted"),
    counter(
        "backlogs_short", "backlogs that were not written in their time", evidence="sessions_started", is_trouble=True
    ),
    counter("active_appends", "messages accepted while their backlog was read"),
    counter("replays", "whole reads of a backlog"),
    counter("replays_failed", "whole reads of a backlog that failed, by kind", evidence="replays", is_trouble=True),
    counter("messages_replayed", "messages in whole reads of a backlog", evidence="replays"),
)
"""In the order of reports."""
