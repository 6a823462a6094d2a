"""The stand-in's own routes accept orders from programs, and from no page of another origin."""

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

EVIL = {"Origin": "http://evil.example"}
ELSEWHERE = {"Host": "evil.example:4000"}
EMBEDDED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
OWN = (
    "/health",
    "/metrics",
    "/standin/counters",
    "/standin/faults",
    "/standin/messages",
    "/standin/storage",
    "/standin/nothing",
)


@pytest.mark.parametrize("headers", [EVIL, {"Origin": "null"}, ELSEWHERE, EMBEDDED])
def test_a_page_of_another_origin_neither_sets_faults_nor_reads_anything(standin, headers):
    """It may act like a form, without asking the server first, or use a name made to point here."""
    before = standin.call("GET", "/standin/faults").json()
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    answer = standin.call("POST", "/standin/faults", "unavailable=true", form)
    assert answer.status == 403
    assert answer.json()["error"].startswith("refused: ")
    assert standin.call("GET", "/standin/faults").json() == before
    assert standin.call("POST", "/standin/crash", "down_ms=0", form).status == 403
    for path in OWN:
        answer = standin.call("GET", path, headers=headers)
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_programs_and_its_own_page_are_answered(standin):
    """The page is FleetLM's home page, which names the counters."""
    for headers in ({}, {"Origin": standin.url}, {"Host": "localhost:1"}):
        assert standin.call("GET", "/standin/counters", headers=headers).status == 200
        assert standin.call("POST", "/standin/faults", {}, headers).status == 200


def test_fleetlms_own_routes_ask_nobody_where_he_comes_from(standin):
    """Nor does FleetLM: its clients are pages of other origins, and call it by any name."""
    for headers in (EVIL, ELSEWHERE, EMBEDDED):
        assert standin.call("GET", "/api/agents", headers=headers).status == 200


def test_in_a_network_of_its_own_it_is_called_by_a_name(standin_with):
    """`target` in docker-compose.yml, an address, and for its metrics any name."""
    standin = standin_with("--host", "0.0.0.0")
    for host in ("target:4000", "10.0.0.5:4000"):
        assert standin.call("POST", "/standin/faults", {}, {"Host": host}).status == 200
    assert standin.call("GET", "/metrics", headers={"Host": "target.example.org"}).status == 200
    assert standin.call("GET", "/standin/counters", headers={"Host": "target.example.org"}).status == 403


def test_memory_sockets_and_sessions_are_reported(standin):
    """Names that a load test looks for."""
    answer = requests.get(f"http://127.0.0.1:{standin.port}/metrics", timeout=60)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {s.name: s.value for family in text_string_to_metric_families(answer.text) for s in family.samples}
    assert found["process_resident_memory_bytes"] > 1_000_000
    assert found["fleetlm_websocket_connections"] >= 0
    assert found["fleetlm_chat_conversations_active_count"] >= 0
    assert found["fleetlm_prom_ex_phoenix_channel_joined_total"] >= 0
