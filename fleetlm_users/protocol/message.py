"""The five parts of a Phoenix v2 message and the names of the protocol's own events.

Source: phoenix `lib/phoenix/socket/serializers/v2_json_serializer.ex` (order of the array) and
`assets/js/phoenix/constants.js` (event names).
"""

from typing import Any, Final, NamedTuple

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
