"""The opening handshake against servers that do it well, badly, slowly or not at all."""

import base64
import hashlib

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.resolver import Address, Resolver
from fleetlm_users.client.websocket.handshake import _require_accepted, _UpgradeRefused, open_websocket
from fleetlm_users.errors import ConnectFailed
from tests.client.fakes import ACCEPT_GUID, hold

LONG_S = 60.0
SHORT_S = 1.0
AMPLE_S = 1.0  # for what is to be in time, on a busy machine too


def dial(url: str, timeout_s: float = LONG_S, *, insecure: bool = False):
    endpoint = parse_endpoint(url, "WebSocket URL", ("ws", "wss"), "ws://localhost:4000/")
    return open_websocket(endpoint, timeout_s, Connector(insecure=insecure))


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


@pytest.mark.parametrize("status", ["403 Forbidden", "503 Service Unavailable", "200 OK"])
def test_a_refused_upgrade_says_its_status(serve, status):
    """The status is part of the kind; the server's words are quoted; a redirect is reported, not followed."""

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
        ("402 For\x1b[2Jbidden", b"\x1b]0;title\x07no", "", r"For\x1b[2Jbidden: a body of 12 bytes that are no text"),
        ("503 Busy", b"\x1b[31mred\nand a second line", "", r"Busy: \x1b[31mred …"),
        (
            "502 Bad Gateway",
            b"<html><head><title>502 Bad\nGateway</title>",
            "",
            r'Bad Gateway: an HTML page "502 Bad\nGateway"',
        ),
        ("418 Teapot", b"\x1f\x8b\x08" + bytes(40), "", "Teapot: a body of 43 bytes, compressed with gzip"),
        ("400 " + "x" * 5000, b"y" * 5000, "", "x" * 199 + "…"),
        ("429 Slow", b'15\r\n{"error": "too many"}\r\n0\r\n\r\n', "transfer-encoding: chunked", "Slow: too many"),
    ],
)
def test_a_refusal_is_reported_in_one_printable_line(serve, status, body, header, said):
    """It holds whatever the server puts into its answer: compressed, chunked or meant for a terminal."""
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


WEBSOCKET, OPTION, KEY = "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Sec-WebSocket-Accept: {}\r\n"
FIRST = "HTTP/1.1 101 Switching Protocols\r\n"
HEAD = FIRST + WEBSOCKET + OPTION + KEY + "\r\n"
LEGAL_101 = {
    "usual": HEAD,
    "no reason phrase": HEAD.replace(" Switching Protocols", ""),
    "empty reason phrase": HEAD.replace("Switching Protocols", ""),
    "another reason phrase": HEAD.replace("Switching Protocols", "Very well then"),
    "capitals": "HTTP/1.1 101 X\r\nUPGRADE: WebSocket\r\nCONNECTION: UPGRADE\r\nSEC-WEBSOCKET-ACCEPT: {}\r\n\r\n",
    "no spaces": HEAD.replace(": ", ":"),
    "another order": FIRST + KEY + OPTION + WEBSOCKET + "\r\n",
    "several tokens": HEAD.replace("websocket", "h2c, websocket").replace(": Upgrade", ": keep-alive,,Upgrade"),
    "repeated fields": FIRST + WEBSOCKET + "Connection: keep-alive\r\n" + OPTION + "Connection: x\r\n" + KEY + "\r\n",
    "folded fields": HEAD.replace(": websocket", ":\r\n websocket").replace(": Upgrade", ": keep-alive,\r\n\tUpgrade"),
    "other fields": FIRST + "Set-Cookie: a\r\nSet-Cookie: c\r\nX:\r\nContent-Length: 0\r\n" + HEAD.removeprefix(FIRST),
    "empty offers": FIRST + WEBSOCKET + OPTION + KEY + "Sec-WebSocket-Extensions:\r\nSec-WebSocket-Protocol: \r\n\r\n",
    "interim answers": "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HEAD,
    "no carriage returns": HEAD.replace("\r\n", "\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL_101)
@pytest.mark.parametrize("is_dribbled", [False, True])
def test_every_legal_101_is_accepted(serve, name, is_dribbled):
    """Any case, spacing, order, list, repeated or folded field, interim answer: RFC 6455 §4.1, RFC 9110, 9112."""

    def script(peer):
        peer.read_head()
        key = peer.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest()).decode()
        answer = LEGAL_101[name].format(accept)
        for piece in answer if is_dribbled else [answer]:
            peer.send(piece.encode())
        peer.send(b"\x81\x02hi")
        hold(peer)

    upgraded = dial(serve(script).ws_url)
    assert upgraded.rest in (b"\x81\x02hi", b"")
    upgraded.stream.close()


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("301 Moved Permanently|location: https://h:8443/socket/websocket|<html>\n", 301, "set -H https://h:8443"),
        ("307 Go|location: /login|", 307, "redirects to http://localhost:"),
        ("401 Unauthorized|x: y|", 401, "asks for a login"),
        ("403 Forbidden|x: y|no\x1b[2J", 403, "let this machine in"),
        ("403 Forbidden|x: y|no\x1b[2J", 403, r"Forbidden: no\x1b[2J; let"),
    ],
)
def test_a_refusal_that_says_what_to_do_is_reported_as_such(serve, answer, status, said):
    """Nothing is followed, and nothing that a terminal would obey is quoted."""
    line, header, body = answer.split("|")

    def script(peer):
        peer.read_head()
        peer.answer(line, body.encode("latin-1"), header)
        hold(peer)

    failed = failure(serve(script).ws_url)
    assert (failed.kind, failed.status) == (f"upgrade_{status}", status)
    assert said in failed.detail
    assert failed.detail.isprintable()


def test_a_chunked_refusal_is_read_as_the_text_that_it_is(serve):
    """Without the lengths of its chunks; an interim answer before it is not a refusal."""

    def script(peer):
        peer.read_head()
        head = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
        peer.send(head + b"9\r\ntry later\r\n0\r\n\r\n")
        hold(peer)

    failed = failure(serve(script).ws_url)
    assert (failed.status, failed.detail) == (503, "Busy: try later")


def test_the_look_up_of_the_name_is_no_part_of_the_servers_time(serve):
    """With a resolver slower than the connect's deadline, it connects, and the stamps begin after the look-up."""

    def script(peer):
        peer.upgrade()
        hold(peer)

    server, waits, never = serve(script), [], Event()

    def slowly(_host):
        never.wait(2 * AMPLE_S)
        return [Address(socket.AF_INET, "127.0.0.1")]

    connector = Connector(resolver=Resolver(slowly, on_wait=lambda *wait: waits.append(wait)))
    endpoint = parse_endpoint(server.ws_url.replace("localhost", "fleet.test"), "URL", ("ws", "wss"), "ws://h")
    upgraded = open_websocket(endpoint, AMPLE_S, connector)
    ((began_s, done_s),) = waits
    assert began_s < done_s <= upgraded.started_s < upgraded.connected_s
    upgraded.stream.close()


@pytest.mark.parametrize("header", ["sec-websocket-extensions: permessage-deflate", "sec-websocket-protocol: x"])
def test_what_was_not_offered_must_not_be_accepted(serve, header):
    """RFC 6455 §4.1: an extension or subprotocol that we did not ask for fails the connection."""
    assert failure(serve(lambda peer: peer.upgrade(header)).ws_url).kind == "upgrade"


def _accept_of(key):
    return base64.b64encode(hashlib.sha1(key + ACCEPT_GUID, usedforsecurity=False).digest())


def test_an_answer_like_an_accepted_one_needs_its_own_key():
    """What was checked once is remembered without the accept value, and where that stands."""
    ours, other = _accept_of(b"ours"), _accept_of(b"other")
    usual = ACCEPTED + b"sec-websocket-accept: %b\r\n\r\n"
    for _ in range(2):
        _require_accepted(usual % ours, b"ours")
        for head in (
            usual % other,
            usual % (b"x" + ours),
            (ACCEPTED + b"x-accept: %b\r\n\r\n") % ours,
            (ACCEPTED + b"x-accept: %b\r\nsec-websocket-accept: %b\r\n\r\n") % (ours, other),
            usual.replace(b"websocket\r\n", b"h2c\r\n") % ours,
        ):
            with pytest.raises(_UpgradeRefused):
                _require_accepted(head, b"ours")
        _require_accepted((ACCEPTED + b"x-accept: %b\r\nsec-websocket-accept: %b\r\n\r\n") % (ours, ours), b"ours")


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
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nx: ")
        while True:
            peer.send(b"x")
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
    """A closed port is distinguished from a silent one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert failure(f"ws://127.0.0.1:{free.getsockname()[1]}/").kind == "refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_does_not_resolve_is_dns(host):
    """Names that are unknown, or cannot even be encoded."""
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
    """A wrong scheme is reported as what it is."""

    def script(peer):
        peer.read(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert failure(serve(script).ws_url.replace("ws:", "wss:")).kind == "tls"


def test_a_kill_while_connecting_leaves_no_connection(serve):
    """A user killed while connecting closes what it had opened."""
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
