"""The opening handshake against servers that do it well, badly, slowly or not at all."""

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from fleetlm_users.client.dial import parse_endpoint
from fleetlm_users.client.upgrade import open_websocket
from fleetlm_users.errors import ConnectFailed
from tests.client.fakes import hold

LONG_S = 10.0
SHORT_S = 0.2


def dial(url: str, timeout_s: float = LONG_S, *, insecure: bool = False):
    endpoint = parse_endpoint(url, "WebSocket URL", ("ws", "wss"), "ws://localhost:4000/")
    return open_websocket(endpoint, timeout_s, insecure)


def failure(url: str, timeout_s: float = LONG_S, *, insecure: bool = False) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        dial(url, timeout_s, insecure=insecure)
    assert caught.value.url == url
    return caught.value


def test_an_upgrade_gives_the_socket_its_stamps_and_what_came_behind(serve):
    """Bytes that follow the 101 in one piece belong to the first frame; the request is what FleetLM accepts."""
    peers = []

    def script(peer):
        peers.append(peer)
        peer.upgrade(behind=b"\x81\x02hi")
        hold(peer)

    server = serve(script)
    upgraded = dial(server.ws_url + "?participant_id=u1&vsn=2.0.0")
    assert upgraded.rest in (b"\x81\x02hi", b"")
    assert upgraded.started_s < upgraded.connected_s
    (peer,) = peers
    assert peer.request_line == "GET /socket/websocket?participant_id=u1&vsn=2.0.0 HTTP/1.1"
    assert peer.headers["host"] == f"localhost:{server.port}"
    assert "origin" not in peer.headers  # a production FleetLM refuses an Origin that is not its own host
    assert "sec-websocket-extensions" not in peer.headers
    assert upgraded.stream._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    upgraded.stream.close()


@pytest.mark.parametrize("status", ["403 Forbidden", "503 Service Unavailable", "302 Found", "200 OK"])
def test_a_refused_upgrade_says_its_status(serve, status):
    """The status is part of the kind; the server's words are told; a redirect is not followed."""

    def script(peer):
        peer.read_head()
        peer.answer(status, b"because", "location: ws://localhost:1/")
        hold(peer)

    failed = failure(serve(script).ws_url)
    code, _, phrase = status.partition(" ")
    assert (failed.kind, failed.status) == (f"upgrade_{code}", int(code))
    assert phrase in failed.detail


@pytest.mark.parametrize(
    ("status", "body", "header", "said"),
    [
        ("403 For\x1b[2Jbidden", b"\x1b]0;title\x07no", "", r"For\x1b[2Jbidden: a body of 12 bytes that are no text"),
        ("503 Busy", b"\x1b[31mred\nand a second line", "", r"Busy: \x1b[31mred …"),
        (
            "502 Bad Gateway",
            b"<html><head><title>502 Bad\nGateway</title>",
            "",
            r'Bad Gateway: an HTML page "502 Bad\nGateway"',
        ),
        ("401 Unauthorized", b"\x1f\x8b\x08" + bytes(40), "", "Unauthorized: a body of 43 bytes, compressed with gzip"),
        ("400 " + "x" * 5000, b"y" * 5000, "", "x" * 199 + "…"),
        ("429 Slow", b'14\r\n{"error": "too many"}\r\n0\r\n\r\n', "transfer-encoding: chunked", "Slow: too many"),
    ],
)
def test_a_refusal_is_told_in_one_printable_line(serve, status, body, header, said):
    """Whatever the server puts into its answer, compressed, chunked or meant for a terminal."""
    head = "\r\n".join(filter(None, (f"HTTP/1.1 {status}", header)))

    def script(peer):
        peer.read_head()
        peer.send(f"{head}\r\n\r\n".encode() + body)

    assert failure(serve(script).ws_url).detail == said


ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\r\n\r\n",
        ACCEPTED + b"\r\n",
        ACCEPTED + b"sec-websocket-accept: bm90IHlvdXJzbm90IHlvdXJz\r\n\r\n",
        ACCEPTED + b"sec-websocket-accept: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"x" * 200_000,
        b"HTTP/1.1 101 Switch",  # and the end
        b"",
    ],
)
def test_an_answer_that_is_no_upgrade_is_refused(serve, answer):
    """Not HTTP, a wrong accept key, missing headers, an endless head, a cut or missing answer: kind upgrade."""

    def script(peer):
        peer.read_head()
        peer.send(answer)

    assert failure(serve(script).ws_url).kind == "upgrade"


@pytest.mark.parametrize("header", ["sec-websocket-extensions: permessage-deflate", "sec-websocket-protocol: x"])
def test_what_was_not_offered_must_not_be_accepted(serve, header):
    """RFC 6455 §4.1: an extension or subprotocol that we did not ask for fails the connection."""
    assert failure(serve(lambda peer: peer.upgrade(header)).ws_url).kind == "upgrade"


def test_a_server_that_never_answers_times_out(serve):
    """TCP is accepted, then silence: the total deadline ends it."""
    failed = failure(serve(hold).ws_url, SHORT_S)
    assert failed.kind == "timeout"
    assert "upgrade" in failed.detail


def test_a_slow_dribble_times_out(serve):
    """The deadline is total, not per read: a byte now and then does not prolong it."""

    def script(peer):
        peer.read_head()
        never = Event()
        while True:
            peer.send(b"H")
            never.wait(0.02)

    assert failure(serve(script).ws_url, SHORT_S).kind == "timeout"


def test_a_listener_that_never_accepts_times_out_in_tls(serve):
    """The kernel completes TCP for a full backlog; TLS then waits for ever without a deadline."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        failed = failure(f"wss://127.0.0.1:{listener.getsockname()[1]}/", SHORT_S)
    assert failed.kind == "timeout"
    assert "TLS" in failed.detail


def test_nobody_listening_is_refused():
    """A closed port is told apart from a silent one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert failure(f"ws://127.0.0.1:{free.getsockname()[1]}/").kind == "refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_does_not_resolve_is_dns(host):
    """Unknown, and not even encodable, names."""
    assert failure(f"ws://{host}/").kind == "dns"


def test_a_reset_while_upgrading_is_network(serve):
    """The peer aborts the TCP connection in the middle of the handshake."""

    def script(peer):
        peer.read_head()
        peer.reset()

    assert failure(serve(script).ws_url).kind == "network"


def test_a_self_signed_certificate_is_refused_unless_insecure(serve):
    """Verified by default; insecure accepts it and still names the host (SNI)."""

    def script(peer):
        peer.upgrade()
        hold(peer)

    server = serve(script, tls=True)
    failed = failure(server.ws_url)
    assert failed.kind == "tls"
    assert "certificate" in failed.detail
    upgraded = dial(server.ws_url, insecure=True)
    assert server.server_names == ["localhost", "localhost"]
    upgraded.stream.close()


def test_tls_to_a_server_that_speaks_plain_http_is_tls(serve):
    """A wrong scheme is told as what it is."""

    def script(peer):
        peer.read(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert failure(serve(script).ws_url.replace("ws:", "wss:")).kind == "tls"


def test_a_kill_while_connecting_leaves_no_connection(serve):
    """A user that is killed while it connects closes what it had opened."""
    seen, gone = Event(), Event()

    def script(peer):
        peer.read_head()
        seen.set()
        try:
            hold(peer)
        finally:
            gone.set()

    url = serve(script).ws_url
    user = gevent.spawn(dial, url)
    assert seen.wait(LONG_S)
    user.kill()
    assert gone.wait(LONG_S)
