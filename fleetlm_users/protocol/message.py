"""Phoenix v2 messages: their five parts, the protocol's own events, and the JSON frames that carry them.

A frame is the array `[join_ref, ref, topic, event, payload]`; as in Phoenix, further elements are ignored.

Sources: phoenix `lib/phoenix/socket/serializers/v2_json_serializer.ex` (the array; `decode_text` matches five or more
elements) and `assets/js/phoenix/constants.js` (event names).
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from fleetlm_users.errors import FrameError

JOIN: Final = "phx_join"
LEAVE: Final = "phx_leave"
REPLY: Final = "phx_reply"
ERROR: Final = "phx_error"
CLOSE: Final = "phx_close"
HEARTBEAT: Final = "heartbeat"
PHOENIX_TOPIC: Final = "phoenix"

SEND: Final = "send"
MESSAGE: Final = "message"
BACKPRESSURE: Final = "backpressure"
INBOX_DELTA: Final = "inbox_delta"
STREAM_CHUNK: Final = "stream_chunk"

SESSION_PREFIX: Final = "session:"
INBOX_PREFIX: Final = "inbox:"


class Message(NamedTuple):
    """One Phoenix message; the server echoes `join_ref` and `ref` as sent, and a broadcast has ref None."""

    join_ref: Any
    ref: Any
    topic: Any
    event: Any
    payload: Any


PARTS = 5


def encode(message: Message) -> bytes:
    """Return the UTF-8 JSON text of one frame."""
    return encode_parts(*message)


def encode_parts(join_ref: Any, ref: Any, topic: Any, event: Any, payload: Any) -> bytes:
    """Return the same as `encode`, for the hot path: a Message would be built only to be unpacked again."""
    return orjson.dumps((join_ref, ref, topic, event, payload))


def decode(frame: str | bytes) -> Message:
    """Return the message in one text frame.

    Raise FrameError when the text is not JSON or not an array of at least five elements.
    """
    try:
        return message_of(parts_of(frame), frame)
    except ValueError as problem:  # orjson.JSONDecodeError is a ValueError
        raise FrameError(str(problem), frame) from problem


parts_of: Final[Callable[[str | bytes], Any]] = orjson.loads
"""Return what a text frame holds, and raise ValueError when it is not JSON; a direct reference, for the hot path."""


def message_of(parts: Any, frame: str | bytes) -> Message:
    """Return a decoded frame as a message. Raise FrameError unless it is an array of at least five elements."""
    if type(parts) is not list or len(parts) < PARTS:
        raise FrameError("not an array of five", frame)
    return tuple.__new__(Message, parts if len(parts) == PARTS else parts[:PARTS])  # _make would count them again
