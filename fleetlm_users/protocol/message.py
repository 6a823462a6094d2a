"""The five parts of a Phoenix v2 message and the names of the protocol's own events.

Source: phoenix `lib/phoenix/socket/serializers/v2_json_serializer.ex` (order of the array) and
`assets/js/phoenix/constants.js` (event names).

Phoenix v2 JSON frames: `[join_ref, ref, topic, event, payload]`, a pure pair of functions.

Source: phoenix `v2_json_serializer.ex`: `decode_text` matches an array of five or more elements and ignores the rest.
"""

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

SESSION_PREFIX: Final = "session:"
INBOX_PREFIX: Final = "inbox:"


class Message(NamedTuple):
    """One Phoenix message; the server echoes `join_ref` and `ref` as they were sent, a broadcast has ref None."""

    join_ref: Any
    ref: Any
    topic: Any
    event: Any
    payload: Any


PARTS = 5


def encode(message: Message) -> bytes:
    """The UTF-8 JSON text of one frame."""
    return encode_parts(*message)


def encode_parts(join_ref: Any, ref: Any, topic: Any, event: Any, payload: Any) -> bytes:
    """As `encode`, for the hot path: a Message would be made only to be taken apart again."""
    return orjson.dumps((join_ref, ref, topic, event, payload))


def decode(frame: str | bytes) -> Message:
    """The message in one text frame.

    Raises FrameError when the text is not JSON or not an array of at least five elements.
    """
    try:
        parts = orjson.loads(frame)
    except ValueError as problem:  # orjson.JSONDecodeError is a ValueError
        raise FrameError(str(problem), frame) from problem
    if type(parts) is not list or len(parts) < PARTS:
        raise FrameError("not an array of five", frame)
    return tuple.__new__(Message, parts if len(parts) == PARTS else parts[:PARTS])  # _make would count them again
