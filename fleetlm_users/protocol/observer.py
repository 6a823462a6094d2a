"""A message on its way, and what a conversation tells its observer about messages and answers. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

CONTENT_ALTERED: Final = "content_altered"
SEQ_ALTERED: Final = "seq_altered"
SESSION_ALTERED: Final = "session_altered"


class UpperBound(float):
    """The stamp of bytes behind which more had arrived when they were read: they came at that moment or before it."""

    __slots__ = ()


class SentMessage:
    """One message on its way: stamps are monotonic seconds, `phase` is the caller's own mark.

    `content` is what its own push must hold; None where that is not compared, as after the first difference.
    """

    __slots__ = (
        *("appended_s", "client_ref", "content", "due_s", "phase"),
        *("ref", "replied_s", "replies", "sent_s", "seq"),
    )

    def __init__(
        self, client_ref: str, due_s: float, sent_s: float, phase: str, content: Mapping[str, Any] | None = None
    ) -> None:
        self.client_ref = client_ref
        self.due_s = due_s
        self.sent_s = sent_s
        self.phase = phase
        self.content = content
        self.ref: str | None = None
        self.seq: int | None = None
        self.appended_s = 0.0
        self.replies = 0
        self.replied_s = 0.0

    def __repr__(self) -> str:
        return f"SentMessage({self.client_ref!r}, seq={self.seq}, replies={self.replies})"


class StreamObserver(Protocol):
    """What the streams of a conversation call, once per fact."""

    def stream_began(self, message: SentMessage | None, done_s: float) -> None:
        """Take note of the first piece of an answer, to this message; None when none is awaited."""

    def stream_went_on(self, message: SentMessage | None, gap_s: float | None) -> None:
        """Take note of a further piece, and of the time since the one before; None when its arrival is not known."""

    def stream_ended(self, message: SentMessage | None, chunks: int, length_s: float | None, *, is_whole: bool) -> None:
        """Take note of the end of an answer's pieces, or, unless it is whole, that its `message` never came.

        `length_s` is None when the arrival of its first piece is not known.
        """

    def anomaly(self, kind: str) -> None:
        """Count an anomaly; here its kind is malformed_chunk."""


class Observer(StreamObserver, Protocol):
    """What a conversation calls, once per fact.

    Each sent message ends in exactly one of appended, resolved, rejected, unconfirmed, lost or left_in_flight;
    `unrejected` takes a presumed rejection back (see Conversation.backpressure), `confirmed` an unconfirmed outcome.
    """

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """Take a `message` broadcast, of any sender."""

    def appended(self, message: SentMessage, done_s: float) -> None:
        """Take note that the message's own broadcast came back."""

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """Take note that the server refused the message."""

    def unrejected(self, message: SentMessage, reason: str) -> None:
        """Take note that a message reported as rejected for `reason` was appended after all."""

    def lost(self, message: SentMessage, reason: str) -> None:
        """Take note that nothing came back for the message within the reply timeout, or that the socket died."""

    def left_in_flight(self, message: SentMessage) -> None:
        """Take note that the conversation ended before the message's time was up."""

    def replied(self, message: SentMessage, done_s: float) -> None:
        """Take note of the first agent message that answers this one."""

    def unanswered(self, message: SentMessage, reason: str) -> None:
        """Take note that no agent message answered this appended one in time."""

    def backpressure(self, reason: str) -> None:
        """Take note of a `backpressure` push."""

    def repeated(self, payload: dict[str, Any], done_s: float) -> None:
        """Take a `message` broadcast that the protocol is known to send once more: it says nothing new."""

    def acknowledged(self, message: SentMessage, done_s: float) -> None:
        """Take note of the ok reply to the message's send, where the protocol has one."""

    def unacknowledged(self, message: SentMessage) -> None:
        """Take note that the send of an appended message got no ok reply, where the protocol replies."""

    def unconfirmed(self, message: SentMessage, reason: str) -> None:
        """Take note that the server could not say whether it appended the message."""

    def confirmed(self, message: SentMessage, reason: str) -> None:
        """Take note that the outcome of a message reported as unconfirmed for `reason` is known after all."""

    def resolved(self, message: SentMessage) -> None:
        """Take note that a message without a broadcast of its own was appended, as the agent answered it."""

    def anomaly(self, kind: str) -> None:
        """Count an anomaly.

        Its kind is duplicated, out_of_order, seq_jump, agent_unmatched, foreign, unknown_client_ref,
        malformed_message, or one of the three by which an own message can be altered.
        """

    def skipped(self, noticed_s: float) -> None:
        """Count a `seq` that was skipped and never came; a later one had shown it at `noticed_s`."""
