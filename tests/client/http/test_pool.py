"""The keep-alive pool: reuse, when a request may be repeated, and that every call ends."""

import gzip

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from fleetlm_users.client.http.pool import HttpPool, NoAnswer
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.resolver import Address, Resolver
from tests.client.fakes import Gone, hold

WAIT_S = 60.0
SHORT_S = 0.5
AMPLE_S = 1.0  # for what is to be in time, on a busy machine too


@pytest.fixture
def pool_of(no_greenlets_left):
    made: list[HttpPool] = []

    def make(url: str, *, timeout_s: float = WAIT_S, insecure: bool = False, concurrency: int = 10) -> HttpPool:
        endpoint = parse_endpoint(url, "API URL", ("http", "https"), "http://localhost:4000/api")
        connector = Connector(insecure=insecure)
        made.append(HttpPool(endpoint, timeout_s=timeout_s, concurrency=concurrency, connector=connector))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def answering(peer) -> None:
    """Answers every request with its own request line."""
    while True:
        peer.read_request()
        peer.answer("200 OK", peer.request_line.encode())


def failure(pool: HttpPool, method: str = "GET", body: bytes | None = None) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        pool.exchange(method, "/x", body)
    return caught.value


def test_one_connection_serves_many_requests(pool_of, serve):
    """Keep-alive; the stamps enclose the exchange; the request says what a JSON API wants to read."""
    peers = []

    def script(peer):
        peers.append(peer)
        answering(peer)

    server = serve(script)
    pool = pool_of(server.http_url)
    for number in range(5):
        answer = pool.exchange("POST", f"/api/{number}", b'{"a":1}')
        assert (answer.status, answer.body) == (200, f"POST /api/{number} HTTP/1.1".encode())
        assert answer.sent_s < answer.done_s
    assert server.accepted == pool.opened == 1
    assert peers[0].headers["content-type"] == "application/json"
    assert peers[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert repr(pool).endswith("opened=1 idle=1>")


def test_as_many_connections_as_are_asked_at_once_but_no_more_than_allowed(pool_of, serve):
    """Users share the pool; one that finds it exhausted waits, within the same deadline."""
    go = Event()

    def script(peer):
        while True:
            peer.read_request()
            go.wait(WAIT_S)
            peer.answer("200 OK")

    server = serve(script)
    pool = pool_of(server.http_url, concurrency=3)
    users = [gevent.spawn(pool.exchange, "GET", "/", None) for _ in range(9)]
    while server.accepted < 3:
        gevent.idle()
    go.set()
    gevent.joinall(users, raise_error=True)
    assert server.accepted == 3
    assert pool.exchange("GET", "/", None).status == 200


def test_a_pool_that_is_exhausted_times_out(pool_of, serve):
    """Nothing was written, so it has no stamp."""
    server = serve(hold)
    pool = pool_of(server.http_url, timeout_s=SHORT_S, concurrency=1)
    with pool._slots:
        failed = failure(pool)
    assert (failed.kind, failed.detail, failed.sent_s) == ("timeout", "no connection within 0.5 s", None)
    assert server.accepted == 0
    assert failure(pool).detail == "no answer within 0.5 s"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"until the end"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n", b"abc"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", b"abc"),
    ],
)
def test_every_kind_of_body_is_read_whole(pool_of, serve, head, body):
    """Bodies end by length, by chunks, or at the end of the stream; interim answers are skipped; close means close."""

    def script(peer):
        peer.read_request()
        for byte in head + body:
            peer.send(bytes([byte]))

    pool = pool_of(serve(script).http_url)
    answer = pool.exchange("GET", "/", None)
    assert answer.status == 200
    assert answer.body in (b"abc", b"until the end")


def test_no_compression_is_asked_for_and_compressed_bodies_are_read_all_the_same(pool_of, serve):
    """RFC 9110 §12.5.3: without the field, any coding is acceptable."""
    peers, zipped = [], gzip.compress(b"abc")

    def script(peer):
        peers.append(peer)
        for coding in ("gzip", "br"):
            peer.read_request()
            peer.answer("200 OK", zipped, f"content-encoding: {coding}")
        hold(peer)

    pool = pool_of(serve(script).http_url)
    answer = pool.exchange("GET", "/", None)
    assert (answer.body, answer.problem) == (b"abc", "")
    assert peers[0].headers["accept-encoding"] == "identity"
    answer = pool.exchange("GET", "/", None)
    assert (answer.status, answer.body) == (200, b"")
    assert "'br'" in answer.problem


def test_the_look_up_of_the_name_is_no_part_of_the_servers_time(serve):
    """With a resolver slower than the call's deadline, the call succeeds, and its stamps begin after the look-up."""
    waits, never = [], Event()

    def slowly(_host):
        never.wait(2 * AMPLE_S)
        return [Address(socket.AF_INET, "127.0.0.1")]

    server = serve(answering)
    endpoint = parse_endpoint(server.http_url.replace("127.0.0.1", "fleet.test"), "URL", ("http", "https"), "http://h")
    connector = Connector(resolver=Resolver(slowly, on_wait=lambda *wait: waits.append(wait)))
    pool = HttpPool(endpoint, timeout_s=AMPLE_S, concurrency=1, connector=connector)
    for _ in range(3):
        answer = pool.exchange("GET", "/", None)
        assert waits[0][1] <= answer.sent_s < answer.done_s
    assert len(waits) == 1
    pool.close()


def test_what_comes_behind_an_answer_ends_its_connection(pool_of, serve):
    """It belongs to no request of ours, and must not be taken for the answer to the next one."""

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
        hold(peer)

    pool = pool_of(serve(script).http_url)
    assert [pool.exchange("GET", "/", None).status for _ in range(2)] == [200, 200]
    assert pool.opened == 2


def _nothing(peer):
    peer.read_request()


def _half(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")


def _half_head(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 20")


def _reset(peer):
    peer.read_request()
    peer.reset()


def _garbage(peer):
    peer.read_request()
    peer.send(b"SSH-2.0-OpenSSH_9.6\r\n")


def _endless(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.send(b"x" * 1_000_000)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (_nothing, "eof"),
        (_half, "protocol_error"),
        (_half_head, "protocol_error"),
        (_reset, "reset"),
        (_garbage, "protocol_error"),
        (_endless, "oversize"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_is_none_has_its_kind_and_stamps(pool_of, serve, script, kind, method):
    """On a fresh connection nothing is repeated, whatever the method."""
    server = serve(script)
    failed = failure(pool_of(server.http_url), method)
    assert failed.kind == kind
    assert failed.sent_s is not None
    assert failed.sent_s < failed.done_s
    assert server.accepted == 1


@pytest.mark.parametrize("dribble", [False, True])
def test_a_server_that_does_not_finish_times_out(pool_of, serve, dribble):
    """Silence, or a byte now and then: the deadline covers the whole exchange."""

    def script(peer):
        peer.read_request()
        never = Event()
        peer.send(b"HTTP/1.1 200 OK\r\nx: " if dribble else b"")
        while dribble:
            peer.send(b"x")
            never.wait(0.02)
        hold(peer)

    assert failure(pool_of(serve(script).http_url, timeout_s=SHORT_S)).kind == "timeout"


def test_nobody_there_is_refused_and_no_name_is_dns(pool_of):
    """Before anything could be written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = failure(pool_of(f"http://127.0.0.1:{free.getsockname()[1]}"))
    assert (refused.kind, refused.sent_s) == ("refused", None)
    assert failure(pool_of("http://no-such-host.invalid")).kind == "dns"


def test_tls_is_verified_unless_insecure(pool_of, serve):
    """Its connections are kept alive, too."""
    server = serve(answering, tls=True)
    assert failure(pool_of(server.http_url)).kind == "tls"
    pool = pool_of(server.http_url, insecure=True)
    for _ in range(3):
        assert pool.exchange("GET", "/", None).status == 200
    assert pool.opened == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(pool_of, serve):
    """It is noticed before anything is written, so any method may go on unnoticed."""
    closed = Event()

    def script(peer):
        peer.read_request()
        peer.answer("200 OK")
        peer.sock.close()
        closed.set()

    server = serve(script)
    pool = pool_of(server.http_url)
    for _ in range(3):
        closed.clear()
        assert pool.exchange("POST", "/", b"{}").status == 200
        assert closed.wait(WAIT_S)
        gevent.idle()
    assert pool.opened == 3


@pytest.mark.parametrize(("method", "asked"), [("GET", 3), ("DELETE", 3), ("POST", 2)])
def test_a_request_on_a_stale_connection_is_repeated_only_when_it_is_safe(pool_of, serve, method, asked):
    """The server reads it and closes: an idempotent request is sent again; a POST may have taken effect, and is not."""
    requests = []

    def script(peer):
        while True:
            peer.read_request()
            requests.append(peer.request_line)
            if len(requests) == 2:
                return
            peer.answer("200 OK")

    pool = pool_of(serve(script).http_url)
    pool.exchange("GET", "/first", None)
    if method == "POST":
        assert failure(pool, method, b"{}").kind in ("eof", "reset")
    else:
        assert pool.exchange(method, "/second", None).status == 200
    assert len(requests) == asked


def test_it_is_repeated_once_and_not_after_a_byte_of_an_answer(pool_of, serve):
    """A server that closes again fails the call; so does one that had begun to answer."""
    requests = []

    def script(peer):
        while True:
            peer.read_request()
            requests.append(peer.request_line)
            if len(requests) == 1:
                peer.answer("200 OK")
            else:
                return

    pool = pool_of(serve(script).http_url)
    pool.exchange("GET", "/", None)
    assert failure(pool).kind == "eof"
    assert len(requests) == 3

    begun = []

    def half(peer):
        while True:
            peer.read_request()
            begun.append(peer.request_line)
            if len(begun) == 1:
                peer.answer("200 OK")
            else:
                peer.send(b"HTTP/1.1 200")
                return

    pool = pool_of(serve(half).http_url)
    pool.exchange("GET", "/", None)
    assert failure(pool).kind == "protocol_error"
    assert len(begun) == 2


def test_a_killed_user_gives_its_slot_back(pool_of, serve):
    """Locust kills users in the middle of a call: the pool must not shrink, nor the connection be used again."""
    asked = Event()

    def script(peer):
        peer.read_request()
        if peer.request_line.startswith("GET /hang"):
            asked.set()
            hold(peer)
        peer.answer("200 OK")

    pool = pool_of(serve(script).http_url, concurrency=1)
    for _ in range(3):
        asked.clear()
        user = gevent.spawn(pool.exchange, "GET", "/hang", None)
        assert asked.wait(WAIT_S)
        user.kill()
    assert pool.exchange("GET", "/", None).status == 200


def test_keep_alive_works_above_file_descriptor_1023(pool_of, serve):
    """select() cannot look at such descriptors; a process with a thousand sockets still reuses its connections."""
    server = serve(answering)
    pool = pool_of(server.http_url)
    spare = [socket.socket() for _ in range(1100)]
    try:
        for _ in range(3):
            pool.exchange("GET", "/", None)
        assert pool._idle[0]._sock.fileno() > 1023
        assert pool.opened == 1
    finally:
        for one in spare:
            one.close()


def test_a_closed_pool_keeps_nothing(pool_of, serve):
    """Idle connections close at once, those in use after their answer."""
    gone = Event()

    def script(peer):
        try:
            answering(peer)
        except Gone:
            gone.set()

    pool = pool_of(serve(script).http_url)
    pool.exchange("GET", "/", None)
    pool.close()
    assert gone.wait(WAIT_S)
    gone.clear()
    pool.exchange("GET", "/", None)
    assert gone.wait(WAIT_S)
    assert repr(pool).endswith("idle=0>")
