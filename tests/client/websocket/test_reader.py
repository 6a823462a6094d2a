"""The reader's deliveries from the event loop: whole messages in order, then one end."""

import itertools

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client.websocket.reader import Reader
from fleetlm_users.client.websocket.transport import BINARY, TEXT
from fleetlm_users.errors import Disconnected
from tests.client.fakes import BINARY as BINARY_FRAME
from tests.client.fakes import PING, PONG, frame
from tests.client.pair import MAX_BYTES, WAIT_S


class Heard:
    """The calls of a reader, and the answers of `on_frame`."""

    def __init__(self, transport, answer=lambda payload: False):
        self.messages, self.ends, self.over = [], [], Event()
        self._answer = answer
        self._news = Event()
        self.reader = Reader(transport, self.on_frame, self.on_end)
        self.reader.start()

    def on_frame(self, opcode, payload, arrived_s):
        self.messages.append((opcode, payload))
        self._news.set()
        return self._answer(payload)

    def on_end(self, down, done_s):
        self.ends.append(down)
        self.over.set()

    def wait(self, count):
        """Wait until there are this many messages; return them."""
        while len(self.messages) < count:
            self._news.clear()
            assert self._news.wait(WAIT_S)
        return self.messages


def texts(*payloads):
    return [(TEXT, payload) for payload in payloads]


def test_messages_of_one_read_come_in_order(pair):
    """It includes messages that came with the upgrade."""
    one = pair(rest=frame(b"0"))
    heard = Heard(one.transport)
    one.peer.send(frame(b"1") + frame(b"2"))
    assert heard.wait(3) == texts(b"0", b"1", b"2")


@pytest.mark.parametrize("length", [1, 125, 126, 60_000, 65_535, 65_536, 150_000])
def test_a_message_of_any_length_cut_anywhere_arrives_whole(pair, length):
    """Within one read, over several, and beyond what the event loop's callback takes itself."""
    one = pair()
    heard = Heard(one.transport)
    payload = bytes(range(256)) * (length // 256 + 1)
    data = frame(payload[:length]) + frame(b"next")
    cuts = sorted({0, 1, 2, 3, 4, 5, length // 2, length, len(data)})
    for start, end in itertools.pairwise(cuts):
        one.peer.send(data[start:end])
        gevent.idle()
    assert heard.wait(2) == texts(payload[:length], b"next")


def test_fragments_pings_and_binary_among_texts(pair):
    """A greenlet takes what the callback does not, in its turn."""
    one = pair()
    heard = Heard(one.transport)
    one.peer.send(
        frame(b"a") + frame(b"", PING) + frame(b"b", final=False) + frame(b"c", 0) + frame(b"d", BINARY_FRAME)
    )
    one.peer.send(frame(b"e"))
    assert heard.wait(4) == [(TEXT, b"a"), (TEXT, b"bc"), (BINARY, b"d"), (TEXT, b"e")]
    assert one.peer.read_frame() == (PONG, b"")


def test_who_was_woken_runs_before_the_next_message(pair):
    """Returning True yields: the joiner processes its reply before the broadcast behind it."""
    one, woken, order = pair(), Event(), []

    def answer(payload):
        order.append(payload)
        if payload == b"reply":
            woken.set()
            return True
        return False

    heard = Heard(one.transport, answer)
    waiter = gevent.spawn(lambda: (woken.wait(), order.append("joiner")))
    gevent.sleep(0)
    one.peer.send(frame(b"reply") + frame(b"broadcast"))
    heard.wait(2)
    waiter.join()
    assert order == [b"reply", "joiner", b"broadcast"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (frame(b"\x03\xf4", 8), "closed_1012"),
        (frame(b"", 8), "closed_1005"),
        (frame(b"\x03\xe8bye", 8), "closed_1000"),
        (frame(b"\x01\x00", 8), "protocol_error"),
        (frame(b"x", 8), "protocol_error"),
        (frame(b"x", mask=b"abcd"), "protocol_error"),
        (frame(b"x" * (MAX_BYTES + 1)), "oversize"),
        (b"", "eof"),
        (frame(b"half")[:3], "eof"),
    ],
)
def test_every_end_is_reported_once(pair, data, kind):
    """By then, everything that had come before has been delivered."""
    one = pair()
    heard = Heard(one.transport)
    one.peer.send(frame(b"before") + data)
    if kind == "eof":
        one.peer.sock.close()
    assert heard.over.wait(WAIT_S)
    assert heard.reader.wait_end(0)
    assert (heard.messages, [down.kind for down in heard.ends]) == (texts(b"before"), [kind])


def test_an_abort_ends_it_with_its_reason(pair):
    """Anyone waiting for the end is woken."""
    one = pair()
    heard = Heard(one.transport)
    assert not heard.reader.wait_end(0.01)
    waiting = [gevent.spawn(heard.reader.wait_end, WAIT_S) for _ in range(3)]
    gevent.idle()
    gevent.spawn(one.transport.abort, Disconnected("given_up"))
    assert heard.reader.wait_end(WAIT_S)
    assert [each.get(timeout=WAIT_S) for each in waiting] == [True] * 3
    assert [down.kind for down in heard.ends] == ["given_up"]


def test_a_mistake_in_a_handler_ends_it_and_says_so(pair, caplog):
    """Nobody waits for a reader that has gone."""
    one = pair()
    heard = Heard(one.transport, lambda payload: 1 / 0)
    one.peer.send(frame(b"x"))
    assert heard.over.wait(WAIT_S)
    assert heard.ends[0].kind == "reader_error"
    assert "ZeroDivisionError" in caplog.text
