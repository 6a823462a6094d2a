"""Bytes over one real connection: waits, stamps, room, ends."""

import _socket
import select
import sys
import time

import gevent
import pytest
from gevent import socket

from fleetlm_users.client.net.racing import connect_one
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.stream import (
    CONTROL_BYTES,
    NS_PER_S,
    READ_BYTES,
    SO_TIMESTAMPNS,
    TIMESPEC,
    Arrival,
    Stream,
    ask_for_stamps,
)
from fleetlm_users.protocol.observer import UpperBound

WAIT_S = 60.0


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


def test_a_full_read_may_have_left_more_behind(ends):
    """So the stamp of its bytes is an upper bound; one that took all is not."""
    stream, theirs = ends
    theirs.sendall(b"x" * (READ_BYTES + 1))
    stamps = {}
    taken = 0
    while taken <= READ_BYTES:
        chunk = stream.receive()
        taken += len(chunk)
        stamps[len(chunk) == READ_BYTES] = type(stream.arrived_s)
    assert stamps.pop(False) is float
    assert stamps in ({}, {True: UpperBound})  # the kernel may hand the bytes out in smaller portions


def test_the_end_of_the_stream_is_no_bytes_and_a_reset_an_error(ends):
    """recv(2) says so."""
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
    """Unexpected bytes, the end of the stream and a closed socket all count as not quiet."""
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
    """It may be repeated, even when the other end is gone."""
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
    """It is called in each turn of the event loop in which bytes have arrived."""
    stream, theirs = ends
    taken = []
    stream.watch(lambda: taken.append(stream.read()))
    theirs.sendall(b"one")
    while not taken:
        gevent.idle()
    stream.unwatch()
    stream.unwatch()
    theirs.sendall(b"two")
    assert stream.receive() == b"two"
    assert taken == [b"one"]


WALL_AHEAD_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture
def clocks(monkeypatch):
    """The wall clock's lead in a list, to be changed; sockets are made at 10 s, and reads by default at 13 s."""
    ahead_ns = [WALL_AHEAD_NS]
    monkeypatch.setattr(time, "time_ns", lambda: time.perf_counter_ns() + ahead_ns[0])
    return ahead_ns


@pytest.fixture
def made(clocks, monkeypatch):
    """A socket's arrivals, and a function that sets the monotonic clock."""

    def set_s(seconds):
        monkeypatch.setattr(time, "perf_counter", lambda: seconds)
        monkeypatch.setattr(time, "perf_counter_ns", lambda: round(seconds * NS_PER_S))

    set_s(10.0)
    one = Arrival()
    set_s(13.0)
    return one, set_s


def stamped(monotonic_s: float) -> list[tuple[int, int, bytes]]:
    """Return the control message of a read whose bytes came at that moment of the monotonic clock."""
    seconds, nanoseconds = divmod(WALL_AHEAD_NS + round(monotonic_s * NS_PER_S), NS_PER_S)
    return [(_socket.SOL_SOCKET, SO_TIMESTAMPNS, TIMESPEC.pack(seconds, nanoseconds))]


def test_a_stamp_is_moved_to_the_monotonic_clock(made):
    """However long the bytes waited to be read."""
    assert made[0].moment_s(stamped(11.25)) == 11.25


def test_without_a_stamp_it_is_now(made):
    """The first segments after the option was set may have none."""
    assert made[0].moment_s([]) == 13.0


@pytest.mark.parametrize("step_s", [-3600.0, -0.001, 0.001, 1.0])
def test_a_stamp_from_before_the_wall_clock_was_set_is_not_believed(clocks, made, step_s):
    """The process stamps one read itself; the next kernel stamp is believed again."""
    one, set_s = made
    clocks[0] += round(step_s * NS_PER_S)
    assert one.moment_s(stamped(11.25)) == 13.0
    set_s(14.0)
    assert one.moment_s(stamped(13.5 + step_s)) == pytest.approx(13.5)


@pytest.mark.parametrize("step_s", [-86_400.0, -3600.0, -5.0, 5.0, 3600.0, 1e9])
def test_a_stamp_of_a_clock_that_was_set_and_set_back_is_not_believed(made, step_s):
    """Only the stamp itself reveals it: it is from the future, or from before the previous read."""
    one, set_s = made
    assert one.moment_s(stamped(12.0)) == 12.0
    assert one.moment_s(stamped(12.5 + step_s)) == 13.0
    set_s(14.0)
    assert one.moment_s(stamped(13.5)) == 13.5


@pytest.mark.parametrize("step_s", [-3600.0, -4.0, 3600.0])
def test_a_first_stamp_from_before_the_socket_or_from_the_future_is_not_believed(made, step_s):
    """Nothing comes before there is a socket."""
    assert made[0].moment_s(stamped(12.0 + step_s)) == 13.0


def test_an_interruption_between_the_clocks_moves_no_stamp(clocks, made):
    """It only makes the wall clock's lead look smaller for one read."""
    one, _ = made
    clocks[0] -= 50_000
    assert one.moment_s(stamped(11.25)) == 11.25


def test_no_read_is_earlier_than_the_one_before(made):
    """A first read without a stamp is late; the second's bytes may have come before that moment, but not before it."""
    one, set_s = made
    assert one.moment_s([]) == 13.0
    assert one.moment_s(stamped(12.75)) == 13.0
    set_s(14.0)
    assert one.moment_s(stamped(13.25)) == 13.25


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives")
def test_bytes_that_waited_to_be_read_came_before_that():
    """The stamp lies between the write and the moment when the bytes were seen to be there, not at the read."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    reader = _socket.socket(near.family, near.type, near.proto, near.detach())
    assert ask_for_stamps(reader)
    one, ancillary = Arrival(), []
    give_up_s = time.perf_counter() + 10.0
    while not ancillary and time.perf_counter() < give_up_s:  # the kernel begins to stamp a little later
        before_s = time.perf_counter()
        far.sendall(b"x")
        select.select([reader], [], [], 5.0)
        seen_s = time.perf_counter()
        _, ancillary, _, _ = reader.recvmsg(10, CONTROL_BYTES)
    assert ancillary
    assert before_s <= one.moment_s(ancillary) <= seen_s
    for sock in (reader, far, listener):
        sock.close()
