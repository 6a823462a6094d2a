"""`/metrics` in Prometheus' text format: the stand-in's own memory and counts, under the names that FleetLM's would
have.
"""

from typing import Final

import psutil

from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.http.replies import Reply

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def own_metrics(hub: Hub) -> Reply:
    """Resident memory (it is no BEAM, so not under a BEAM's name), open sockets, sessions kept, joins so far."""
    lines = (
        "# TYPE process_resident_memory_bytes gauge",
        f"process_resident_memory_bytes {psutil.Process().memory_info().rss}",
        "# TYPE fleetlm_websocket_connections gauge",
        f"fleetlm_websocket_connections {hub.counters.connections_now}",
        "# TYPE fleetlm_chat_conversations_active_count gauge",
        f'fleetlm_chat_conversations_active_count{{scope="global"}} {len(hub.store.sessions)}',
        "# TYPE fleetlm_prom_ex_phoenix_channel_joined_total counter",
        "fleetlm_prom_ex_phoenix_channel_joined_total"
        f'{{result="ok",transport="websocket"}} {sum(run.joins_ok for run in hub.counters.runs.values())}',
    )
    return Reply(200, ("\n".join(lines) + "\n").encode(), CONTENT_TYPE)
