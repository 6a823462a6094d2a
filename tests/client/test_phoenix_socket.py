"""One socket against scripted servers: what is asked, what is told, and that every wait ends."""

import logging

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client.phoenix_socket import reason_of, socket_url
from fleetlm_users.errors import ConnectFailed, Disconnected, JoinRefused, PushRefused, ReplyTimeout, UsageError
from tests.client.fakes import BINARY, CLOSE, frame, hold, phoenix, text
from tests.client.handlers import WAIT_S, Recorder

TOPIC = "session:s1"
SHORT_S = 0.1


def joined(client, server, **options):
    """A connected socket that joined TOPIC, with its recorder."""
    socket, recorder = client.connected(server.ws_url, **options), Recorder()
    socket.join(TOPIC, {}, recorder, WAIT_S)
    return socket, recorder


def accept_join(peer, *, behind: bytes = b""):
    """Upgrades and accepts the join; `behind` follows the reply in the same packet."""
    peer.upgrade()
    join_ref, ref, topic, _, _ = peer.expect("phx_join")
    peer.send(text(join_ref, ref, topic, "phx_reply", {"response": {}, "status": "ok"}) + behind)


def test_a_whole_visit(client, serve):
    """Connect, join, push, both broadcasts, an awaited call, leave, close: stamps in order, nothing left over."""
    server = serve(phoenix)
    socket = client.connected(server.ws_url)
    recorder = Recorder()
    entered = socket.join(TOPIC, {"last_seq": 7}, recorder, WAIT_S)
    assert entered.response == {"echo": {"last_seq": 7}}
    assert entered.join_ref == "1"
    assert socket.joined == {TOPIC}
    sent = socket.push(TOPIC, "send", {"text": "hi"})
    (event, payload, done_s), second = recorder.broadcast(), recorder.broadcast()
    assert (event, payload) == ("message", {"text": "hi"}) == second[:2]
    reply = socket.call(TOPIC, "ask", {"a": 1}, WAIT_S)
    assert (reply.status, reply.response) == ("ok", {"echo": {"a": 1}})
    stamps = [socket.connect_started_s, socket.connected_s, entered.sent_s, entered.done_s, sent.sent_s, done_s]
    assert stamps == sorted(stamps)
    assert sent.ref == "2"
    socket.leave(TOPIC, WAIT_S)
    assert socket.joined == frozenset()
    assert "refs=4 in_flight=0 joined=0 broadcasts=2 replies=3" in repr(socket)
    assert socket.close() is True
    assert (client.anomalies, recorder.downs) == ([], [])
    assert len(client.heartbeats) == 0


@pytest.mark.parametrize(
    ("url", "participant_id", "expected"),
    [
        (
            "ws://h/socket/websocket",
            "u 1&x=ä/?",
            "ws://h/socket/websocket?participant_id=u%201%26x%3D%C3%A4%2F%3F&vsn=2.0.0",
        ),
        ("ws://h/s?token=a%2Bb&empty=", "u1", "ws://h/s?token=a%2Bb&empty=&participant_id=u1&vsn=2.0.0"),
        ("wss://h:1/s?participant_id=x&vsn=1.0.0#part", "u1", "wss://h:1/s?participant_id=u1&vsn=2.0.0"),
    ],
)
def test_the_url_says_who_and_which_version(url, participant_id, expected):
    """participant_id is percent-encoded, vsn is ours, other parameters stay."""
    assert socket_url(url, participant_id) == expected


def test_a_failed_connect_leaves_a_socket_that_says_so(client, serve):
    """ConnectFailed; what follows is Disconnected(not_connected); closing it is harmless; no second attempt."""

    def refuse(peer):
        peer.read_head()
        peer.answer("403 Forbidden")

    socket = client.socket(serve(refuse).ws_url)
    assert "not connected" in repr(socket)
    with pytest.raises(ConnectFailed):
        socket.connect()
    with pytest.raises(Disconnected, match="not_connected"):
        socket.push(TOPIC, "send", {})
    with pytest.raises(UsageError, match="one connect per socket"):
        socket.connect()
    assert socket.close() is True
    assert socket.close() is True
    with pytest.raises(Disconnected, match="closed_by_client"):
        socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert len(client.heartbeats) == 0


def test_a_url_that_is_none_is_a_usage_error(client):
    """With an example of a valid one."""
    with pytest.raises(UsageError, match="ws://localhost:4000/socket/websocket"):
        client.socket("http://localhost:4000/").connect()


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"reason": "not found"}, "not found"),
        ({"error": "invalid_message_format", "details": "…"}, "invalid_message_format"),
        ({}, "{}"),
        ("plain", "plain"),
        ("", "no reason given"),
        (None, "None"),
    ],
)
def test_the_servers_reason_is_its_own_word(response, reason):
    """`reason` for joins, `error` for pushes, else whatever there is."""
    assert reason_of(response) == reason


def test_a_refused_join_and_a_refused_call_say_why(client, serve):
    """Typed errors with the server's reason; the socket lives on and the topic may be joined again."""

    def script(peer):
        peer.upgrade()
        peer.reply(peer.expect("phx_join"), {"reason": "unauthorized"}, "error")
        peer.reply(peer.expect("phx_join"))
        peer.reply(peer.expect("ask"), {"reason": "no"}, "error")
        hold(peer)

    socket = client.connected(serve(script).ws_url)
    with pytest.raises(JoinRefused) as refused:
        socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert refused.value.reason == "unauthorized"
    socket.join(TOPIC, {}, Recorder(), WAIT_S)
    with pytest.raises(PushRefused, match="ask on session:s1 refused: no"):
        socket.call(TOPIC, "ask", {}, WAIT_S)
    assert socket.joined == {TOPIC}


def test_joining_a_topic_twice_on_one_socket_is_an_error(client, serve):
    """The rule is stated; the first join stands."""
    socket, _ = joined(client, serve(phoenix))
    with pytest.raises(UsageError, match="at most once per socket"):
        socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert socket.joined == {TOPIC}


def test_no_reply_in_time_is_a_timeout_and_the_late_reply_is_counted(client, serve):
    """Join, call and leave are bounded; after a join's timeout the topic is not joined, whatever comes later."""
    late = Event()

    def script(peer):
        peer.upgrade()
        first = peer.expect("phx_join")
        late.wait(WAIT_S)
        peer.reply(first)
        peer.reply(peer.expect("phx_join"))
        peer.expect("ask")
        peer.expect("phx_leave")
        hold(peer)

    socket = client.connected(serve(script).ws_url)
    with pytest.raises(ReplyTimeout, match=r"phx_join on session:s1 within 0\.1 s"):
        socket.join(TOPIC, {}, Recorder(), SHORT_S)
    assert socket.joined == frozenset()
    late.set()
    socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert client.anomalies == ["stale_join_ref"]
    with pytest.raises(ReplyTimeout, match="ask"):
        socket.call(TOPIC, "ask", {}, SHORT_S)
    with pytest.raises(ReplyTimeout, match="phx_leave"):
        socket.leave(TOPIC, SHORT_S)
    assert socket.joined == frozenset()
    assert "in_flight=0" in repr(socket)


def test_an_outer_timeout_of_the_caller_is_not_taken_for_ours(client, serve):
    """A gevent.Timeout of the user passes through, and nothing stays in flight."""

    def script(peer):
        peer.upgrade()
        hold(peer)

    socket = client.connected(serve(script).ws_url)
    with pytest.raises(gevent.Timeout), gevent.Timeout(SHORT_S):
        socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert "in_flight=0" in repr(socket)


def test_broadcasts_right_behind_the_join_reply_come_after_it(client, serve):
    """They are not lost, and the joiner has taken in the replay before it hears of them."""

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


def test_a_push_needs_a_joined_topic(client, serve):
    """Disconnected(not_joined), with the topic, instead of a frame that the server would refuse."""
    socket, _ = joined(client, serve(phoenix))
    for act in (socket.push, lambda *a: socket.call(*a, WAIT_S), lambda topic, *_: socket.leave(topic, WAIT_S)):
        with pytest.raises(Disconnected, match=r"not_joined \(session:other"):
            act("session:other", "send", {})


def test_an_error_reply_to_a_push_reaches_the_handler(client, serve):
    """FleetLM answers `send` only when it refuses it."""

    def script(peer):
        accept_join(peer)
        peer.reply(peer.expect("send"), {"error": "invalid_message_format"}, "error")
        hold(peer)

    socket, recorder = joined(client, serve(script))
    sent = socket.push(TOPIC, "send", {})
    assert recorder.replies.get(timeout=WAIT_S) == (sent.ref, "error", {"error": "invalid_message_format"})


@pytest.mark.parametrize("event", ["phx_error", "phx_close"])
def test_a_channel_that_the_server_ends_is_told_once(client, serve, event):
    """The handler hears it, who waits on the topic fails at once, the socket and other topics live on."""

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
def test_however_the_socket_ends_everybody_is_told_once(client, serve, end, kind, code):
    """The handler, who waits for a reply, and who pushes later: all get the reason; nothing hangs or reconnects."""

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
    """The handler is not told as well: it was never joined."""

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
    """Neither the reader nor the other handlers suffer; also when on_anomaly itself raises."""

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
    socket._on_anomaly = lambda kind: 1 / 0
    socket.join(TOPIC, {}, recorder, WAIT_S)
    assert recorder.broadcast()[1] == "good"
    assert "ZeroDivisionError" in caplog.text


def test_close_waits_for_the_servers_answer_but_not_for_ever(client, serve):
    """A polite server answers; one that does not is given up after the bound. Handlers hear nothing, callers do."""
    codes = []

    def script(peer):
        accept_join(peer)
        peer.expect("ask")
        codes.append(int.from_bytes(peer.read_frame()[1], "big"))
        hold(peer)

    socket, recorder = joined(client, serve(script))
    caller = gevent.spawn(socket.call, TOPIC, "ask", {}, WAIT_S)
    gevent.idle()
    assert socket.close(4001, timeout_s=SHORT_S) is False
    assert socket.down.kind == "closed_by_client"
    with pytest.raises(Disconnected, match="closed_by_client"):
        caller.get(timeout=WAIT_S)
    with pytest.raises(Disconnected, match="closed_by_client"):
        socket.push(TOPIC, "send", {})
    assert (codes, recorder.downs) == ([4001], [])
    assert socket.close() is True  # it is over: nothing to wait for


def test_a_handler_may_close_its_own_socket(client, serve):
    """From inside the reader there is nothing to wait for; it must not wait for itself."""
    closed = Event()

    class Closing(Recorder):
        def on_broadcast(self, event, payload, done_s):
            socket.close()
            closed.set()

    def script(peer):
        accept_join(peer, behind=text("1", None, TOPIC, "message", {}))
        hold(peer)

    socket, recorder = client.connected(serve(script).ws_url), Closing()
    socket.join(TOPIC, {}, recorder, WAIT_S)
    assert closed.wait(WAIT_S)
    assert socket.close() is True
    assert recorder.downs == []


def test_a_kill_inside_close_leaves_no_socket_behind(client, serve):
    """A user that Locust kills while it waits for the server's close frame."""

    def script(peer):
        accept_join(peer)
        hold(peer)

    socket, _ = joined(client, serve(script))
    closing = gevent.spawn(socket.close, timeout_s=WAIT_S)
    gevent.idle()
    closing.kill()
    assert socket.close() is True


def test_frames_are_logged_both_ways_when_asked(client, serve):
    """DEBUG: the text frames, with their direction."""
    frames = []
    socket, recorder = joined(client, serve(phoenix), log_frames=lambda *one: frames.append(one))
    socket.push(TOPIC, "send", {"a": 1})
    recorder.broadcast()
    assert [direction for direction, _ in frames[:4]] == [">", "<", ">", "<"]
    assert frames[2] == (">", b'["1","2","session:s1","send",{"a":1}]')


def test_tls_carries_a_whole_visit(client, serve):
    """With a self-signed certificate: refused by default, works with insecure, also for frames of many records."""
    server = serve(phoenix, tls=True)
    with pytest.raises(ConnectFailed, match="tls"):
        client.connected(server.ws_url)
    socket, recorder = joined(client, server, insecure=True)
    for size in (1, 16_000, 16_384, 70_000, 300_000):
        socket.push(TOPIC, "send", {"text": "x" * size})
        assert len(recorder.broadcast()[1]["text"]) == size
        assert len(recorder.broadcast()[1]["text"]) == size
    socket.leave(TOPIC, WAIT_S)
    assert socket.close() is True


def test_many_sockets_share_one_hub_and_one_heartbeat_greenlet(client, serve, running):
    """300 sockets: a reader each, one greenlet of heartbeats in all, each hears its own."""
    server = serve(phoenix)
    before = running()
    pairs = [joined(client, server) for _ in range(300)]
    assert running() - before <= 300 + 300 + 1  # readers, the fake's own handlers, heartbeats
    for number, (socket, _) in enumerate(pairs):
        socket.push(TOPIC, "send", number)
    assert [recorder.broadcast()[1] for _, recorder in pairs] == list(range(300))
    assert len(client.heartbeats) == 300
    for socket, _ in pairs:
        socket.close()
    assert len(client.heartbeats) == 0
