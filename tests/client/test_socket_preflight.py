"""The check of a Phoenix socket before a run: its findings, and that it asks for nothing else."""

import pytest

from fleetlm_users.client import SocketTarget, check_sockets
from fleetlm_users.errors import UsageError
from tests.e2e.harness import Server

TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def socket_url():
    """The URL of a small Phoenix application's socket."""
    server = Server("-m", "tests.phoenix_server")
    yield server.url.replace("http", "ws", 1) + "/socket/websocket"
    server.stop()


def looked_at(url, headers=None):
    """Return the findings for one socket."""
    return check_sockets([SocketTarget(url, headers or {})], TIMEOUT_S)


def test_a_phoenix_socket_is_fine(socket_url):
    """It opens and answers a heartbeat."""
    result = looked_at(f"{socket_url}?token=good", {"Origin": "http://here"})
    assert not result.fatal
    assert result.text() == ""


def test_a_refused_token_is_a_warning(socket_url):
    """Only the first user's is tried."""
    result = looked_at(f"{socket_url}?token=bad")
    assert not result.fatal
    assert "HTTP 403" in result.text()
    assert "others may have better ones" in result.text()


def test_a_path_without_a_socket_is_fatal(socket_url):
    """Nobody could connect there."""
    result = looked_at(socket_url.replace("/socket/", "/sock/"))
    assert result.fatal
    assert "HTTP 404" in result.text()


def test_a_server_of_the_old_serializer_is_named():
    """It holds whatever else its 403 may mean."""
    server = Server("-m", "tests.phoenix_server", "--vsn", "1.0.0")
    try:
        result = looked_at(server.url.replace("http", "ws", 1) + "/socket/websocket")
    finally:
        server.stop()
    assert result.fatal
    assert "it speaks only version 1.0.0 of Phoenix's serializer" in result.text()


@pytest.mark.parametrize("headers", [{"Host": "x"}, {"a b": "x"}, {"X-A": "two\r\nlines"}, {"Sec-WebSocket-Key": "x"}])
def test_headers_that_would_break_the_handshake_are_refused(headers, socket_url):
    """Before anything is sent."""
    with pytest.raises(UsageError, match="header"):
        looked_at(socket_url, headers)


def test_two_kinds_of_users_may_have_the_same_socket(socket_url):
    """Each has its own parameters; both are checked, and distinguished by their findings."""
    targets = [SocketTarget(f"{socket_url}?token={token}", {}) for token in ("good", "good", "bad")]
    result = check_sockets(targets, TIMEOUT_S)
    assert (result.fatal, len(result.warnings)) == (False, 1)
