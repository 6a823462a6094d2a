"""The values that a caller exchanges with a Phoenix socket: options, results, the handler of a joined topic."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from fleetlm_users.client.net.connector import Connector
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol.profile import EARLY


class SocketOptions(msgspec.Struct, frozen=True):
    """The options of a socket; times in seconds.

    `heartbeat_s` is the interval of the process's one `Heartbeats`. `log_frames(direction, frame)` gets every text
    frame, direction ">" to and "<" from the server. All sockets of a run share one `connector`, which knows the
    server's address. `user_parameter` is the URL's query parameter for the participant, empty if there is none.
    `headers` are lines of the upgrade request, besides those that every WebSocket has.
    """

    connect_timeout_s: float = 10.0
    send_timeout_s: float = 10.0
    heartbeat_s: float = 30.0
    max_message_bytes: int = 8 * 1024 * 1024
    log_frames: Callable[[str, bytes | str], None] | None = None
    connector: Connector = msgspec.field(default_factory=Connector)
    user_parameter: str = EARLY.user_parameter
    headers: tuple[str, ...] = ()


class Sent(NamedTuple):
    """A push that was written; `sent_s` (perf_counter seconds) was taken just before the write."""

    ref: str
    sent_s: float


class PushReply(msgspec.Struct, frozen=True):
    """The ok reply to an awaited push."""

    status: str
    response: Any
    sent_s: float
    done_s: float


class Joined(msgspec.Struct, frozen=True):
    """The ok reply to a join; FleetLM's response holds the replayed messages."""

    response: Any
    join_ref: str
    sent_s: float
    done_s: float


class ChannelHandler(Protocol):
    """The callbacks of a joined topic, called from the socket's reader: they must not block. `done_s` is in
    perf_counter seconds.
    """

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a message from the server that answers no push."""

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take a reply to a push that nobody awaits, such as to a `send`."""

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Note that phx_error, phx_close or the socket's end ended the topic; called once per join, not after our own
        leave.
        """
