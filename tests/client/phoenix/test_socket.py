"""One socket against scripted servers: its requests, its callbacks, and that every wait ends."""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.phoenix.socket import reason_of
from fleetlm_users.errors import ConnectFailed, Disconnected, JoinRefused, PushRefused, ReplyTimeout, UsageError
from tests.client.fakes import accept_join, hold, phoenix, text
from tests.client.handlers import TOPIC, WAIT_S, Recorder, joined

SHORT_S = 0.1


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
    assert "refs=4 in_flight=0 joined=0" in repr(socket)
    assert socket.close() is True
    assert (client.anomalies, recorder.downs) == ([], [])
    assert len(client.heartbeats) == 0


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
    """It gives a valid example."""
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


def test_a_push_needs_a_joined_topic(client, serve):
    """Disconnected(not_joined), with the topic, instead of a frame that the server would refuse."""
    socket, _ = joined(client, serve(phoenix))
    for act in (socket.push, lambda *a: socket.call(*a, WAIT_S), lambda topic, *_: socket.leave(topic, WAIT_S)):
        with pytest.raises(Disconnected, match=r"not_joined \(session:other"):
            act("session:other", "send", {})


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
    """Inside the reader it must not wait for itself."""
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
    """A self-signed certificate is refused by default and works with insecure, even for frames of many records."""
    server = serve(phoenix, tls=True)
    with pytest.raises(ConnectFailed, match="tls"):
        client.connected(server.ws_url)
    socket, recorder = joined(client, server, connector=Connector(insecure=True))
    for size in (1, 16_000, 16_384, 70_000, 300_000):
        socket.push(TOPIC, "send", {"text": "x" * size})
        assert len(recorder.broadcast()[1]["text"]) == size
        assert len(recorder.broadcast()[1]["text"]) == size
    socket.leave(TOPIC, WAIT_S)
    assert socket.close() is True


def test_many_sockets_share_one_hub(client, serve, running):
    """300 sockets: no greenlet of ours for their readers and heartbeats, each hears its own."""
    server = serve(phoenix)
    before = running()
    pairs = [joined(client, server) for _ in range(300)]
    assert running() - before <= 300  # the fake's own handlers
    for number, (socket, _) in enumerate(pairs):
        socket.push(TOPIC, "send", number)
    assert [recorder.broadcast()[1] for _, recorder in pairs] == list(range(300))
    assert len(client.heartbeats) == 300
    for socket, _ in pairs:
        socket.close()
    assert len(client.heartbeats) == 0


def test_a_broken_frame_log_ends_the_socket_and_says_so(client, serve, caplog):
    """An error of ours in the reader: nobody waits for ever, the traceback is logged, the kind names the culprit."""

    def log(direction, _frame):
        if direction == "<":
            raise ValueError("full disk")

    socket = client.connected(serve(phoenix).ws_url, log_frames=log)
    with pytest.raises(Disconnected, match=r"reader_error.*full disk"):
        socket.join(TOPIC, {}, Recorder(), WAIT_S)
    assert "ValueError: full disk" in caplog.text


def test_what_is_asked_of_a_socket_that_goes_down_while_it_closes(client, serve):
    """The server goes first: close says that there is nothing left to wait for."""

    def script(peer):
        accept_join(peer)
        peer.reset()

    socket, recorder = joined(client, serve(script))
    recorder.down()
    assert socket.close() is True
    socket.beat()
    assert socket.down.kind == "reset"
