"""The rates that thresholds judge."""

from typing import Final

from fleetlm_users.measure.metrics.metric import rate

RATES: Final = (
    rate(
        "message_success_rate",
        ("messages_appended",),
        ("messages_appended", "messages_rejected", "messages_lost", "messages_unconfirmed"),
        "appended / (appended + rejected + lost + unconfirmed)",
    ),
    rate(
        "acknowledgement_rate",
        ("messages_acknowledged",),
        ("messages_acknowledged", "messages_unacknowledged"),
        "sends that were replied to with ok / (those + appended messages whose send never was)",
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
        "delivery_rate",
        ("deliveries_seen",),
        ("deliveries_seen", "deliveries_missed"),
        "deliveries to listeners that came within the reply timeout / all that could have",
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
