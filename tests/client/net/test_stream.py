"""Bytes over one real connection: waits, stamps, room, ends."""

import time

import gevent
import pytest
from gevent import socket

from fleetlm_users.client.net.racing import connect_one
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.stream import Stream

WAIT_S = 10.0


@pytest.fixture
def ends(no_greenlets_left):
    """A stream and the other end of its connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        stream = Stream(connect_one(Address(socket.AF_INET, "127.0.0.1"), listener.getsockname()[1]).sock)
        theirs, _ = listener.accept()
    theirs.settimeout(WAIT_S)
    yield stream, theirs
    stream.close()
    theirs.close()


def test_a_reader_waits_for_bytes_and_gets_their_stamp(ends):
    """Nothing yet is None; what comes is stamped between the write and the read."""
    stream, theirs = ends
    assert stream.read() is None
    reading = gevent.spawn(stream.receive)
    gevent.idle()
    before_s = time.perf_counter()
    theirs.sendall(b"hello")
    assert reading.get(timeout=WAIT_S) == b"hello"
    assert before_s - 0.001 <= stream.arrived_s <= time.perf_counter()


def test_the_end_of_the_stream_is_no_bytes_and_a_reset_an_error(ends):
    """As recv(2) has it."""
    stream, theirs = ends
    theirs.shutdown(socket.SHUT_WR)
    assert stream.receive() == b""
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    gevent.idle()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        stream.write_all(b"x" * 10_000_000)


def test_a_write_without_room_takes_nothing_and_write_all_waits(ends):
    """Every byte arrives, in order."""
    stream, theirs = ends
    sent = 0
    while taken := stream.write(b"x" * 100_000):
        sent += taken
    with pytest.raises(TimeoutError):
        stream.await_room(0.001)
    rest = b"y" * 1_000_000
    writing = gevent.spawn(stream.write_all, rest)
    received = b""
    while len(received) < sent + len(rest):
        received += theirs.recv(1 << 20)
    writing.get(timeout=WAIT_S)
    assert received == b"x" * sent + rest


def test_an_idle_connection_is_quiet_until_something_came(ends):
    """Bytes that nobody asked for, the end, and a closed socket are no quiet."""
    stream, theirs = ends
    assert stream.is_quiet()
    theirs.sendall(b"x")
    gevent.idle()
    assert not stream.is_quiet()
    assert stream.receive() == b"x"
    assert stream.is_quiet()
    theirs.close()
    gevent.idle()
    assert not stream.is_quiet()
    stream.close()
    assert not stream.is_quiet()


def test_shutting_down_wakes_the_reader(ends):
    """And may be repeated, also when the other end is gone."""
    stream, theirs = ends
    reading = gevent.spawn(stream.receive)
    gevent.idle()
    stream.shut_down()
    assert reading.get(timeout=WAIT_S) == b""
    theirs.close()
    stream.shut_down()
    stream.close()
    stream.close()
    stream.shut_down()


def test_a_callback_is_called_while_it_watches(ends):
    """For each turn of the event loop in which bytes are there."""
    stream, theirs = ends
    taken = []
    stream.watch(lambda: taken.append(stream.read()))
    theirs.sendall(b"one")
    while not taken:
        gevent.idle()
    stream.unwatch()
    stream.unwatch()
    theirs.sendall(b"two")
    gevent.sleep(0.01)
    assert taken == [b"one"]
    assert stream.receive() == b"two"
