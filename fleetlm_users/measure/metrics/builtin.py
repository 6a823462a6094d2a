"""The metrics of this project, each with the moments at which it starts and stops, or the events it counts."""

from typing import Final

from fleetlm_users.measure.metrics.durability import AUDIT, BREAKS
from fleetlm_users.measure.metrics.fan_out import FAN_OUT
from fleetlm_users.measure.metrics.generator import GENERATOR
from fleetlm_users.measure.metrics.latencies import LATENCIES
from fleetlm_users.measure.metrics.messages import BACKLOGS, MESSAGES
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.measure.metrics.rates import RATES
from fleetlm_users.measure.metrics.reading import READING
from fleetlm_users.measure.metrics.sessions import CONNECTIONS, JOURNEYS
from fleetlm_users.measure.metrics.storm import STORM
from fleetlm_users.measure.metrics.visits import VISITS

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
"""Names known from FleetLM's own k6 suites, with ours."""

METRICS: Final[tuple[Metric, ...]] = (
    *LATENCIES,
    *MESSAGES,
    *BACKLOGS,
    *CONNECTIONS,
    *JOURNEYS,
    *FAN_OUT,
    *VISITS,
    *READING,
    *AUDIT,
    *BREAKS,
    *STORM,
    *RATES,
    *GENERATOR,
)
