"""Connections leave from the given local addresses in turn, sockets and REST calls alike; foreign ones are named."""

from collections import Counter

import pytest
from gevent import socket
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.racing import connect_first
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.source_addresses import IP_BIND_ADDRESS_NO_PORT, SourceAddresses, not_local, sources_here
from tests.client.fakes import hold

LOOPBACKS = [f"127.0.0.{last}" for last in range(2, 10)]
FOREIGN = "192.0.2.7"  # TEST-NET-1, nobody's (RFC 5737)


class Unbound:
    """A socket that records the address it is bound to."""

    family = socket.AF_INET

    def __init__(self):
        self.options, self.bound = [], []

    def setsockopt(self, *option):
        self.options.append(option)

    def bind(self, address):
        self.bound.append(address)


def test_each_connection_leaves_from_the_next_address(serve):
    """Eight addresses, sixteen connections: two from each."""
    server = serve(hold)
    sources = SourceAddresses(LOOPBACKS)
    target = [Address(socket.AF_INET, "127.0.0.1")]
    opened = [connect_first(target, server.port, sources).sock for _ in range(16)]
    assert Counter(sock.getsockname()[0] for sock in opened) == dict.fromkeys(LOOPBACKS, 2)
    for sock in opened:
        sock.close()


def test_rest_calls_leave_from_them_too(serve):
    """One connection after the other, each from the next address."""
    peers = []

    def script(peer):
        peers.append(peer.sock.getpeername()[0])
        peer.read_request()
        peer.answer("200 OK", b"{}")

    server = serve(script)
    api = RestApi(f"{server.http_url}/api", connector=Connector(sources=SourceAddresses(LOOPBACKS[:3])))
    for _ in range(4):
        api.call("GET", "/sessions")
    api.close()
    assert peers == [*LOOPBACKS[:3], LOOPBACKS[0]]


def test_the_port_is_left_to_the_connect():
    """Otherwise all connections of an address, whatever their target, would share its 28,000 ports."""
    sock = Unbound()
    SourceAddresses(["127.0.0.2"]).bind(sock)
    assert (socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) in sock.options
    assert sock.bound == [("127.0.0.2", 0)]


def test_a_target_of_another_family_is_no_target(serve):
    """With IPv4 addresses alone, `localhost` means 127.0.0.1 and not ::1."""
    server = serve(hold)
    inet, inet6 = Address(socket.AF_INET, "127.0.0.1"), Address(socket.AF_INET6, "::1")
    sources = SourceAddresses(["127.0.0.2"])
    connect_first([inet6, inet], server.port, sources).sock.close()
    with pytest.raises(OSError, match="no source address of this family"):
        connect_first([inet6], server.port, sources)


@given(st.integers(1, 12), st.integers(0, 40), st.integers(1, 60))
def test_turns_are_fair_and_begin_where_set(count, start, connections):
    """No address is ever two connections ahead of another."""
    addresses = [f"127.0.0.{last}" for last in range(2, 2 + count)]
    sources, sock = SourceAddresses(addresses, start), Unbound()
    for _ in range(connections):
        sources.bind(sock)
    taken = [address for address, _ in sock.bound]
    assert taken[0] == addresses[start % count]
    counts = [taken.count(address) for address in addresses]
    assert max(counts) - min(counts) <= 1


def test_addresses_of_other_machines_are_named_and_left_out():
    """The system itself says so when asked to bind to them."""
    assert not_local(["127.0.0.2", FOREIGN, "127.0.0.3", "2001:db8::1"]) == [FOREIGN, "2001:db8::1"]
    assert repr(sources_here(["127.0.0.2", FOREIGN])) == "<SourceAddresses 1>"
    assert sources_here([FOREIGN]) is None
    assert sources_here([]) is None
    with pytest.raises(ValueError, match="no source address"):
        SourceAddresses([])
