"""Pages that control work reads, by the rules of the load."""

import gzip

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


def answering(*answers):
    def script(peer):
        for status, body, *headers in answers:
            peer.read_request()
            peer.answer(status, body, *headers)
        peer.read_request()

    return script


def test_a_page_is_read_over_one_connection(page_of, serve):
    """Each time what it says then, encoded or not."""
    zipped = gzip.compress("é 2".encode())
    server = serve(answering(("200 OK", b"a 1"), ("200 OK", zipped, "content-encoding: gzip")))
    page = page_of(server)
    assert [page.read(), page.read()] == ["a 1", "é 2"]
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
    """A redirect is not followed, and told."""
    with pytest.raises(RestFailed) as caught:
        page_of(serve(answering(answer))).read()
    assert caught.value.kind == kind
    assert said in caught.value.detail


def test_certificates_are_checked_as_those_of_the_load_are(page_of, serve):
    """And `insecure` is for both."""
    server = serve(answering(("200 OK", b"a 1")), tls=True)
    with pytest.raises(RestFailed, match="tls"):
        page_of(server).read()
    assert page_of(server, insecure=True).read() == "a 1"


def test_a_ca_of_ones_own_holds_for_pages_rest_and_sockets(page_of, serve, monkeypatch):
    """SSL_CERT_FILE is read by one function for all of them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_context.cache_clear()
    try:
        assert page_of(serve(answering(("200 OK", b"a 1")), tls=True)).read() == "a 1"
        api = RestApi(serve(answering(("200 OK", b"{}")), tls=True).http_url)
        assert api.call("GET", "/").body == {}
        api.close()
        url = serve(phoenix, tls=True).ws_url
        upgraded = open_websocket(parse_endpoint(url, "URL", ("ws", "wss"), "ws://h"), 10.0, Connector())
        upgraded.stream.close()
    finally:
        tls_context.cache_clear()


def test_a_proxy_of_the_environment_is_not_used(page_of, serve, monkeypatch):
    """As the load does not use it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert page_of(serve(answering(("200 OK", b"a 1")))).read() == "a 1"
