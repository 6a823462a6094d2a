"""When bytes came is told by the kernel, unless the wall clock, by which it stamps, was set meanwhile."""

import _socket
import select
import sys
import time

import pytest
from gevent import socket

from fleetlm_users.client.net import arrival
from fleetlm_users.client.net.arrival import CONTROL_BYTES, NS_PER_S, SO_TIMESTAMPNS, TIMESPEC, Arrival, ask_for_stamps

WALL_AHEAD_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture
def clocks(monkeypatch):
    """The wall clock's lead in a list, to be changed; sockets are made at 10 s, and reads by default at 13 s."""
    ahead_ns = [WALL_AHEAD_NS]
    monkeypatch.setattr(arrival, "wall_ahead_ns", lambda: ahead_ns[0])
    return ahead_ns


@pytest.fixture
def made(clocks, monkeypatch):
    """A socket's arrivals, and a function that sets the monotonic clock."""

    def set_s(seconds):
        monkeypatch.setattr(time, "perf_counter", lambda: seconds)

    set_s(10.0)
    one = Arrival()
    set_s(13.0)
    return one, set_s


def stamped(monotonic_s: float) -> list[tuple[int, int, bytes]]:
    """The control message of a read whose bytes came at that moment of the monotonic clock."""
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
    """One read is stamped by the process itself; the next stamp is believed again."""
    one, set_s = made
    clocks[0] += round(step_s * NS_PER_S)
    assert one.moment_s(stamped(11.25)) == 13.0
    set_s(14.0)
    assert one.moment_s(stamped(13.5 + step_s)) == pytest.approx(13.5)


@pytest.mark.parametrize("step_s", [-86_400.0, -3600.0, -5.0, 5.0, 3600.0, 1e9])
def test_a_stamp_of_a_clock_that_was_set_and_set_back_is_not_believed(made, step_s):
    """Between two reads nothing tells of it but the stamp itself: from the future, or from before the read before."""
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
    """It makes the wall clock's lead look smaller for one read."""
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
