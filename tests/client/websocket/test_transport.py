"""Messages over a real socket pair: buffered reads, stamps, whole writes, and every way a connection ends."""

import struct

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client.websocket.frames import FIN_TEXT, close_frame, masked
from fleetlm_users.client.websocket.transport import BINARY, TEXT, Transport
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol.observer import UpperBound
from tests.client.fakes import CLOSE, PING, PONG, Gone, frame
from tests.client.pair import MAX_BYTES

WAIT_S = 60.0
SHORT_S = 0.1


def ended(transport: Transport) -> Disconnected:
    try:
        while True:
            transport.receive()
    except Disconnected as down:
        return down


@pytest.mark.parametrize("length", [0, 1, 2, 125, 126, 127, 1000, 65_535, 65_536, 100_000])
def test_a_message_of_every_length_form_is_received(pair, length):
    """Short ones are cut out of the read, long ones and those that lie across reads go through websocket-client."""
    one = pair()
    payload = bytes(byte % 251 for byte in range(length))
    sender = gevent.spawn(one.peer.send, frame(payload) + frame(b"next"))
    assert one.transport.receive() == (TEXT, payload)
    assert one.transport.receive() == (TEXT, b"next")
    sender.get(timeout=WAIT_S)


def test_messages_of_one_read_share_the_stamp_of_their_arrival(pair):
    """It is the last one's; of the others, an upper bound. The next read has its own."""
    one = pair()
    one.peer.send(frame(b"first") + frame(b"ping", PING) + frame(b"second", BINARY) + frame(b"third"))
    stamps = [one.transport.arrived_s for _ in range(3) if one.transport.receive()]
    first_s = stamps[0]
    assert stamps == [first_s] * 3
    assert [type(stamp) for stamp in stamps] == [UpperBound, UpperBound, float]
    one.peer.send(frame(b"fourth") + frame(b"half")[:3])
    one.transport.receive()
    assert one.transport.arrived_s > first_s
    assert type(one.transport.arrived_s) is UpperBound


def test_bytes_that_came_with_the_upgrade_are_the_first_message(pair):
    """A server may speak in the same packet as its 101; the stamp is the upgrade's."""
    one = pair(rest=frame(b"early") + frame(b"later")[:3])
    assert one.transport.receive() == (TEXT, b"early")
    assert one.transport.arrived_s == 1.0
    one.peer.send(frame(b"later")[3:])
    assert one.transport.receive() == (TEXT, b"later")
    assert one.transport.arrived_s > 1.0


def test_frames_cut_at_every_byte_arrive_whole(pair):
    """However TCP cuts the stream."""
    one = pair()
    stream = frame(b"ab") + frame(b"x" * 200) + frame(b"c", final=False) + frame(b"d", 0) + frame(b"e", BINARY)
    received = gevent.spawn(lambda: [one.transport.receive() for _ in range(4)])
    for position in range(len(stream)):
        one.peer.send(stream[position : position + 1])
        gevent.idle()
    assert received.get(timeout=WAIT_S) == [(TEXT, b"ab"), (TEXT, b"x" * 200), (TEXT, b"cd"), (BINARY, b"e")]


def test_a_ping_is_answered_with_its_payload(pair):
    """It works between fragments, too; a pong is ignored."""
    one = pair()
    one.peer.send(frame(b"a", final=False) + frame(b"p", PING) + frame(b"q", PONG) + frame(b"b", 0))
    assert one.transport.receive() == (TEXT, b"ab")
    assert one.peer.read_frame() == (PONG, b"p")


@pytest.mark.parametrize(
    ("payload", "kind", "code"),
    [(b"\x03\xf4", "closed_1012", 1012), (b"", "closed_1005", 1005), (b"\x0f\xa1x", "closed_4001", 4001)],
)
def test_a_close_frame_ends_with_its_code_and_is_answered(pair, payload, kind, code):
    """Messages before it in the same read are received first; the server gets our close frame, once."""
    one = pair()
    one.peer.send(frame(b"last") + frame(payload, CLOSE))
    assert one.transport.receive() == (TEXT, b"last")
    down = ended(one.transport)
    assert (down.kind, down.code) == (kind, code)
    one.transport.send_close(1000, WAIT_S)
    one.transport.close()
    assert one.peer.read_frame() == (CLOSE, b"\x03\xe8")
    with pytest.raises(Gone):
        one.peer.read(1)


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (frame(b"hi", mask=b"abcd"), "protocol_error", 1002),
        (frame(b"hi", 3), "protocol_error", 1002),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "protocol_error", 1002),
        (frame(b"x" * (MAX_BYTES + 1))[:10], "oversize", 1009),
        (struct.pack("!BBQ", 0x81, 127, 1 << 62), "oversize", 1009),
    ],
)
def test_violations_and_oversize_end_and_say_so_to_the_server(pair, data, kind, code):
    """The close code is RFC 6455's for the case; nothing large is read."""
    one = pair()
    one.peer.send(data)
    assert ended(one.transport).kind == kind
    assert one.peer.read_frame() == (CLOSE, code.to_bytes(2, "big"))


def test_a_vanished_server_is_eof_and_a_reset_is_reset(pair):
    """TCP's two ways to end."""
    one, other = pair(), pair()
    one.peer.sock.close()
    other.peer.reset()
    assert ended(one.transport).kind == "eof"
    assert ended(other.transport).kind == "reset"


def test_half_a_frame_then_the_end_is_eof(pair):
    """A message that never became whole is not delivered."""
    one = pair()
    one.peer.send(frame(b"x" * 300)[:100])
    one.peer.sock.close()
    assert ended(one.transport).kind == "eof"


def test_writes_of_many_greenlets_never_mix(pair):
    """Large frames of many writers, with a reader slower than they are: each arrives whole, each writer's in order."""
    one = pair()
    writers = 8

    def write(number: int) -> None:
        for turn in range(5):
            one.transport.send_text(bytes([number, turn]) * 60_000)

    greenlets = [gevent.spawn(write, number) for number in range(writers)]
    got: dict[int, list[int]] = {}
    for _ in range(writers * 5):
        _, payload = one.peer.read_frame()
        assert payload == payload[:2] * 60_000
        got.setdefault(payload[0], []).append(payload[1])
    assert got == {number: list(range(5)) for number in range(writers)}
    gevent.joinall(greenlets, raise_error=True)
    assert one.transport._writers == 0


def test_a_write_without_room_ends_the_connection_in_time(pair):
    """The peer reads nothing: writer and those behind it, and the receiver, all learn of send_timeout."""
    one = pair(send_timeout_s=SHORT_S)
    one.fill()
    behind = gevent.spawn(one.transport.send_text, b"behind")
    with pytest.raises(Disconnected, match="send_timeout"):
        one.transport.send_text(b"x")
    with pytest.raises(Disconnected, match="send_timeout"):
        behind.get(timeout=WAIT_S)
    assert ended(one.transport).kind == "send_timeout"
    with pytest.raises(Disconnected, match="send_timeout"):
        one.transport.send_text(b"too late")


def test_send_soon_never_blocks_and_is_still_sent(pair):
    """If there is no room, a greenlet waits for it; order is kept."""
    one = pair()
    one.fill()
    one.transport.send_soon(b"soon")
    payload = b""
    while payload != b"soon":
        payload = one.peer.read_frame()[1]


def test_a_writer_killed_inside_its_frame_ends_the_connection(pair):
    """Nothing may follow half a frame: nobody writes any more."""
    one = pair()
    blocked = gevent.spawn(one.transport.send_text, b"x" * 10_000_000)
    gevent.idle()
    assert one.transport._writers == 1
    blocked.kill()
    assert ended(one.transport).kind == "send_interrupted"
    with pytest.raises(Disconnected, match="send_interrupted"):
        one.transport.send_text(b"x")


def test_a_writer_killed_while_it_waits_for_its_turn_harms_nobody(pair):
    """Nothing of its frame was written."""
    one = pair()
    first = gevent.spawn(one.transport.send_text, b"x" * 10_000_000)
    gevent.idle()
    second = gevent.spawn(one.transport.send_text, b"never")
    gevent.idle()
    second.kill()
    assert len(one.peer.read_frame()[1]) == 10_000_000
    first.get(timeout=WAIT_S)
    one.transport.send_text(b"after")
    assert one.peer.read_frame() == (TEXT, b"after")


def test_the_servers_last_words_survive_a_failed_write(pair):
    """A close frame that waits to be read tells more than the broken pipe that the writer sees."""
    one = pair()
    one.peer.send(frame(b"\x03\xf4", CLOSE))
    one.peer.sock.close()
    gevent.idle()
    one.transport.send_text(b"x")  # makes the peer's kernel answer with a reset
    gevent.idle()
    with pytest.raises(Disconnected, match="reset"):
        one.transport.send_text(b"x")
    assert ended(one.transport).kind == "closed_1012"


def test_abort_wakes_a_waiting_receiver_with_the_reason(pair):
    """Data that has arrived is still received; the first reason stays."""
    one = pair()
    one.peer.send(frame(b"before"))
    assert one.transport.receive() == (TEXT, b"before")
    waiting = gevent.spawn(ended, one.transport)
    gevent.idle()
    one.transport.abort(Disconnected("heartbeat_timeout"))
    one.transport.abort(Disconnected("other"))
    assert waiting.get(timeout=WAIT_S).kind == "heartbeat_timeout"


def test_close_releases_the_socket_once_no_writer_waits_on_it(pair):
    """A blocked writer is woken with an error; then the descriptor is closed; repeating it does nothing."""
    one = pair()
    failed = Event()

    def write() -> None:
        with pytest.raises(Disconnected):
            one.transport.send_text(b"x" * 10_000_000)
        failed.set()

    gevent.spawn(write)
    gevent.idle()
    one.transport.close()
    one.transport.close()
    assert failed.wait(WAIT_S)
    assert one.transport._stream._sock.fileno() == -1
    assert repr(one.transport) == "<Transport closed writers=0 buffered_bytes=0>"


def test_a_busy_socket_leaves_the_others_their_turn(pair):
    """Bytes that are always there must not keep the hub from running other greenlets."""
    one = pair()
    received = 0
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        while received < 200:
            ticks += 1
            gevent.spawn(int).join()  # once around the hub

    ticker = gevent.spawn(tick)
    sender = gevent.spawn(one.peer.send, frame(b"x" * 60_000) * 200)
    for _ in range(200):
        one.transport.receive()
        received += 1
    sender.get(timeout=WAIT_S)
    ticker.get(timeout=WAIT_S)
    assert ticks > 20


def test_our_own_frames_are_read_back_by_a_strict_server(pair):
    """Text and close, as the server's parser sees them."""
    one = pair()
    one.transport.send_text(b"hello")
    one.transport.send_close(4001, WAIT_S)
    one.transport.send_close(4002, WAIT_S)
    assert one.peer.read(len(masked(FIN_TEXT, b"hello")))
    assert one.peer.read_frame() == (CLOSE, (4001).to_bytes(2, "big"))
    assert len(close_frame(1000)) == 8
