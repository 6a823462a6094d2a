"""Binary frames of Phoenix's serializer 2.0.0: pushes, replies and broadcasts whose payload is bytes. Pure.

A frame is a kind (one byte), the lengths of its names (one byte each), the names in UTF-8, and the payload to its end:

=========== ===== ======================================= ==================
kind        byte  names                                   who sends it
=========== ===== ======================================= ==================
push        0     join_ref, ref, topic, event             the client
push        0     join_ref, topic, event                  the server
reply       1     join_ref, ref, topic, status            the server
broadcast   2     topic, event                            the server
=========== ===== ======================================= ==================

Sources: phoenix `lib/phoenix/socket/serializers/v2_json_serializer.ex` and `assets/js/phoenix/serializer.js`. An absent
name has length 0.
"""

from typing import Final

from fleetlm_users.errors import FrameError, UsageError
from fleetlm_users.protocol.message import REPLY, Message

PUSH: Final = 0
REPLY_KIND: Final = 1
BROADCAST: Final = 2

MAX_NAME_BYTES: Final = 255
"""A length is one byte, so a name has at most 255."""

_NAMES: Final = {PUSH: 3, REPLY_KIND: 4, BROADCAST: 2}  # of the frames that a server sends


def encode_binary_push(join_ref: str, ref: str, topic: str, event: str, payload: bytes) -> bytes:
    """Return the frame of a client's push. Raise UsageError for a topic or event of more than 255 bytes."""
    names = [name.encode() for name in (join_ref, ref, topic, event)]
    for what, name in zip(("join_ref", "ref", "topic", "event"), names, strict=True):
        if len(name) > MAX_NAME_BYTES:
            accepted = f"at most {MAX_NAME_BYTES} bytes of UTF-8 with a binary payload"
            raise UsageError(f"{what} of a binary push", name.decode(), accepted, "room:lobby")
    return bytes((PUSH, *map(len, names))) + b"".join(names) + payload


def decode_binary(frame: bytes) -> Message:
    """Return the message in a binary frame of a server; a reply's payload is a dict with `status` and `response`.

    Raise FrameError for a frame of another kind, one that is cut, or names that are not UTF-8.
    """
    count = _NAMES.get(frame[0]) if frame else None
    if count is None:
        raise FrameError("a binary frame of no kind that a server sends", frame)
    names, payload = _split(frame, count)
    if frame[0] == PUSH:
        join_ref, topic, event = names
        return Message(join_ref or None, None, topic, event, payload)
    if frame[0] == BROADCAST:
        topic, event = names
        return Message(None, None, topic, event, payload)
    join_ref, ref, topic, status = names
    return Message(join_ref or None, ref or None, topic, REPLY, {"status": status, "response": payload})


def _split(frame: bytes, count: int) -> tuple[list[str], bytes]:
    """Return the names and the bytes that follow them. Raise FrameError."""
    at = 1 + count
    names = []
    for length in frame[1:at]:
        names.append(frame[at : at + length])
        at += length
    if len(frame) < at or len(names) < count:
        raise FrameError("a cut binary frame", frame)
    try:
        return [name.decode() for name in names], frame[at:]
    except UnicodeDecodeError as problem:
        raise FrameError("a name that is not UTF-8", frame) from problem
