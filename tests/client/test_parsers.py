"""Whatever bytes a server sends, the client's parsers raise what they document and nothing else."""

import base64
import contextlib
import gzip
import hashlib
import json
import random

import gevent
import pytest
from geventhttpclient.response import HTTPParseError

from fleetlm_users.client.http.content_coding import Oversize
from fleetlm_users.client.http.error_body import error_detail
from fleetlm_users.client.http.failure_advice import RequestedUrl, explained
from fleetlm_users.client.http.response import Response
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.phoenix.dispatch import Dispatch
from fleetlm_users.client.websocket import handshake
from fleetlm_users.client.websocket.handshake import open_websocket
from fleetlm_users.client.websocket.transport import TEXT
from fleetlm_users.errors import ConnectFailed, Disconnected
from fleetlm_users.protocol.connection import ConnectionState
from fleetlm_users.protocol.conversation import Conversation
from tests.client.fakes import frame
from tests.mutations import ODD, cut, mutated

KEY = base64.b64encode(b"k" * 16)
ACCEPT = base64.b64encode(hashlib.sha1(KEY + handshake.ACCEPT_GUID, usedforsecurity=False).digest())
ENDPOINT = parse_endpoint("ws://localhost:4000/socket/websocket", "WebSocket URL", ("ws", "wss"), "ws://localhost/")
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    + ACCEPT
    + b"\r\n\r\n"
)
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"error":"no!"}'
LONG_STATUS = b"HTTP/1.1 " + b"1" * 5000 + b" OK\r\n\r\n"
UPGRADES = (
    SWITCHED,
    REFUSED,
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + SWITCHED,
    b"HTTP/1.1 302 Found\r\nLocation: https://[::1/x\r\n\r\n",
    b"HTTP/1.1 500 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\nfff\r\n" + gzip.compress(b"oops"),
)
ZIPPED = gzip.compress(b'{"session":{"id":"s"}}')
ANSWERS = (
    b"HTTP/1.1 201 Created\r\nContent-Length: 22\r\n\r\n" + b'{"session":{"id":"s"}}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
)


class Stream:
    """Hands out bytes in pieces, then the end."""

    def __init__(self, data, rng):
        self._data, self._rng = data, rng

    def write_all(self, request):
        self.request = request

    def receive(self):
        size = self._rng.choice((1, 7, 100, 100_000))
        piece, self._data = self._data[:size], self._data[size:]
        return piece


@pytest.fixture
def key(monkeypatch):
    """The key of every upgrade is the same."""
    monkeypatch.setattr(handshake.os, "urandom", lambda count: b"k" * count)


def test_an_upgrades_answer_is_taken_or_refused(key):
    """Including a status with more digits than Python converts."""
    rng, taken, statuses, longest = random.Random(1), 0, set(), 0
    for seed in range(2_000):
        data = LONG_STATUS if seed == 0 else rng.choice(UPGRADES)
        if seed >= 10:
            data = cut(data, seed)
        try:
            handshake._upgrade(Stream(data, rng), ENDPOINT)
            taken += 1
        except handshake._UpgradeRefused as refused:
            statuses.add(refused.status)
            longest = max(longest, len(refused.detail))
    assert taken
    assert statuses - {None} <= set(range(100, 1000))
    assert longest < 1_000


@pytest.mark.parametrize("head", [LONG_STATUS, b"HTTP/1.1 \xb2\xb0\xb0 OK\r\n\r\n", b"HTTP/1.1 1011 OK\r\n\r\n"])
def test_a_status_is_three_digits(serve, head):
    """RFC 9112 §4; anything else is not an answer to an upgrade, of kind upgrade."""
    server = serve(lambda peer: peer.send(head))
    endpoint = parse_endpoint(server.ws_url, "WebSocket URL", ("ws", "wss"), "ws://localhost/")
    with pytest.raises(ConnectFailed) as failed:
        open_websocket(endpoint, 10.0, Connector())
    assert (failed.value.kind, failed.value.status) == ("upgrade", None)


def test_an_answer_over_http_is_read_or_refused():
    """However it is cut."""
    rng, complete = random.Random(1), 0
    for seed in range(2_000):
        data = rng.choice(ANSWERS)
        data = cut(data, seed) if seed >= 10 else data
        response = Response("GET")
        try:
            while data and not response.is_complete:
                size = rng.choice((1, 9, 10_000))
                response.receive(data[:size])
                data = data[size:]
            if not response.is_complete:
                response.receive(b"")
            body, problem = response.body()
        except (HTTPParseError, Oversize):
            continue
        complete += 1
        assert isinstance(body, bytes)
        assert isinstance(problem, str)
        assert isinstance(error_detail(body), str)
    assert complete > 100


def test_an_error_body_and_a_redirect_can_hold_anything():
    """They become one readable line."""
    asked = RequestedUrl("http://localhost:4000/api/sessions", "http://localhost:4000/api", "--api-url")
    sound = {"error": "text", "errors": {"detail": "x", "field": ["a", 5, None]}}
    for seed in range(1_000):
        body = json.dumps(mutated(sound, seed), default=repr).encode(errors="replace")
        body = cut(body, seed) if seed % 3 == 0 else body
        detail = error_detail(body)
        location = cut("http://user:pw@[::1]:99999/api/sessions?x=1#y", seed)
        told = explained((302, 401, 500)[seed % 3], {"location": location}, asked, detail)
        assert len(told) < 1_000
        assert told.isprintable()


def test_damaged_websocket_frames_are_messages_or_a_disconnect(pair):
    """Real bytes on a real socket, to the end of the stream."""
    sound = frame(b"[1,2,3,4,5]") + frame(b"x" * 300) + frame(b"a", final=False) + frame(b"b", 0) + frame(b"", 9)
    for seed in range(100):
        one = pair()
        sender = gevent.spawn(_send_all, one, cut(sound, seed))
        assert {opcode for opcode, _ in _received(one)} <= {1, 2}
        sender.join()


def _received(one):
    messages = []
    with contextlib.suppress(Disconnected):
        while True:
            messages.append(one.transport.receive())
    return messages


def _send_all(one, data):
    one.peer.send(data)
    one.peer.sock.close()


class Listener:
    """A channel's listener with a conversation behind it; all its calls are counted."""

    def __init__(self):
        self.told = 0
        self.conversation = Conversation("u", "agent", self, reply_timeout_s=5.0)

    def __getattr__(self, name):
        return lambda *_: setattr(self, "told", self.told + 1)

    def on_broadcast(self, event, payload, done_s):
        if event == "message":
            self.conversation.message(payload, done_s)
        elif event == "backpressure":
            self.conversation.backpressure(payload, done_s)

    def on_reply(self, ref, status, response, done_s):
        self.conversation.reply(ref, status, response, done_s)

    def set(self, answer):
        self.told += 1

    set_exception = set


def test_any_frame_is_dispatched_or_counted(caplog):
    """Five parts of anything, on a channel that was joined; no handler raises either."""
    rng, anomalies = random.Random(1), []
    state, listener = ConnectionState(), Listener()
    dispatch = Dispatch(state, anomalies.append)
    ref, _ = state.join("session:s", {}, listener, listener)
    joined = [ref, ref, "session:s", "phx_reply", {"status": "ok", "response": {}}]
    dispatch.frame(TEXT, json.dumps(joined).encode(), 1.0)
    message = {"seq": 1, "id": "m", "sender_id": "u", "kind": "text", "content": {"text": "t", "client_ref": "r"}}
    for seed in range(3_000):
        event = rng.choice(("message", "message", "backpressure", "phx_reply", "phx_error_", "tick"))
        payload = message if event == "message" else {"status": "ok", "response": {"messages": [message]}}
        parts = [ref, rng.choice((None, ref, "9")), "session:s", event, mutated(payload, seed)]
        if seed % 5 == 0:
            parts[rng.randrange(5)] = rng.choice(ODD)
        dispatch.frame(rng.choice((TEXT, TEXT, TEXT, 2)), json.dumps(parts, default=repr).encode(errors="replace"), 2.0)
    assert "handler_error" not in anomalies
    assert caplog.records == []
    assert listener.told > 100
