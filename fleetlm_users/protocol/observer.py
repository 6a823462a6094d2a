"""A message on its way, and the callbacks by which a conversation reports messages and answers. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

APPENDED_AGAIN: Final = "appended_again"
"""A message that was pushed before came again, under another seq."""

CONTENT_ALTERED: Final = "content_altered"
SEQ_ALTERED: Final = "seq_altered"
SESSION_ALTERED: Final = "session_altered"


class UpperBound(float):
    """The time stamp of bytes that were read with more behind them: they arrived at that moment or earlier."""

    __slots__ = ()


class SentMessage:
    """One message on its way: stamps are monotonic seconds, `phase` is the caller's own mark.

    `content` is the content that its own push must hold; None if it is not compared, or no longer. `is_altered` says
    that a push differed from what was sent, which is reported once.
    """

    __slots__ = (
        *("appended_s", "client_ref", "content", "due_s", "is_altered", "phase"),
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
        self.is_altered = False
        self.ref: str | None = None
        self.seq: int | None = None
        self.appended_s = 0.0
        self.replies = 0
        self.replied_s = 0.0

    def __repr__(self) -> str:
        return f"SentMessage({self.client_ref!r}, seq={self.seq}, replies={self.replies})"

    def first_difference(self, payload: Mapping[str, Any], session_id: str) -> str:
        """Return how a push of this message differs from what was sent and acknowledged.

        Args:
            payload: The push's payload.
            session_id: The session it must name; empty if that is not compared.

        Returns:
            CONTENT_ALTERED, SEQ_ALTERED or SESSION_ALTERED; empty if nothing differs, or a difference was found before.
        """
        if self.content is None or self.is_altered:
            return ""
        if payload.get("content") != self.content:
            difference = CONTENT_ALTERED
        elif self.seq is not None and self.seq != payload["seq"]:
            difference = SEQ_ALTERED
        elif session_id and payload.get("session_id") != session_id:
            difference = SESSION_ALTERED
        else:
            return ""
        self.is_altered = True
        return difference


class StreamObserver(Protocol):
    """The callbacks for the streams of a conversation: one call per fact."""

    def stream_began(self, message: SentMessage | None, done_s: float) -> None:
        """Note the first piece of an answer to this message; None when no message awaits one."""

    def stream_went_on(self, message: SentMessage | None, gap_s: float | None) -> None:
        """Note a further piece, and the time since the one before; None when its arrival time is unknown."""

    def stream_ended(self, message: SentMessage | None, chunks: int, length_s: float | None, *, is_whole: bool) -> None:
        """Note the end of an answer's pieces; unless it is whole, its `message` never came.

        `length_s` is None when the arrival time of its first piece is unknown.
        """

    def anomaly(self, kind: str) -> None:
        """Count an anomaly; here its kind is malformed_chunk."""


class Observer(StreamObserver, Protocol):
    """The callbacks of a conversation: one call per fact.

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
        """Note a `message` broadcast that the protocol is known to repeat: it carries nothing new."""

    def acknowledged(self, message: SentMessage, done_s: float) -> None:
        """Note the ok reply to the message's send, if the protocol has one."""

    def unacknowledged(self, message: SentMessage) -> None:
        """Note that the send of an appended message got no ok reply, if the protocol has one."""

    def unconfirmed(self, message: SentMessage, reason: str) -> None:
        """Take note that the server could not say whether it appended the message."""

    def confirmed(self, message: SentMessage, reason: str) -> None:
        """Take note that the outcome of a message reported as unconfirmed for `reason` is known after all."""

    def resolved(self, message: SentMessage) -> None:
        """Note that a message without a broadcast of its own was appended, because the agent answered it."""

    def anomaly(self, kind: str) -> None:
        """Count an anomaly.

        Its kind is duplicated, out_of_order, seq_jump, agent_unmatched, foreign, unknown_client_ref, appended_again,
        malformed_message, or one of the three kinds of an altered own message.
        """

    def skipped(self, noticed_s: float) -> None:
        """Count a `seq` that was skipped and never came; a later one showed that at `noticed_s`."""
