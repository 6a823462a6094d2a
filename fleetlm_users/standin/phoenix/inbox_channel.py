"""`inbox:<user>`: the snapshot on join and `inbox_delta` pushes; no join is refused, any event crashes it.

Source: FleetLM inbox_channel.ex, as the wire record shows it.
"""

from typing import Any

from fleetlm_users.protocol.message import INBOX_DELTA, INBOX_PREFIX, Message
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.inbox import Inbox
from fleetlm_users.standin.phoenix.channel import Socket


class InboxTopic:
    """One joined inbox topic of one socket."""

    __slots__ = ("_inbox", "_prefix", "_socket", "_suffix", "join_ref", "open", "topic")

    def __init__(self, socket: Socket, inbox: Inbox, topic: str, join_ref: Any) -> None:
        self._socket = socket
        self._inbox = inbox
        self.topic = topic
        self.join_ref = join_ref
        self._prefix, self._suffix = socket.codec.around(join_ref, topic, INBOX_DELTA)
        self.open = True

    def push(self, payload: bytes) -> None:
        """Send one `inbox_delta`."""
        self._socket.send_text(b"%b%b%b" % (self._prefix, payload, self._suffix))

    def push_event(self, event: str, payload: bytes) -> None:
        """Do nothing: an inbox has no other pushes."""

    def push_garbage(self) -> None:
        """Do nothing: faults do not affect inboxes."""

    def flush(self) -> None:
        """Do nothing: the pushes of an inbox are not timed."""

    def handle(self, message: Message) -> bool:
        """Return False, so that the channel crashes: an inbox knows no event."""
        del message
        return False

    def close(self) -> None:
        """Stop listening."""
        self.open = False
        self._inbox.listeners = [other for other in self._inbox.listeners if other is not self]

    def count_leave(self) -> None:
        """Do nothing: leaves are counted per run, and an inbox belongs to none."""


def join(hub: Hub, socket: Socket, topic: str, join_ref: Any, _payload: Any) -> tuple[InboxTopic, Any]:
    """Return the joined channel and its response, the whole inbox."""
    inbox = hub.inboxes.open(topic.removeprefix(INBOX_PREFIX))
    channel = InboxTopic(socket, inbox, topic, join_ref)
    inbox.listeners = [*inbox.listeners, channel]
    return channel, {"inbox": inbox.snapshot()}
