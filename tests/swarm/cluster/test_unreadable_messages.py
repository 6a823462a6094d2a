"""Whatever bytes a peer sends, Locust's socket turns them into a message and raises nothing."""

import random

import msgpack
import pytest
import zmq
from locust.rpc import Message
from locust.rpc.zmqrpc import Server

from fleetlm_users.swarm.cluster.unreadable_messages import MAX_MESSAGE_BYTES, UnreadableMessage, survive_garbage
from tests.mutations import cut

SOUND = msgpack.packb(("stats", {"a": [1, 2, {"b": None}]}, "w1"))
GARBAGE = {
    "nothing": b"",
    "no message pack": b"\xc1\xc1\xc1",
    "cut short": SOUND[:-3],
    "more behind it": SOUND + b"\0",
    "a number": msgpack.packb(5),
    "nothing at all": msgpack.packb(None),
    "too few parts": msgpack.packb(("stats", {})),
    "too many parts": msgpack.packb(("stats", {}, "w1", 4)),
    "a date that is none": msgpack.packb(("stats", {"__datetime__": True}, "w1")),
    "an id of Mongo": msgpack.packb(("stats", {"__ObjectId__": True, "as_str": "x"}, "w1")),
    "text that is not UTF-8": b"\x93\xa2\xff\xff\x80\xa1w",
    "deep": b"\x91" * 100_000,
    "an announced gigabyte": b"\xc6\x3f\xff\xff\xff" + b"x" * 100,
}


@pytest.fixture(autouse=True)
def _survives():
    survive_garbage()
    survive_garbage()


def test_sound_bytes_are_the_message_that_they_were():
    """Locust reads the same."""
    found = Message.unserialize(SOUND)
    assert (found.type, found.data, found.node_id) == ("stats", {"a": [1, 2, {"b": None}]}, "w1")


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_a_message_that_says_so(name):
    """It holds whatever the decoder raises."""
    found = Message.unserialize(GARBAGE[name])
    assert isinstance(found, UnreadableMessage)
    assert len(found.problem) < 300
    assert found.problem.isprintable()


def test_more_than_a_worker_can_say_is_not_decoded():
    """It would take up to sixty times the memory."""
    assert "expected at most" in Message.unserialize(bytes(MAX_MESSAGE_BYTES + 1)).problem


def test_damaged_bytes_raise_nothing():
    """They are a message, or say that they are not."""
    rng = random.Random(1)
    for seed in range(2_000):
        assert isinstance(Message.unserialize(cut(SOUND, seed)), Message)
        assert isinstance(Message.unserialize(rng.randbytes(rng.randrange(40))), Message)


def test_a_peer_may_have_any_name():
    """A name that is not UTF-8 is shown escaped; its messages are unreadable."""
    server = Server("127.0.0.1", 0)
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.setsockopt(zmq.IDENTITY, b"\xff\xfe")
    peer.setsockopt(zmq.LINGER, 0)
    peer.connect(f"tcp://127.0.0.1:{server.port}")
    peer.send(SOUND)
    name, found = server.recv_from_client()
    assert (name, found.problem) == (r"\xff\xfe", "the name of its sender is not UTF-8")
    assert server.socket.getsockopt(zmq.MAXMSGSIZE) == MAX_MESSAGE_BYTES
    peer.close()
    server.close(linger=0)
    context.term()
