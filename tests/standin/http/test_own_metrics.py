"""`/metrics`: what the stand-in tells of itself, readable as Prometheus text."""

import requests
from prometheus_client.parser import text_string_to_metric_families


def test_memory_sockets_and_sessions_are_told(standin):
    """Names that a load test looks for."""
    answer = requests.get(f"http://127.0.0.1:{standin.port}/metrics", timeout=5)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {s.name: s.value for family in text_string_to_metric_families(answer.text) for s in family.samples}
    assert found["process_resident_memory_bytes"] > 1_000_000
    assert found["fleetlm_websocket_connections"] >= 0
    assert found["fleetlm_chat_conversations_active_count"] >= 0
    assert found["fleetlm_prom_ex_phoenix_channel_joined_total"] >= 0
