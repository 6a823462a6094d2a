"""The metrics of the audit, and of broken connections."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, trend

AUDIT: Final = (
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
    counter("unconfirmed_unstored", "messages of open outcome that are not stored; none was acknowledged"),
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

BREAKS: Final = (
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
    counter("resumes_failed", "failed attempts to join a lost session again, by kind"),
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
