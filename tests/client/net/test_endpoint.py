"""Endpoints from URLs."""

import pytest

from fleetlm_users.client.net.endpoint import Endpoint, parse_endpoint
from fleetlm_users.errors import UsageError

WS = ("ws", "wss")


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "secure", "host_header"),
    [
        ("ws://localhost:4000/socket/websocket", "localhost", 4000, "/socket/websocket", False, "localhost:4000"),
        ("ws://fleet.example", "fleet.example", 80, "/", False, "fleet.example"),
        ("wss://fleet.example/a?b=c", "fleet.example", 443, "/a?b=c", True, "fleet.example"),
        ("wss://fleet.example:80/", "fleet.example", 80, "/", True, "fleet.example:80"),
        ("ws://[::1]:4000/x", "::1", 4000, "/x", False, "[::1]:4000"),
        ("ws://Bücher.example/", "xn--bcher-kva.example", 80, "/", False, "xn--bcher-kva.example"),
        ("ws://h/ä%20b?q=é", "h", 80, "/%C3%A4%20b?q=%C3%A9", False, "h"),
    ],
)
def test_where_a_url_points(url, host, port, target, secure, host_header):  # noqa: PLR0917  # columns of the table
    """Default ports by scheme; the request target keeps the query and is ASCII; IPv6 is bracketed in Host only."""
    endpoint = parse_endpoint(url, "WebSocket URL", WS, "ws://localhost:4000/")
    assert endpoint == Endpoint(url, host, port, target, secure)
    assert endpoint.host_header == host_header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4000",
        "http://h/",
        "ws://",
        "ws:///x",
        "ws://h:port/",
        "ws://h:99999/",
        "ws://[::1/",
        "ws://a b/",
        "ws://h/\n",
        "ws://ä" + "x" * 70,
    ],
)
def test_what_is_no_url_names_the_setting_and_an_example(url):
    """The error says what was wrong and what would be right."""
    with pytest.raises(UsageError, match=r"WebSocket URL.*ws://localhost:4000/"):
        parse_endpoint(url, "WebSocket URL", WS, "ws://localhost:4000/")
