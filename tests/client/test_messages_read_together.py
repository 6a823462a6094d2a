"""A message and its answer that are read together: from the bytes of a real connection to the ledger."""

import socket
import time
from typing import Any

import pytest
from gevent.monkey import get_original

from fleetlm_users.client import SessionChannel
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.users.session_observer import SessionObserver
from tests.client.fakes import Peer, accept_join, text
from tests.client.handlers import TOPIC, WAIT_S
from tests.swarm.samples import numbering, options

USER, AGENT = "u1", "echo-agent"


class Life:
    """One joined session whose server answers what the test writes as the server."""

    def __init__(self, serve: Any, client: Any, *, tls: bool = False) -> None:
        self.run = Run(options(warm_up="0s"), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
        self.peers: list[Peer] = []
        server = serve(self._script, tls=tls)
        self._socket = client.connected(server.ws_url, **({"connector": _trusting()} if tls else {}))
        observer = SessionObserver(self.run, "burst")
        self.channel = SessionChannel(self._socket, "s1", AGENT, observer, reply_timeout_s=WAIT_S)
        self.channel.join(WAIT_S)
        self._sent = 0
        self.seq = 0

    def _script(self, peer: Peer) -> None:
        accept_join(peer)
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers.append(peer)
        while True:
            peer.read_frame()

    def send(self, count: int = 1) -> None:
        """Send messages that are due now."""
        for _ in range(count):
            self._sent += 1
            self.channel.send("hello", f"r{self._sent}", time.perf_counter(), "main")

    def own(self, number: int) -> bytes:
        """Return the sender's own broadcast of its message of that number."""
        return self._message(USER, {"client_ref": f"r{number}"})

    def answer(self) -> bytes:
        """Return an answer of the agent's."""
        return self._message(AGENT, {})

    def _message(self, sender_id: str, content: dict[str, Any]) -> bytes:
        self.seq += 1
        payload = {"seq": self.seq, "sender_id": sender_id, "content": content}
        return text(None, None, TOPIC, "message", payload)

    def settle(self) -> None:
        """Wait until each message has its answer."""
        assert self.channel.settle(lambda: time.perf_counter() + WAIT_S)

    def count(self, metric: str) -> int:
        return self.run.ledger.counter(metric, "burst", "main").n

    def samples(self, metric: str) -> int:
        return self.run.ledger.trend(metric, "burst", "main").count


def _trusting() -> Any:
    from fleetlm_users.client.net.connector import Connector  # noqa: PLC0415  # with TLS only

    return Connector(insecure=True)


def write_apart(life: Life, *pieces: bytes) -> None:
    """Write pieces 10 ms apart, while the event loop stands still."""
    sleep = get_original("time", "sleep")
    for piece in pieces:
        life.peers[0].sock.send(piece)
        sleep(0.01)  # the case itself: segments that came at different moments


@pytest.fixture
def life(serve: Any, client: Any) -> Life:
    return Life(serve, client)


def books(life: Life) -> tuple[int, ...]:
    """(appends, append latencies, answers, roundtrips, agent latencies, those left out)."""
    return (
        life.count("messages_appended"),
        life.samples("append_latency_ms"),
        life.count("agent_replies_matched"),
        life.samples("message_roundtrip_ms"),
        life.samples("agent_latency_ms"),
        life.count("agent_latencies_left_out"),
    )


def test_in_one_segment(life: Life) -> None:
    """The answer counts, and has no latency from a moment that nobody knows."""
    life.send()
    life.peers[0].send(life.own(1) + life.answer())
    life.settle()
    assert books(life) == (1, 1, 1, 1, 0, 1)


def test_in_two_segments_while_the_reader_is_late(life: Life) -> None:
    """The kernel joins them and keeps the later stamp; the roundtrip is true, as its end is the answer's own."""
    life.send()
    write_apart(life, life.own(1), life.answer())
    life.settle()
    assert books(life) == (1, 1, 1, 1, 0, 1)


def test_half_an_answer_behind_the_message(life: Life) -> None:
    """The rest has a later stamp, and the message still none of its own."""
    life.send()
    own, answer = life.own(1), life.answer()
    life.peers[0].send(own + answer[:7])
    while not life.count("messages_appended"):
        life.channel.wait(lambda: bool(life.count("messages_appended")), lambda: time.perf_counter() + WAIT_S)
    life.peers[0].send(answer[7:])
    life.settle()
    assert books(life) == (1, 1, 1, 1, 0, 1)


def test_each_in_a_read_of_its_own(life: Life) -> None:
    """Both stamps are known: the latency is recorded, and nothing is left out."""
    life.send()
    life.peers[0].send(life.own(1))
    life.channel.wait(lambda: bool(life.count("messages_appended")), lambda: time.perf_counter() + WAIT_S)
    life.peers[0].send(life.answer())
    life.settle()
    assert books(life) == (1, 1, 1, 1, 1, 0)


def test_many_messages_of_which_the_last_is_alone_at_the_end_of_its_read(life: Life) -> None:
    """Of ten that came together, only the last has its own stamp; all are appended and answered."""
    life.send(10)
    life.peers[0].send(b"".join(life.own(number) for number in range(1, 11)))
    life.channel.wait(lambda: life.count("messages_appended") == 10, lambda: time.perf_counter() + WAIT_S)
    life.peers[0].send(b"".join(life.answer() for _ in range(10)))
    life.settle()
    assert books(life) == (10, 10, 10, 10, 1, 9)


def test_two_tls_records_that_wait_together(serve: Any, client: Any) -> None:
    """A read takes one record, so each has a read of its own; the first one's is late all the same."""
    life = Life(serve, client, tls=True)
    life.send()
    own, answer = life.own(1), life.answer()
    life.peers[0].sock.sendall(own)
    life.peers[0].sock.sendall(answer)
    life.settle()
    assert books(life) == (1, 1, 1, 1, 0, 1)
