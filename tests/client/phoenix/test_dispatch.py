"""How a socket handles what it receives: handlers, callers, anomalies, and every way to end."""

import logging

import pytest

from fleetlm_users.errors import Disconnected
from tests.client.fakes import BINARY, CLOSE, accept_join, frame, hold, text
from tests.client.handlers import TOPIC, WAIT_S, Recorder, joined

SHORT_S = 0.1


def test_broadcasts_right_behind_the_join_reply_come_after_it(client, serve):
    """They are not lost, and the joiner has processed the replay before it hears of them."""

    def script(peer):
        accept_join(peer, behind=text("1", None, TOPIC, "message", 1) + text("1", None, TOPIC, "message", 2))
        hold(peer)

    order: list[object] = []

    class Ordered(Recorder):
        def on_broadcast(self, event, payload, done_s):
            order.append(payload)
            super().on_broadcast(event, payload, done_s)

    socket, recorder = client.connected(serve(script).ws_url), Ordered()
    entered = socket.join(TOPIC, {}, recorder, WAIT_S)
    order.append("joined")
    first, second = recorder.broadcast(), recorder.broadcast()
    assert order == ["joined", 1, 2]
    assert entered.done_s == first[2] == second[2]  # one packet, one stamp


def test_an_error_reply_to_a_push_reaches_the_handler(client, serve):
    """FleetLM answers `send` only when it refuses it."""

    def script(peer):
        accept_join(peer)
        peer.reply(peer.expect("send"), {"error": "invalid_message_format"}, "error")
        hold(peer)

    socket, recorder = joined(client, serve(script))
    sent = socket.push(TOPIC, "send", {})
    assert recorder.replies.get(timeout=WAIT_S) == (sent.ref, "error", {"error": "invalid_message_format"})


USUAL = b'[null,"0","phoenix","phx_reply",{"response":{},"status":"ok"}]'


@pytest.mark.parametrize(
    ("answer", "is_its_reply", "anomalies"),
    [
        (frame(USUAL), True, []),
        (frame(USUAL.replace(b",", b", ")), True, []),
        (frame(USUAL[:30], final=False) + frame(USUAL[30:], 0), True, []),
        (frame(USUAL) * 2, True, ["unknown_topic"]),
        (frame(USUAL.replace(b"0", b"7")), False, ["unknown_topic"]),
        (frame(USUAL.replace(b'"phoenix"', b'"other"')), False, ["unknown_topic"]),
        (frame(USUAL[:-1]), False, ["garbage"]),
        (frame(USUAL, BINARY), False, ["binary"]),
    ],
)
def test_a_heartbeat_is_answered_by_its_reply_and_by_nothing_else(client, serve, answer, is_its_reply, anomalies):
    """Any form of reply will do; one with a different ref or topic, a second one, and a broken one are counted."""

    def script(peer):
        accept_join(peer)
        peer.expect("heartbeat")
        peer.send(answer)
        peer.reply(peer.expect("ask"))
        hold(peer)

    socket, _ = joined(client, serve(script))
    socket.beat()
    socket.call(TOPIC, "ask", {}, WAIT_S)
    assert socket._state.heartbeat_unanswered is not is_its_reply
    assert client.anomalies == anomalies


@pytest.mark.parametrize("event", ["phx_error", "phx_close"])
def test_a_channel_that_the_server_ends_is_reported_once(client, serve, event):
    """The handler is informed, waiters on the topic fail at once, and the socket and other topics live on."""

    def script(peer):
        accept_join(peer)
        peer.reply(peer.expect("phx_join"))
        peer.expect("ask")
        peer.send(text("1", "1", TOPIC, event, {}))
        peer.reply(peer.expect("ping"))
        hold(peer)

    socket, recorder = joined(client, serve(script))
    other = Recorder()
    socket.join("session:other", {}, other, WAIT_S)
    with pytest.raises(Disconnected, match=event):
        socket.call(TOPIC, "ask", {}, WAIT_S)
    assert recorder.down().kind == event
    with pytest.raises(Disconnected, match="not_joined"):
        socket.push(TOPIC, "send", {})
    socket.call("session:other", "ping", {}, WAIT_S)
    assert socket.joined == {"session:other"}
    socket.close(timeout_s=SHORT_S)
    assert (len(recorder.downs), other.downs, client.anomalies) == (1, [], [])


def _vanish(peer):
    pass


def _reset(peer):
    peer.reset()


def _close_1012(peer):
    peer.send(frame(b"\x03\xf4", CLOSE))


def _masked(peer):
    peer.send(frame(b"hi", mask=b"abcd"))
    hold(peer)


def _oversize(peer):
    peer.send(frame(b"x" * 2000))
    hold(peer)


def _half_a_frame(peer):
    peer.send(frame(b"x" * 300)[:100])


ENDS = [
    (_vanish, "eof", None),
    (_reset, "reset", None),
    (_close_1012, "closed_1012", 1012),
    (_masked, "protocol_error", None),
    (_oversize, "oversize", None),
    (_half_a_frame, "eof", None),
]


@pytest.mark.parametrize(("end", "kind", "code"), ENDS)
def test_however_the_socket_ends_every_waiter_is_notified_once(client, serve, end, kind, code):
    """The handler, waiters for a reply and later pushes all get the reason; nothing hangs or reconnects."""

    def script(peer):
        accept_join(peer)
        peer.expect("ask")
        end(peer)

    server = serve(script)
    socket, recorder = joined(client, server, max_message_bytes=1000)
    with pytest.raises(Disconnected, match=kind):
        socket.call(TOPIC, "ask", {}, WAIT_S)
    assert (recorder.down().kind, recorder.down().code) == (kind, code)
    assert (socket.down.kind, socket.down.code) == (kind, code)
    assert socket.joined == frozenset()
    for act in (lambda: socket.push(TOPIC, "send", {}), lambda: socket.join(TOPIC, {}, recorder, WAIT_S)):
        with pytest.raises(Disconnected, match=kind) as caught:
            act()
        assert caught.value is not socket.down  # one instance for all would collect all their tracebacks
    assert socket.close() is True
    assert server.accepted == 1
    assert len(recorder.downs) == 1
    assert len(client.heartbeats) == 0


def test_a_socket_that_ends_while_joining_fails_the_join(client, serve):
    """The handler is not informed as well: it never joined."""

    def script(peer):
        peer.upgrade()
        peer.expect("phx_join")

    socket, recorder = client.connected(serve(script).ws_url), Recorder()
    with pytest.raises(Disconnected, match="eof"):
        socket.join(TOPIC, {}, recorder, WAIT_S)
    assert recorder.downs == []


STRANGE = [
    (frame(b"not json"), "garbage"),
    (frame(b"{}"), "garbage"),
    (frame(b"[1,2]"), "garbage"),
    (frame(b"\xff\xfe\xfd\xfc"), "garbage"),
    (frame(b""), "garbage"),
    (text(None, ["9"], TOPIC, "phx_reply", {"status": "ok"}), "garbage"),
    (frame(b"\x00\x01\x02", BINARY), "binary"),
    (text("1", None, "session:other", "message", {}), "unknown_topic"),
    (text("9", None, TOPIC, "message", {}), "stale_join_ref"),
]


@pytest.mark.parametrize(("strange", "kind"), STRANGE)
def test_what_should_not_come_is_counted_and_survived(client, serve, strange, kind):
    """Each by its kind, and the next good broadcast is delivered."""

    def script(peer):
        accept_join(peer, behind=strange + text("1", None, TOPIC, "message", "good"))
        hold(peer)

    _, recorder = joined(client, serve(script))
    assert recorder.broadcast()[1] == "good"
    assert client.anomalies == [kind]


def test_a_handler_that_raises_is_counted_logged_and_survived(client, serve, caplog):
    """Neither the reader nor the other handlers suffer, even if on_anomaly itself raises."""

    class Broken(Recorder):
        def on_broadcast(self, event, payload, done_s):
            raise ValueError("mine")

        on_reply = on_down = on_broadcast

    def script(peer):
        accept_join(peer)
        peer.reply(peer.expect("phx_join"))
        peer.send(text("1", None, TOPIC, "message", {}) + text("1", "99", TOPIC, "phx_reply", {"status": "error"}))
        peer.send(text("2", None, "session:other", "message", "good"))

    socket, recorder = client.connected(serve(script).ws_url), Recorder()
    socket.join(TOPIC, {}, Broken(), WAIT_S)
    with caplog.at_level(logging.ERROR):
        socket.join("session:other", {}, recorder, WAIT_S)
        assert recorder.broadcast()[1] == "good"
        assert recorder.down().kind == "eof"
    assert client.anomalies == ["handler_error"] * 3
    assert "ValueError: mine" in caplog.text


def test_an_anomaly_listener_that_raises_does_not_end_the_reader(client, serve, caplog):
    """Its traceback is logged."""

    def script(peer):
        accept_join(peer, behind=frame(b"garbage") + text("1", None, TOPIC, "message", "good"))
        hold(peer)

    socket, recorder = client.connected(serve(script).ws_url), Recorder()
    socket._dispatch._on_anomaly = lambda kind: 1 / 0
    socket.join(TOPIC, {}, recorder, WAIT_S)
    assert recorder.broadcast()[1] == "good"
    assert "ZeroDivisionError" in caplog.text
