"""Pages that control work reads with requests, by the rules of the load.

Nothing is monkey-patched here, so a thread keeps the sockets of requests off the loop on which the fakes run; the
process that is patched is in test_patched.py.
"""

import contextlib
import gzip

import gevent
import pytest

from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.client.http.text_page import TextPage
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.tls import tls_context
from fleetlm_users.client.websocket.handshake import open_websocket
from fleetlm_users.errors import RestFailed
from tests.client.fakes import CERTIFICATE, phoenix

FLAG = "--server-metrics"


@pytest.fixture
def page_of(no_greenlets_left):
    made = []

    def make(server, path="/metrics", **options):
        made.append(TextPage(server.http_url + path, FLAG, timeout_s=10.0, insecure=options.pop("insecure", False)))
        return made[-1]

    yield make
    for page in made:
        page.close()


def read(page):
    return gevent.get_hub().threadpool.apply(page.read)


def answering(*answers):
    def script(peer):
        for status, body, *headers in answers:
            peer.read_request()
            peer.answer(status, body, *headers)
        peer.read_request()

    return script


def test_a_page_is_read_over_one_connection(page_of, serve):
    """Each reading is current, encoded or not."""
    zipped = gzip.compress("é 2".encode())
    server = serve(answering(("200 OK", b"a 1"), ("200 OK", zipped, "content-encoding: gzip")))
    page = page_of(server)
    assert [read(page), read(page)] == ["a 1", "é 2"]
    assert server.accepted == 1


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (("503 Busy", b"<html>\n<title>No server</title>"), "http_503", "No server"),
        (("301 Moved", b"", "location: https://h:9/metrics"), "http_301", "set --server-metrics https://h:9/metrics"),
        (("401 Who", b""), "http_401", "login"),
        (("200 OK", b"x", "content-encoding: br"), "http_200", "'br'"),
    ],
)
def test_a_page_that_cannot_be_read_says_why(page_of, serve, answer, kind, said):
    """A redirect is reported, and not followed."""
    with pytest.raises(RestFailed) as caught:
        read(page_of(serve(answering(answer))))
    assert caught.value.kind == kind
    assert said in caught.value.detail


def test_certificates_are_checked_as_those_of_the_load_are(page_of, serve):
    """`insecure` applies to both."""
    server = serve(answering(("200 OK", b"a 1")), tls=True)
    with pytest.raises(RestFailed, match="tls"):
        read(page_of(server))
    assert read(page_of(server, insecure=True)) == "a 1"


def test_a_ca_of_ones_own_holds_for_pages_rest_and_sockets(page_of, serve, monkeypatch):
    """SSL_CERT_FILE is read by one function for all of them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_context.cache_clear()
    try:
        assert read(page_of(serve(answering(("200 OK", b"a 1")), tls=True))) == "a 1"
        api = RestApi(serve(answering(("200 OK", b"{}")), tls=True).http_url)
        assert api.call("GET", "/").body == {}
        api.close()
        url = serve(phoenix, tls=True).ws_url
        upgraded = open_websocket(parse_endpoint(url, "URL", ("ws", "wss"), "ws://h"), 10.0, Connector())
        upgraded.stream.close()
    finally:
        tls_context.cache_clear()


def test_a_proxy_of_the_environment_is_not_used(page_of, serve, monkeypatch):
    """Nor does the load use it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert read(page_of(serve(answering(("200 OK", b"a 1"))))) == "a 1"


def test_credentials_and_cookies_stay_out(page_of, serve, monkeypatch, tmp_path):
    """No .netrc is read, and what the server sets is not sent back: each reading is the same request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login u password p\nmachine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    def script(peer):
        for _ in range(2):
            peer.read_request()
            seen.append(peer.headers)
            peer.answer("200 OK", b"a 1", "set-cookie: lb=1; Path=/")

    page = page_of(serve(script))
    assert [read(page), read(page)] == ["a 1", "a 1"]
    for headers in seen:
        assert "authorization" not in headers
        assert "cookie" not in headers
        assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na 1", "eof"),
        (b"", "eof"),
        (b"220 mail.example ESMTP\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n" + b"a" * 9_000_000, "oversize"),
    ],
)
def test_an_answer_that_is_none_has_a_kind_and_one_line(page_of, serve, said, kind):
    """Cut short, never begun, not HTTP, or too large."""

    def script(peer):
        peer.read_request()
        with contextlib.suppress(OSError):  # nobody reads a body to its end that is too large
            peer.send(said)

    with pytest.raises(RestFailed) as caught:
        read(page_of(serve(script)))
    assert caught.value.kind == kind
    assert str(caught.value).isprintable()


def test_a_server_that_is_not_there_is_named_by_its_own_error():
    """The system's words, not those of the three libraries around them."""
    page = TextPage("http://127.0.0.1:9/metrics", FLAG, timeout_s=10.0, insecure=False)
    with pytest.raises(RestFailed) as caught:
        read(page)
    page.close()
    assert (caught.value.kind, caught.value.detail) == ("refused", "Connection refused")
