"""The official JavaScript client (npm `phoenix` over `ws`) against the stand-in."""

import pytest

from tests.javascript import require_packages, run_script


@pytest.fixture(scope="module")
def node_modules():
    """tests/js/node_modules, installed once."""
    require_packages()


@pytest.mark.usefixtures("node_modules")
def test_the_official_client(standin):
    """Connects, joins, pushes, receives its own and the agent's message, heartbeats, leaves, rejoins with replay."""
    session = standin.session("js-user")
    before = standin.counters()
    url = f"ws://127.0.0.1:{standin.port}/socket"
    seen = run_script("client.mjs", url, "js-user", session, "participant_id")
    own, echo = seen["messages"]
    assert seen["join"] == ["ok", {"messages": [], "session_id": session}]
    assert seen["refused"] == ["error", {"reason": "not found"}]
    assert (own["seq"], own["sender_id"], own["content"]) == (1, "js-user", {"text": "hé", "client_ref": "r1"})
    assert own["metadata"] == {"k": 1}
    assert echo["content"] == {"text": "Echo: hé", "client_ref": "r1"}
    assert echo["metadata"] == {"echoed_seq": 1, "session_id": session, "user_id": "js-user"}
    assert (seen["malformed"][0], seen["malformed"][1]["error"]) == ("error", "invalid_message_format")
    assert seen["inbox"][1]["inbox"][0]["session_id"] == session
    assert (seen["leave"], seen["stateAfterLeave"]) == (["ok", {}], "closed")
    assert [message["seq"] for message in seen["rejoin"][1]["messages"]] == [1, 2]
    assert "channelErrors" not in seen
    after = standin.counters()
    counted = {name: after[name] - before[name] for name in ("connections_opened", "sends_received", "leaves")}
    assert counted == {"connections_opened": 1, "sends_received": 2, "leaves": 1}
    assert after["heartbeats"] - before["heartbeats"] >= seen["heartbeats"] >= 2


@pytest.mark.usefixtures("node_modules")
def test_the_official_client_in_the_late_protocol(standin_with):
    """The same whole session: what it joins and reads is the late protocol's."""
    standin = standin_with("--protocol", "late", "--builtin-agent")
    body = {"user_id": "js-user", "agent_id": "bench-echo-agent"}
    session = standin.call("POST", "/api/sessions", body).json()["session"]["id"]
    url = f"ws://127.0.0.1:{standin.port}/socket"
    seen = run_script("client.mjs", url, "js-user", session, "user_id")
    own, answer = seen["messages"]
    assert (own["seq"], own["content"]["client_ref"], answer["kind"]) == (1, "r1", "assistant")
    assert answer["content"]["parts"] == [{"state": "done", "text": "Echo: hé", "type": "text"}]
    assert seen["malformed"][1]["error"] == "invalid_message_format"
    assert (seen["leave"], [message["seq"] for message in seen["rejoin"][1]["messages"]]) == (["ok", {}], [1, 2])
