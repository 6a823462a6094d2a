import pytest

from fleetlm_users.cli.doctor import remedies
from fleetlm_users.client import Problem, ProblemCode
from fleetlm_users.errors import ConnectFailed, JoinRefused, ReplyTimeout


def problem(code, kind="", status=None):
    return Problem(code, "it", "http://x", "in words that decide nothing", True, kind, status)


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("refused", None, "Start FleetLM"),
        ("tls", None, "--insecure"),
        ("dns", None, "spelling"),
        ("http_404", 404, "/api"),
        ("http_301", 301, "TLS only"),
        ("http_401", 401, "a proxy"),
        ("http_503", 503, "cannot serve now"),
        ("http_500", 500, "database"),
        ("timeout", None, "firewall"),
        ("bad_body", 200, "Start FleetLM"),
    ],
)
def test_what_to_do_about_the_api(kind, status, words):
    """The remedy follows from the kind and status of the failure."""
    assert words in remedies.of_problem(problem(ProblemCode.API_FAILED, kind, status))


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("refused", None, "Start FleetLM"),
        ("upgrade_403", 403, "Origin"),
        ("upgrade_404", 404, "/socket/websocket"),
        ("upgrade_502", 502, "proxy"),
        ("upgrade", None, "proxy"),
        ("timeout", None, "firewall"),
        ("tls", None, "ws://"),
    ],
)
def test_what_to_do_about_the_websocket(kind, status, words):
    """It follows from the kind and status of the failure; preflight and the trial session agree."""
    assert words in remedies.of_problem(problem(ProblemCode.WEBSOCKET_FAILED, kind, status))
    assert words in remedies.of_connect(ConnectFailed("ws://x", kind, "in words that decide nothing", status))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ProblemCode.API_NOT_FLEETLM, "Another server"),
        (ProblemCode.AGENT_UNHEALTHY, "echo_agent.py"),
        (ProblemCode.AGENT_DISABLED, ""),
    ],
)
def test_what_to_do_about_other_problems(code, words):
    """It follows from the problem's code; some problems say so themselves."""
    remedy = remedies.of_problem(problem(code))
    assert words in remedy
    assert bool(remedy) is bool(words)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (JoinRefused("session:1", "not found"), "one FleetLM"),
        (JoinRefused("session:1", "unauthorized"), "own participant"),
        (ReplyTimeout("session:1", "phx_join", 1.0), "see its log"),
    ],
)
def test_what_to_do_about_a_join(failed, words):
    """It follows from FleetLM's reason."""
    assert words in remedies.of_join(failed)
