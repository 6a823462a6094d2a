"""Addresses are raced, so that a dead one costs a quarter of a second and not the run (RFC 8305)."""

import os
from itertools import pairwise

import gevent
import pytest
from gevent import socket
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.net.racing import connect_first, connect_one, interleaved
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.waits import Deadline, Overdue

V4, V6 = socket.AF_INET, socket.AF_INET6
SOON_S = 0.01
LONG_S = 60.0


class Places:
    """Several loopback addresses at one port: `open` ones accept, `closed` ones refuse, `silent` ones swallow."""

    def __init__(self):
        self.port = 0
        self._sockets = []

    def open(self, host="127.0.0.2"):
        self._listen(host).listen(64)
        return Address(V4, host)

    def closed(self, host="127.0.0.3"):
        self._listen(host)  # bound, so that nobody else takes the port
        return Address(V4, host)

    def silent(self, host="127.0.0.4"):
        """Its backlog is full: further SYNs are dropped, as by a firewall."""
        self._listen(host).listen(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((host, self.port))
            self._sockets.append(filler)
        return Address(V4, host)

    def accept(self, number):
        return self._sockets[number].accept()[0]

    def close(self):
        for sock in self._sockets:
            sock.close()

    def _listen(self, host):
        listener = socket.socket()
        listener.bind((host, self.port))
        self.port = listener.getsockname()[1]
        self._sockets.append(listener)
        return listener


@pytest.fixture
def places():
    made = Places()
    yield made
    made.close()


def connected_to(won):
    try:
        return won.sock.getpeername()[0]
    finally:
        won.sock.close()


def test_a_silent_address_gives_way_after_the_delay(places):
    """The next one wins; the silent one's attempt is reported, and its time does not count as the winner's."""
    alive, silent = places.open(), places.silent()
    won = connect_first([silent, alive], places.port, delay_s=SOON_S)
    assert (won.address, won.silent) == (alive, (silent,))
    assert connected_to(won) == alive.host


def test_the_delay_is_a_quarter_of_a_second(places):
    """RFC 8305 §8; the overall deadline does not change."""
    alive, silent = places.open(), places.silent()
    with Deadline(LONG_S):
        assert connected_to(connect_first([silent, alive], places.port)) == alive.host


def test_an_address_that_refuses_gives_way_at_once(places):
    """It does not wait for the delay: with one of an hour, this test would not end."""
    alive, closed = places.open(), places.closed()
    won = connect_first([closed, alive], places.port, delay_s=3600.0)
    assert (won.address, won.silent) == (alive, ())
    assert connected_to(won) == alive.host


def test_a_refusal_beside_a_silent_address_begins_the_next_at_once(places):
    """Three addresses: silent, refused, open."""
    alive, closed, silent = places.open(), places.closed(), places.silent()
    assert connect_first([silent, closed, alive], places.port, delay_s=SOON_S).address == alive


def test_the_first_address_is_taken_when_it_answers(places):
    """The system's order decides, and no other address is tried."""
    first, second = places.open("127.0.0.2"), places.open("127.0.0.3")
    assert connected_to(connect_first([first, second], places.port, delay_s=0.0)) == first.host
    places._sockets[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        places.accept(1)


def test_a_slow_first_address_may_still_win(places):
    """Attempts go on side by side: the first answers after all while the second is silent."""
    slow, silent = places.silent("127.0.0.2"), places.silent("127.0.0.3")
    racing = gevent.spawn(connect_first, [slow, silent], places.port, None, 0.0)
    gevent.idle()
    assert not racing.ready()
    taken = [places.accept(0) for _ in range(2)]  # room again: the kernel asks once more after a second
    assert connected_to(racing.get(timeout=LONG_S)) == slow.host
    for sock in taken:
        sock.close()


def test_when_all_fail_the_last_one_says_why(places):
    """The error is the same as if they had been tried one after the other."""
    closed = [places.closed(f"127.0.0.{last}") for last in (3, 4)]
    with pytest.raises(ConnectionRefusedError):
        connect_first(closed, places.port)
    with pytest.raises(OSError, match="no address"):
        connect_first([], places.port)


def test_a_deadline_ends_the_race_and_leaves_no_socket(places):
    """All are silent."""
    silent = [places.silent(f"127.0.0.{last}") for last in (2, 3)]
    before = open_sockets()
    with pytest.raises(Overdue), Deadline(5 * SOON_S):
        connect_first(silent, places.port, delay_s=SOON_S)
    with pytest.raises(Overdue), Deadline(SOON_S):
        connect_one(silent[0], places.port)
    assert open_sockets() <= before  # what other tests left may be freed meanwhile


def open_sockets():
    return len(os.listdir("/proc/self/fd"))


@given(st.lists(st.tuples(st.sampled_from([V4, V6]), st.integers(1, 200)), unique=True, max_size=8))
def test_families_take_turns_and_nobody_is_left_out(drawn):
    """RFC 8305 §4: the first stays first, and each family keeps its own order."""
    addresses = [Address(family, str(number)) for family, number in drawn]
    order = interleaved(addresses)
    assert sorted(order) == sorted(addresses)
    assert order[:1] == addresses[:1]
    for family in (V4, V6):
        assert [each for each in order if each.family == family] == [
            each for each in addresses if each.family == family
        ]
    families = [each.family for each in order]
    both = 2 * min(families.count(V4), families.count(V6))
    assert all(one != other for one, other in pairwise(families[:both]))
