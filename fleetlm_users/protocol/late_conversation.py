"""A joined session of the late chat protocol (FleetLM 390d98c to 0b7208e) as its user sees it. Pure.

Differences from the early protocol, all seen on a running server (late wire record: "The essentials"):

- A `send` is acknowledged by its reply, `{"seq": n}`. The sender's own `message` push follows, or comes first.
- Each message sent over a WebSocket is pushed twice, with the same seq. A third push is a duplicate.
- Pushes come in any order, and an answer may come before the push of the message that it answers.
- The reply `{"error": "timeout"}` leaves the outcome open: the append still happens, but its push never comes.
- An answer streams in as `stream_chunk` pushes before its `message`.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, takewhile
from typing import Any, ClassVar, Final

from fleetlm_users.protocol.answer_streams import AnswerStreams
from fleetlm_users.protocol.connection import OK
from fleetlm_users.protocol.conversation import Conversation, reason_of
from fleetlm_users.protocol.message import STREAM_CHUNK
from fleetlm_users.protocol.observer import SEQ_ALTERED, Observer, SentMessage

ANSWER: Final = "assistant"
"""The kind of an answer to a webhook, which is pushed once; a message the agent sends over a socket is pushed twice."""

TERMINATION: Final = "termination"
"""The metadata that the server gives an answer to a webhook (late wire record)."""

BROKEN_OFF: Final = "broken_off"
"""The cause when an answer broke off midway, as the first piece of the next answer shows."""

TIMEOUT: Final = "timeout"
"""The error for an append that the storage did not confirm within 2 s; the append happens all the same."""

MAX_EARLY_REPLIES: Final = 64
"""The most replies held for pushes not yet known; each write in progress has at most one, any more are garbage."""

UNAWAITED_REPLY: Final = "unawaited_reply"
"""An anomaly: a reply to no send that awaits one, as it is a second one or came after the timeout."""

MAX_PUSHED_ONCE: Final = 10_000
"""The most messages whose second push is still expected; beyond it the oldest are given up."""

PUSH_FOLLOWS_S: Final = 2.0
"""A push is queued before the reply to its send (late wire record), so this long after the reply it will never come."""

NOT_PUSHED: Final = "not_pushed"
"""The cause when an acknowledged message was neither pushed nor answered in time, or an answer streamed to its end but
was not pushed.
"""


class LateConversation(Conversation):
    """The state of one session from join to leave in the late protocol.

    A message is open until its own push arrives; one with an open outcome, until the agent's answer. The agent answers
    a session's messages one after the other, by seq; that is how its answers are matched.
    """

    IS_ORDERED: ClassVar[bool] = False

    __slots__ = ("_by_ref", "_early_replies", "_pushed_once", "_streams", "_unconfirmed", "_unpushed")

    def __init__(  # noqa: PLR0913  # whose session it is and what is awaited, each under its own name
        self,
        participant_id: str,
        agent_id: str,
        observer: Observer,
        *,
        reply_timeout_s: float,
        agent_replies: int | None = 1,
        session_id: str = "",
    ) -> None:
        super().__init__(
            participant_id,
            agent_id,
            observer,
            reply_timeout_s=reply_timeout_s,
            agent_replies=agent_replies,
            session_id=session_id,
        )
        self._by_ref: dict[str, SentMessage] = {}
        self._early_replies: dict[str, tuple[str, Any, float]] = {}
        self._pushed_once: dict[int, SentMessage | None] = {}
        self._unconfirmed: dict[str, SentMessage] = {}
        self._unpushed = 0
        self._streams = AnswerStreams(observer, self._missed)

    def sent(self, message: SentMessage, ref: str, sent_s: float) -> None:
        """Add the push's ref, and the moment just before its bytes were given to the socket."""
        super().sent(message, ref, sent_s)
        self._by_ref[ref] = message
        early = self._early_replies.pop(ref, None) if self._early_replies else None
        if early is not None:
            self.reply(ref, *early)

    def message(self, payload: Any, done_s: float) -> None:
        """Take one `message` push; the second push of a message has no effect."""
        seq = payload.get("seq") if type(payload) is dict else None
        if type(seq) is not int:
            self._observer.anomaly("malformed_message")
            return
        if seq in self._pushed_once:
            pushed = self._pushed_once.pop(seq)
            if pushed is not None:
                self._compare(pushed, payload)
                pushed.content = None
                self._seen(pushed, done_s)
            self._observer.repeated(payload, done_s)
            return
        if seq in self._replayed:  # joined between the append and its pushes
            self._expect_second_push(seq, None)
        self._first_push(payload, done_s)

    def reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take the reply to a `send`: the acknowledgement, a refusal, or an open outcome."""
        message = self._by_ref.pop(ref, None)
        if message is None:
            if len(self._early_replies) < MAX_EARLY_REPLIES:
                self._early_replies[ref] = (status, response, done_s)
            else:
                self._observer.anomaly(UNAWAITED_REPLY)
        elif status == OK:
            self._acknowledged(message, response, done_s)
        elif message.client_ref not in self._pending:
            self._observer.anomaly("refused_after_push")
            if message.appended_s:
                self._observer.unacknowledged(message)
        elif _error_of(response) == TIMEOUT:
            self._leave_open(message, done_s)
        else:
            del self._pending[message.client_ref]
            self._observer.rejected(message, reason_of(response), done_s)

    def event(self, name: str, payload: Any, done_s: float) -> None:
        """Take a push of any event other than `message`."""
        if name == STREAM_CHUNK:
            self._streams.chunk(payload, self._awaiting, done_s)
        else:
            self._observer.anomaly("unknown_event")

    def expire(self, now_s: float) -> None:
        """Give up on messages older than the reply timeout, as lost or unanswered; for callers that go on sending."""
        for message in list(self._overdue(now_s, self._pending)):
            self._note_missing_push(message, now_s)
            self._give_up(message, NOT_PUSHED if message.appended_s else TIMEOUT)
        self._expire_agent(now_s)
        for message in list(self._overdue(now_s, self._by_ref)):
            self._give_up_on_reply(message)

    def down(self, reason: str) -> None:
        """End the conversation: what was acknowledged is appended, the rest of what is in flight lost."""
        for message in list(self._pending.values()):
            self._end_pending(message, lambda message: self._observer.lost(message, reason))
        self._by_ref.clear()
        self._give_up_on_agent(reason)
        self._streams.close(is_left=not self._agent_replies)
        self._note_gaps()

    def close(self, now_s: float, *, has_left: bool = False) -> None:
        """End the conversation: what was acknowledged is appended, the rest of what is in flight is left so.

        The server's process of the session pushes and confirms the leave in the order in which it got to them. So an
        acknowledged message whose push has not come is missing it only if the server confirmed the leave (`has_left`).
        """
        self.expire(now_s)
        for message in list(self._pending.values()):
            if has_left:
                self._note_missing_push(message, now_s)
            self._end_pending(message, self._observer.left_in_flight)
        for message in list(self._by_ref.values()):
            self._give_up_on_reply(message)
        self._give_up_on_agent("ended")
        self._streams.close(is_left=not self._agent_replies)
        self._note_gaps()

    def _seen(self, message: SentMessage, done_s: float) -> None:
        """Let the agent's time count from this sign of its message, the last one before the answer so far.

        Reply and pushes often arrive in one read, and then only the arrival of its last frame is known.
        """
        if not message.replies:
            message.appended_s = done_s

    def _expect_second_push(self, seq: int, message: SentMessage | None) -> None:
        """Expect one more push of this seq: the second one of a message sent over a WebSocket."""
        if len(self._pushed_once) >= MAX_PUSHED_ONCE:
            del self._pushed_once[next(iter(self._pushed_once))]
        self._pushed_once[seq] = message

    def _foreign(self, payload: dict[str, Any]) -> None:
        self._expect_second_push(payload["seq"], None)
        super()._foreign(payload)

    def _acknowledged(self, message: SentMessage, response: Any, done_s: float) -> None:
        seq = response.get("seq") if isinstance(response, dict) else None
        if type(seq) is not int:
            self._observer.anomaly("malformed_reply")
        self._observer.acknowledged(message, done_s)
        if not message.appended_s:
            message.seq = seq if type(seq) is int else None
            self._await_agent(message, done_s)
        elif type(seq) is int and not message.is_altered and message.seq not in (None, seq):
            message.is_altered = True
            self._observer.anomaly(SEQ_ALTERED)

    def _leave_open(self, message: SentMessage, done_s: float) -> None:
        """Keep a message whose outcome the server could not state: the agent may still answer it."""
        del self._pending[message.client_ref]
        self._unconfirmed[message.client_ref] = message
        self._unpushed += 1
        self._await_agent(message, done_s)
        self._observer.unconfirmed(message, TIMEOUT)

    def _confirm(self, message: SentMessage) -> None:
        """Settle an open outcome: the message was appended although its send got no ok reply."""
        self._observer.confirmed(message, TIMEOUT)
        self._observer.unacknowledged(message)

    def _await_agent(self, message: SentMessage, since_s: float) -> None:
        """Await the agent's answer, in order of sending: the agent is asked in order of seq."""
        message.appended_s = since_s
        if not self._agent_replies:
            return
        place = len(self._awaiting)
        while place and self._awaiting[place - 1].sent_s > message.sent_s:
            place -= 1
        self._awaiting.insert(place, message)

    def _own(self, client_ref: str, payload: dict[str, Any], done_s: float) -> None:
        seq: int = payload["seq"]
        message = self._pending.pop(client_ref, None)
        if message is None:
            message = self._unconfirmed.pop(client_ref, None)
            if message is not None:
                self._unpushed -= 1
                self._confirm(message)
        self._expect_second_push(seq, message)
        if message is None:
            self._unknown(client_ref)
            return
        self._shown += 1
        self._last_ref = client_ref
        self._compare(message, payload)
        message.seq = seq
        if not message.appended_s:
            self._await_agent(message, done_s)
        self._seen(message, done_s)
        self._observer.appended(message, done_s)
        if message.replies:
            self._observer.replied(message, message.replied_s)

    def _agent(self, payload: dict[str, Any], done_s: float) -> None:
        metadata = payload.get("metadata")
        if payload.get("kind") != ANSWER or type(metadata) is not dict or TERMINATION not in metadata:
            self._expect_second_push(payload["seq"], None)
        self._streams.message()
        super()._agent(payload, done_s)

    def _missed(self, message: SentMessage | None, is_finished: bool) -> None:
        """Stop awaiting an answer that broke off or was not pushed: the next one is to the next message."""
        if message is not None and self._awaiting and self._awaiting[0] is message:
            self._awaiting.popleft()
            self._unanswered(message, NOT_PUSHED if is_finished else BROKEN_OFF)

    def _answered(self, message: SentMessage, done_s: float) -> None:
        """Take the first answer to a message, which may settle its outcome; for a pending message it counts once that
        is pushed.
        """
        if self._unconfirmed.pop(message.client_ref, None) is not None:
            self._confirm(message)
            self._observer.resolved(message)
        elif message.client_ref not in self._pending:
            super()._answered(message, done_s)

    def _overdue(self, now_s: float, messages: Mapping[str, SentMessage]) -> Iterator[SentMessage]:
        """Yield the messages older than the reply timeout, in order of sending."""
        return takewhile(lambda message: now_s - message.sent_s >= self._reply_timeout_s, messages.values())

    def _give_up(self, message: SentMessage, cause: str) -> None:
        if message.replies:
            self._end_pending(message, self._observer.left_in_flight)
            return
        del self._pending[message.client_ref]
        if message in self._awaiting:  # unless its answer has already been missed
            self._awaiting.remove(message)
        self._observer.lost(message, cause)

    def _note_missing_push(self, message: SentMessage, now_s: float) -> None:
        """Report an acknowledged message whose push is long overdue: no rate of messages shows it."""
        if message.appended_s and now_s - message.appended_s >= PUSH_FOLLOWS_S:
            self._observer.anomaly("not_pushed")

    def _give_up_on_reply(self, message: SentMessage) -> None:
        """Stop expecting a reply to a send; if its message was appended, that reply is missing."""
        self._by_ref.pop(message.ref or "", None)
        if message.appended_s:
            self._observer.unacknowledged(message)

    def _end_pending(self, message: SentMessage, unless_acknowledged: Callable[[SentMessage], None]) -> None:
        """Decide the fate of a message without a push of its own: appended if the server said so or the agent
        answered.
        """
        del self._pending[message.client_ref]
        if message.appended_s:
            self._observer.resolved(message)
        else:
            unless_acknowledged(message)

    def _unanswered(self, message: SentMessage, reason: str) -> None:
        """Report a missing answer, except to a message whose outcome is open or already reported."""
        if self._unconfirmed.pop(message.client_ref, None) is None and message.client_ref not in self._pending:
            super()._unanswered(message, reason)

    def _end_early_replies(self) -> None:
        """Report the replies that turned out to be to no send: a second one to a send, or one after the timeout."""
        for _ in self._early_replies:
            self._observer.anomaly(UNAWAITED_REPLY)
        self._early_replies.clear()

    def _note_gaps(self) -> None:
        """Report the seqs that were never pushed, less one for each reply `timeout`: those are never pushed."""
        self._end_early_replies()
        for seq in list(islice(self._missing, self._unpushed)):
            del self._missing[seq]
        self._unpushed = 0
        super()._note_gaps()


def _error_of(response: Any) -> Any:
    return response.get("error") if isinstance(response, dict) else None
