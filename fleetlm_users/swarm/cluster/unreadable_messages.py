"""Bytes that are not a Locust message, turned into a message that says so.

Locust lets most exceptions of its decoder end the greenlet that receives from all peers. After others it handles the
previous message again, and it logs a line for a sender's name that is not UTF-8.
"""

from typing import Any, Final

import zmq
from locust.exception import RPCError
from locust.rpc import Message

from fleetlm_users.foreign_text import printable
from fleetlm_users.swarm.locust_internals import decode_message, replace_transport

MAX_MESSAGE_BYTES: Final = 64 << 20
"""The largest message: a day's rows of one worker are 48 MB; decoded, a message takes up to sixty times the memory."""


class UnreadableMessage(Message):
    """A message in place of bytes that are not one; `problem` says why."""

    def __init__(self, problem: str) -> None:
        super().__init__("unreadable", None, None)
        self.problem = problem


def survive_garbage() -> None:
    """Turn everything that this process receives from a peer into a message. Safe to call again.

    ZeroMQ closes a connection that announces a message above the limit; this holds for sockets made later.
    """
    replace_transport(_decode, _receive, MAX_MESSAGE_BYTES)


def _decode(data: Any) -> Message:
    try:
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError(f"{len(data):,} bytes; expected at most {MAX_MESSAGE_BYTES:,}")
        return decode_message(data)
    except Exception as problem:  # msgpack and its hooks raise nearly anything
        return UnreadableMessage(f"it is not a Locust message ({type(problem).__name__}: {printable(problem)})")


def _receive(socket: Any) -> tuple[str, Message]:
    """Receive as Locust does, but accept a peer name of any bytes: its message is then unreadable."""
    try:
        name, *frames = socket.recv_multipart()
    except zmq.ZMQError as problem:
        raise RPCError("ZMQ network broken") from problem
    try:
        return name.decode(), _decode(frames[0] if frames else b"")
    except UnicodeDecodeError:
        return name.decode("utf-8", "backslashreplace"), UnreadableMessage("the name of its sender is not UTF-8")
