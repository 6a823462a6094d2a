"""Bytes that are no message of Locust's, made into a message that says so.

Locust lets most of what its decoder raises (rpc/protocol.py: Message.unserialize) out of the greenlet that hears all
peers, which ends with it; after some of it, it handles the message before once more, and a name that is not UTF-8
makes a line of the log (runners.py: client_listener, rpc/zmqrpc.py). The greenlet hears before our `init`, so what it
calls is replaced in the classes.
"""

from typing import Any, Final

import zmq
from locust.exception import RPCError
from locust.rpc import Message

from fleetlm_users.foreign_text import printable
from fleetlm_users.swarm.locust_internals import decode_message, replace_transport

MAX_MESSAGE_BYTES: Final = 64 << 20
"""A day's rows of one worker are 48 MB; decoded, a message takes up to sixty times the memory."""


class UnreadableMessage(Message):
    """Stands for bytes that are no message; `problem` says why not."""

    def __init__(self, problem: str) -> None:
        super().__init__("unreadable", None, None)
        self.problem = problem


def survive_garbage() -> None:
    """From now on whatever this process receives from a peer becomes a message; to be called any number of times.

    ZeroMQ closes a connection on which a message is announced that is too large; that holds for sockets made later.
    """
    replace_transport(_decode, _receive, MAX_MESSAGE_BYTES)


def _decode(data: Any) -> Message:
    try:
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError(f"{len(data):,} bytes; expected at most {MAX_MESSAGE_BYTES:,}")
        return decode_message(data)
    except Exception as problem:  # msgpack and its hooks raise nearly anything
        return UnreadableMessage(f"it is no message of Locust's ({type(problem).__name__}: {printable(problem)})")


def _receive(socket: Any) -> tuple[str, Message]:
    """As Locust's, but a peer's name may be of any bytes: what it sends is then not readable."""
    try:
        name, *frames = socket.recv_multipart()
    except zmq.ZMQError as problem:
        raise RPCError("ZMQ network broken") from problem
    try:
        return name.decode(), _decode(frames[0] if frames else b"")
    except UnicodeDecodeError:
        return name.decode("utf-8", "backslashreplace"), UnreadableMessage("the name of its sender is not UTF-8")
