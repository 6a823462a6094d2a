"""Fixtures of the client's tests. Nothing here monkey-patches: the client names gevent's socket and ssl itself."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from fleetlm_users.client import Heartbeats, PhoenixSocket, SocketOptions
from tests.client.fakes import FakeServer, Peer
from tests.client.pair import Pair

DEADLINE_S = 90.0
MIDDLE = 1
"""Generation of the collector: what a test leaves is young."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test waits longer than its deadline."""
    with gevent.Timeout(DEADLINE_S):
        yield


@pytest.fixture(scope="package", autouse=True)
def thawed() -> Iterator[None]:
    """Collect objects that these tests have frozen, then freeze the remaining ones again (tests/conftest.py)."""
    yield
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_greenlets_left() -> Iterator[None]:
    """Fails a test that leaves a greenlet running. What was there before is frozen: `gc.get_objects` passes it over."""
    gc.collect(MIDDLE)
    gc.freeze()
    yield
    gevent.idle()
    left = running_greenlets()
    gevent.joinall(left, timeout=60.0)
    assert [greenlet for greenlet in left if not greenlet.dead] == []


def running_greenlets() -> list[gevent.Greenlet]:
    """Those that the test has made."""
    return [found for found in gc.get_objects() if isinstance(found, gevent.Greenlet) and not found.dead]


@pytest.fixture
def running() -> Callable[[], int]:
    """Counts the greenlets of this test that are alive."""
    return lambda: len(running_greenlets())


@pytest.fixture
def serve(no_greenlets_left: None) -> Iterator[Callable[..., FakeServer]]:
    """Starts fakes; a script that raised fails the test."""
    servers: list[FakeServer] = []

    def start(script: Callable[[Peer], None], **options: Any) -> FakeServer:
        servers.append(FakeServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    assert [error for server in servers for error in server.errors] == []


@pytest.fixture
def pair(no_greenlets_left: None) -> Iterator[Callable[..., Pair]]:
    """Makes pairs; both ends are closed after the test."""
    made: list[Pair] = []

    def make(**options: Any) -> Pair:
        made.append(Pair(**options))
        return made[-1]

    yield make
    for one in made:
        one.transport.close()
        one.peer.sock.close()


class Client:
    """Makes sockets with one Heartbeats and collects their anomalies."""

    def __init__(self) -> None:
        self.heartbeats = Heartbeats(30.0)
        self.anomalies: list[str] = []
        self.sockets: list[PhoenixSocket] = []

    def socket(self, url: str, participant_id: str = "u1", **options: Any) -> PhoenixSocket:
        made = PhoenixSocket(url, participant_id, SocketOptions(**options), self.heartbeats, self.anomalies.append)
        self.sockets.append(made)
        return made

    def connected(self, url: str, participant_id: str = "u1", **options: Any) -> PhoenixSocket:
        made = self.socket(url, participant_id, **options)
        made.connect()
        return made


@pytest.fixture
def client(no_greenlets_left: None) -> Iterator[Client]:
    made = Client()
    yield made
    for socket in made.sockets:
        socket.close(timeout_s=0.0)
    made.heartbeats.stop()
