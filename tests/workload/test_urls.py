"""Addresses are checked before load, and one host gives both of FleetLM's URLs."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.workload.urls import check_grafana_url, check_http_url, check_ws_url, socket_url, urls_of_host


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:4000/api", "http://localhost:4000/api"),
        ("https://fleet.example/api/", "https://fleet.example/api"),
        (" http://10.0.0.1 ", "http://10.0.0.1"),
        ("http://[::1]:4000/api", "http://[::1]:4000/api"),
        ("HTTP://host/api", "http://host/api"),
    ],
)
def test_http_urls_lose_their_trailing_slash(text, url):
    """Paths are appended, so the slash would be doubled."""
    assert check_http_url(text, "--api-url (API_URL)") == url


@pytest.mark.parametrize("text", ["ws://localhost:4000/socket/websocket", "wss://fleet.example/socket/websocket"])
def test_ws_urls_are_given_back(text):
    """Both schemes of the WebSocket pass."""
    assert check_ws_url(text, "--ws-url (WS_URL)") == text


BAD_URLS = [
    "",
    "localhost:4000",
    "ftp://host",
    "http://",
    "http://:4000",
    "http://host:0",
    "http://host:65536",
    "http://host:port",
    "http://[::1",
    "http://ho st",
    "http://host/a\tb",
    "http://host?x=1",
    "http://host#x",
]
SECRET_URLS = ["http://me:secret@host", "http://me:secret@host:port", "http://secret@[::1", "http://host/?k=secret@x"]


@pytest.mark.parametrize("text", [*BAD_URLS, "ws://host"])
def test_anything_else_is_no_http_url(text):
    """The error names the setting, the value, the accepted form and an example."""
    with pytest.raises(UsageError) as raised:
        check_http_url(text, "--api-url (API_URL)")
    assert str(raised.value) == (
        f"invalid value {quote(text)} for --api-url (API_URL): "
        f"expected http:// or https:// with a host, optionally a port "
        "(1–65535) and a path, for example http://localhost:4000/api"
    )


@pytest.mark.parametrize("text", SECRET_URLS)
def test_what_may_hold_a_password_is_refused_and_not_quoted(text):
    """Whatever else is wrong with it."""
    for check in (check_http_url, urls_of_host):
        with pytest.raises(UsageError, match="no user and password") as raised:
            check(text, "-H")
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", [bad.replace("http:", "ws:") for bad in BAD_URLS + SECRET_URLS] + ["http://host"])
def test_anything_else_is_no_ws_url(text):
    """The WebSocket's error shows a WebSocket URL."""
    with pytest.raises(UsageError, match=r"ws:// or wss://.*for example ws://localhost:4000/socket/websocket"):
        check_ws_url(text, "--ws-url (WS_URL)")


@pytest.mark.parametrize(
    ("host", "urls"),
    [
        ("http://host:4000", ("http://host:4000/api", "ws://host:4000/socket/websocket")),
        ("https://host/", ("https://host/api", "wss://host/socket/websocket")),
        ("ws://host:4000", ("http://host:4000/api", "ws://host:4000/socket/websocket")),
        ("wss://host/", ("https://host/api", "wss://host/socket/websocket")),
        ("https://host/fleet/", ("https://host/fleet/api", "wss://host/fleet/socket/websocket")),
    ],
)
def test_a_host_gives_both_urls(host, urls):
    """TLS carries over, and so does a proxy's prefix."""
    assert urls_of_host(host) == urls


@pytest.mark.parametrize(
    ("ws_url", "path", "parameters", "url"),
    [
        ("ws://h:4000/socket/websocket", "/socket/websocket", {}, "ws://h:4000/socket/websocket"),
        ("ws://h/socket/websocket", "/live/websocket", {"token": "a b&c"}, "ws://h/live/websocket?token=a%20b%26c"),
        ("wss://h/app/socket/websocket", "/users/websocket", {}, "wss://h/app/users/websocket"),
        ("wss://h/given/websocket", "/users/websocket", {"vsn": "2.0.0"}, "wss://h/given/websocket"),
    ],
)
def test_the_url_of_a_phoenix_socket(ws_url, path, parameters, url):
    """The class's path stands in for the default one; a URL that was given in full stays."""
    assert socket_url(ws_url, path, parameters) == url


@pytest.mark.parametrize(
    ("path", "parameters", "words"),
    [
        ("socket", {}, "the path of a socket, without a query"),
        ("/socket?a=b", {}, "the path of a socket, without a query"),
        ("/socket/websocket", {"vsn": "1.0.0"}, "the one version of Phoenix's serializer"),
    ],
)
def test_a_path_or_version_that_cannot_be_is_refused(path, parameters, words):
    """Before any load."""
    with pytest.raises(UsageError, match=words):
        socket_url("ws://h/socket/websocket", path, parameters)


def test_a_host_without_scheme_is_refused():
    """`-H host:4000` is the usual slip."""
    with pytest.raises(
        UsageError, match=r"invalid value 'host:4000' for -H/--host: .*for example http://localhost:4000"
    ):
        urls_of_host("host:4000")


@given(st.text() | st.text(alphabet="htps:/@[]?#.%0 1\t\n").map(lambda tail: f"http://{tail}"))
def test_any_text_is_a_url_or_a_usage_error(text):
    """No other exception reaches a person."""
    with suppress(UsageError):
        assert check_http_url(text, "x").startswith(("http://", "https://"))


GRAFANA = "https://grafana.example.org"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (GRAFANA, f"{GRAFANA}/api/annotations"),
        (f"{GRAFANA}/", f"{GRAFANA}/api/annotations"),
        (f"{GRAFANA}/graf?dashboardUID=abc&panelId=2", f"{GRAFANA}/graf/api/annotations?dashboardUID=abc&panelId=2"),
        (f"{GRAFANA}/api/annotations?dashboardUID=a%20b", f"{GRAFANA}/api/annotations?dashboardUID=a%20b"),
        (f"{GRAFANA}/graf/d/abc/load-tests?orgId=1&from=now-1h#x", f"{GRAFANA}/graf/api/annotations?dashboardUID=abc"),
        (f"{GRAFANA}/d/abc", f"{GRAFANA}/api/annotations?dashboardUID=abc"),
        (f"{GRAFANA}/?auth_token=s3cret", f"{GRAFANA}/api/annotations"),
    ],
)
def test_a_grafana_is_named_by_its_address_or_a_dashboards(text, url):
    """Anything else in a browser's query is dropped; a token there would end up in reports. A second pass changes
    nothing.
    """
    assert check_grafana_url(text, "--annotate") == url
    assert check_grafana_url(url, "--annotate") == url


@pytest.mark.parametrize(
    "text", ["grafana", "ftp://g", "https://", "https://u:s3cret@g", "http://g:99999", "http://g/?panelId=x&k=s3cret"]
)
def test_an_address_of_no_grafana_is_refused_and_no_secret_quoted(text):
    """A password belongs into no address: the token is a variable."""
    with pytest.raises(UsageError, match="--annotate") as caught:
        check_grafana_url(text, "--annotate")
    assert "s3cret" not in str(caught.value)
