"""One user's inbox over a Phoenix socket: join `inbox:<user>` and pass on what its deltas say about each session."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fleetlm_users.client.phoenix.socket import PhoenixSocket
from fleetlm_users.client.phoenix.types import Joined
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol import message as names

logger = logging.getLogger(__name__)


class InboxChannel:
    """The inbox of a socket's participant; implements the socket's ChannelHandler. `down` says why it is gone.

    A delta is the whole inbox, at most once a second (wire record: inbox). `on_delta(last_activity_at, done_s)` is
    called for each, with the moment of the last activity that it shows, by the id of the session.
    """

    __slots__ = ("_on_anomaly", "_on_delta", "_socket", "down", "topic")

    def __init__(
        self,
        socket: PhoenixSocket,
        on_delta: Callable[[Mapping[str, str], float], None],
        on_anomaly: Callable[[str], None],
    ) -> None:
        self._socket = socket
        self._on_delta = on_delta
        self._on_anomaly = on_anomaly
        self.topic = names.INBOX_PREFIX + socket.participant_id
        self.down: Disconnected | None = None

    def join(self, timeout_s: float) -> Joined:
        """Join the inbox.

        Args:
            timeout_s: The limit for the reply, in seconds.

        Returns:
            The reply, with its stamps in perf_counter seconds.

        Raises:
            JoinRefused: FleetLM answered with an error.
            ReplyTimeout: No reply came in time.
            Disconnected: The socket is not connected, or went down meanwhile.
        """
        return self._socket.join(self.topic, {}, self, timeout_s)

    def leave(self, timeout_s: float) -> None:
        """Leave the inbox within `timeout_s` seconds. Raise ReplyTimeout, PushRefused or Disconnected."""
        self._socket.leave(self.topic, timeout_s)

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take a server push on the topic; called by the socket."""
        entries = payload.get("inbox") if isinstance(payload, dict) else None
        if event != names.INBOX_DELTA or not isinstance(entries, list):
            self._on_anomaly("unknown_event" if event != names.INBOX_DELTA else "malformed_inbox")
            return
        shown: dict[str, str] = {}
        for entry in entries:
            if isinstance(entry, dict):
                session_id, last_activity_at = entry.get("session_id"), entry.get("last_activity_at")
                if isinstance(session_id, str) and isinstance(last_activity_at, str):
                    shown.setdefault(session_id, last_activity_at)
        self._on_delta(shown, done_s)

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Count a reply that nobody awaits as an anomaly, because we push nothing here; called by the socket."""
        del ref, status, response, done_s
        self._on_anomaly("inbox_reply")

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Note why the channel is gone; called once by the socket, unless we ended it ourselves."""
        logger.debug("%s went down at %.6f: %s", self.topic, done_s, down)
        self.down = down
