"""The interfaces between a joined topic and its socket: rules on one side, bytes on the other."""

from typing import Any, Protocol

from fleetlm_users.protocol.message import Message
from fleetlm_users.standin.phoenix.codecs import Codec


class Refused(Exception):
    """A join is answered with status error and this `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Socket(Protocol):
    """One connected participant, as its channels see it."""

    codec: Codec
    participant_id: Any

    def send(self, message: Message) -> None:
        """Send one message."""

    def send_text(self, text: bytes) -> None:
        """Send one text frame."""

    def flush(self) -> None:
        """Give sent bytes to the kernel now."""

    def close(self, code: int) -> None:
        """Close the socket with this WebSocket close code."""


class JoinedTopic(Protocol):
    """A joined topic."""

    topic: str
    join_ref: Any

    def handle(self, message: Message) -> bool:
        """Take a client's event; return False if the channel crashes."""

    def close(self) -> None:
        """Stop listening."""

    def count_leave(self) -> None:
        """Count that the client left on its own."""
