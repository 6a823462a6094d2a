"""One place for all connections of a run: the address that won is used until it fails."""

import pytest
from gevent import socket

from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import Endpoint
from fleetlm_users.client.net.resolver import Address, Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.net.waits import Deadline, Overdue
from tests.client.net.test_racing import Places

SOON_S = 0.05


@pytest.fixture
def places():
    made = Places()
    yield made
    made.close()


def endpoint(places):
    return Endpoint("ws://fleet.test/", "fleet.test", places.port, "/", False)


def visited(connector, places):
    """The address that a connection goes to."""
    here = endpoint(places)
    won = connector.connect(here, connector.addresses(here))
    won.sock.close()
    return won.address


def connector_to(*addresses, **options):
    return Connector(resolver=Resolver(lambda _host: addresses), **options)


def test_the_winner_is_remembered(places):
    """The dead first address costs a quarter of a second once, and is reported once."""
    alive, silent = places.open(), places.silent()
    told = []
    connector = connector_to(silent, alive, warn=told.append)
    with Deadline(10.0):
        assert [visited(connector, places) for _ in range(50)] == [alive] * 50  # 50 races would take 12 s
    assert len(told) == 1
    assert "127.0.0.4 did not answer within 250 ms; connections go to 127.0.0.2" in told[0]


def test_a_winner_that_refuses_gives_way_to_the_others(places):
    """It happens in the same connect, and for later ones."""
    first, second = places.open("127.0.0.2"), places.open("127.0.0.3")
    connector = connector_to(first, second)
    assert visited(connector, places) == first
    places._sockets[0].close()
    assert [visited(connector, places) for _ in range(2)] == [second, second]


def test_a_winner_that_falls_silent_is_raced_again_by_the_next_connect(places):
    """A connect that timed out is a failure of the server's, and measured; then others are tried."""
    silent, alive = places.silent("127.0.0.2"), places.open("127.0.0.3")
    connector = connector_to(silent, alive)
    connector._winners["fleet.test", places.port] = silent
    with pytest.raises(Overdue), Deadline(SOON_S):
        visited(connector, places)
    assert visited(connector, places) == alive


def test_when_the_winner_fails_and_nobody_else_is_there_its_own_problem_is_reported(places):
    """The error is not that a source address of another family is missing."""
    alive = places.open("127.0.0.2")
    connector = connector_to(alive, Address(socket.AF_INET6, "::1"), sources=SourceAddresses(["127.0.0.5"]))
    assert visited(connector, places) == alive
    places._sockets[0].close()
    with pytest.raises(ConnectionRefusedError):
        visited(connector, places)


def test_an_address_that_the_name_has_no_longer_is_left(places):
    """A renewed look-up without the winner: the new addresses are raced."""
    first, second = places.open("127.0.0.2"), places.open("127.0.0.3")
    connector = Connector()
    here = endpoint(places)
    third = Address(socket.AF_INET, "127.0.0.7")
    for addresses, expected in (((first, third), first), ((second, third), second)):
        won = connector.connect(here, addresses)
        won.sock.close()
        assert won.address == expected
    assert "Connector" in repr(connector)
