import pytest

from fleetlm_users.cli.doctor import remedies


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("refused: Connection refused", "Start FleetLM"),
        ("tls: certificate verify failed", "--insecure"),
        ("dns: Name or service not known", "spelling"),
        ("HTTP 404: Not Found", "/api"),
        ("HTTP 301: it redirects to https://h and is not followed: set -H https://h", "TLS only"),
        ("HTTP 401: no body; a login is asked for and the load has none: let this machine in without one", "a proxy"),
        ("HTTP 503: Service Unavailable", "cannot serve now"),
        ("HTTP 500: Internal Server Error", "database"),
        ("timeout: no answer within 3 s", "firewall"),
        ("it answers, but is no FleetLM: no list of agents in its answer", "Another server"),
    ],
)
def test_what_to_do_about_the_api(detail, words):
    """By the words of the failure."""
    assert words in remedies.of_api(detail)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("refused: no TCP connection", "Start FleetLM"),
        ("upgrade: HTTP 403 Forbidden; let this machine in: at the server, or at the proxy before it", "Origin"),
        ("upgrade: HTTP 404 Not Found", "/socket/websocket"),
        ("upgrade: HTTP 502 Bad Gateway", "proxy"),
        ("timeout: no answer to the upgrade within 2 s", "firewall"),
        ("tls: wrong version number", "ws://"),
    ],
)
def test_what_to_do_about_the_socket(detail, words):
    """By the words of the failure."""
    assert words in remedies.of_socket(detail)


@pytest.mark.parametrize(
    ("detail", "words"),
    [("refused: not found", "one FleetLM"), ("refused: unauthorized", "own participant"), ("no reply", "see its log")],
)
def test_what_to_do_about_a_join(detail, words):
    """By FleetLM's reason."""
    assert words in remedies.of_join(detail)
