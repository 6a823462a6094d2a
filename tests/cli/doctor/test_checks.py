import pytest

from fleetlm_users.cli.doctor.checks import tell
from fleetlm_users.client import PreflightResult, Problem, ProblemCode, Targets

TARGETS = Targets("http://x/api", "ws://x/socket/websocket", "http://a", "echo")
API = Problem(
    ProblemCode.API_FAILED, "the REST API", "http://x/api/agents", "refused: Connection refused", True, "refused"
)
SOCKET = Problem(
    ProblemCode.WEBSOCKET_FAILED,
    "the WebSocket",
    "ws://x/socket/websocket",
    "upgrade: HTTP 404 Not Found",
    True,
    "upgrade_404",
    404,
)
AGENT = Problem(
    ProblemCode.AGENT_UNHEALTHY,
    "the agent",
    "http://a/health",
    "HTTP 500: no",
    False,
    hint="start it with `python echo_agent.py`, unless …",
)
KNOWN = Problem(
    ProblemCode.AGENT_ELSEWHERE,
    "agent echo",
    "http://x/api/agents/echo",
    "FleetLM calls it at http://b, not at http://a",
    False,
)
LATE = Problem(ProblemCode.ADDRESS_SILENT, "FleetLM's answers", "http://x/api", "did not finish within 3 s", True)


def outcomes(*problems, created=False):
    return [(found.what, found.outcome) for found in tell(PreflightResult(TARGETS, problems, created, "early"))]


FINE = dict.fromkeys(("REST API", "WebSocket upgrade", "agent health", "chat protocol", "agent in FleetLM"), "ok")
MID = Problem(ProblemCode.PROTOCOL, "the REST API", "http://x/api", "it is one of the versions between", True)


@pytest.mark.parametrize(
    ("problems", "changed"),
    [
        ((), {}),
        ((API,), {"REST API": "bad", "chat protocol": "skipped", "agent in FleetLM": "skipped"}),
        ((MID,), {"chat protocol": "bad", "agent in FleetLM": "skipped"}),
        ((SOCKET, AGENT), {"WebSocket upgrade": "bad", "agent health": "doubtful"}),
        ((KNOWN,), {"agent in FleetLM": "doubtful"}),
        ((LATE,), {"FleetLM's answers": "bad"}),
    ],
)
def test_each_thing_that_was_asked_has_a_line(problems, changed):
    """Every finding of the preflight is reported under its own name, and none is left out."""
    assert dict(outcomes(*problems)) == FINE | changed


def test_what_is_wrong_comes_with_what_to_do():
    """The preflight's own hint about the agent gives way to ours."""
    found = {item.what: item for item in tell(PreflightResult(TARGETS, (API, SOCKET, AGENT), False))}
    assert "mix phx.server" in found["REST API"].remedy
    assert "/socket/websocket" in found["WebSocket upgrade"].remedy
    assert "echo_agent.py" in found["agent health"].remedy
    assert "start it" not in found["agent health"].detail


def test_a_created_agent_is_said():
    """It is a change in somebody's FleetLM."""
    found = [item.detail for item in tell(PreflightResult(TARGETS, (), True)) if item.what == "agent in FleetLM"]
    assert found == ["echo (created just now)"]
