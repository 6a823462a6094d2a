"""One joined session as its user sees it: which broadcast, reply or refusal answers which message.

Pure: time stamps are passed in.

FleetLM gives a successful `send` no reply; the sender's own `message` broadcast, recognised by `content.client_ref`,
shows that a message was appended. Agent messages answer appended ones first in, first out: the history an agent
receives is unreliable, and so is an echoed client_ref (wire record: "burst of 12 sends").
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from fleetlm_users.foreign_text import reason as kind_of
from fleetlm_users.protocol.message import BACKPRESSURE
from fleetlm_users.protocol.observer import APPENDED_AGAIN, Observer, SentMessage

REPLAY_LIMIT = 100
"""A join replays at most this many messages, so after a full replay the newest seq is unknown (wire record)."""

MAX_GAP = 10_000
"""The largest jump of seq counted as missing messages. A larger one is garbage, so memory stays bounded."""

MAX_PRESUMED = 1_000
"""The most presumed refusals that may still turn out to be appended; beyond it the oldest become final."""

UNCOUNTED = 1 << 62
"""Stands for the number of sent messages if it is not known: any own push may belong to one of them."""

MAX_EARLY_REFUSALS = 64
"""The most error replies held for pushes not yet known; each write in progress has at most one, any more are
garbage.
"""


class Conversation:
    """The state of one session from join to leave; `observer` is called for everything that happens to its messages.

    `agent_replies` is how many messages the agent sends in answer to each; None means that it is not followed.
    `session_id` is the id that the user's own pushes must name; if empty, it is not compared.
    """

    IS_ORDERED: ClassVar[bool] = True
    """Whether the server pushes the messages of a session in the order of their seq."""

    __slots__ = (
        "_agent_id",
        "_agent_replies",
        "_awaiting",
        "_early_refusals",
        "_last_ref",
        "_missing",
        "_next_seq",
        "_observer",
        "_opened",
        "_participant_id",
        "_pending",
        "_presumed",
        "_replayed",
        "_reply_timeout_s",
        "_session_id",
        "_shown",
    )

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
        self._participant_id = participant_id
        self._agent_id = agent_id
        self._observer = observer
        self._reply_timeout_s = reply_timeout_s
        self._agent_replies = agent_replies
        self._session_id = session_id
        self._pending: dict[str, SentMessage] = {}
        self._opened = 0
        self._shown = 0
        self._last_ref = ""
        self._presumed: dict[str, tuple[SentMessage, str]] = {}
        self._awaiting: deque[SentMessage] = deque()
        self._early_refusals: dict[str, tuple[str, float]] = {}
        self._next_seq: int | None = 1
        self._missing: dict[int, float] = {}
        self._replayed: set[int] = set()

    def __repr__(self) -> str:
        return f"Conversation(pending={len(self._pending)}, awaiting={len(self._awaiting)}, next_seq={self._next_seq})"

    @property
    def settled(self) -> bool:
        """True once every message sent has its fate, and every appended one its agent reply."""
        return not self._pending and not self._awaiting

    @property
    def in_flight(self) -> int:
        """The number of messages sent whose fate is still unknown."""
        return len(self._pending)

    def patience_ends_s(self) -> float:
        """Return when the newest open wait runs out: its start plus the reply timeout; 0.0 when all is settled."""
        starts = [message.sent_s for message in self._pending.values()]
        starts += [message.appended_s for message in self._awaiting]
        return max(starts) + self._reply_timeout_s if starts else 0.0

    def first_expiry_s(self) -> float:
        """Return when the oldest open wait runs out: its start plus the reply timeout; infinity when all is settled."""
        began_s = next(iter(self._pending.values())).sent_s if self._pending else math.inf
        if self._awaiting:
            began_s = min(began_s, self._awaiting[0].appended_s)
        return began_s + self._reply_timeout_s

    def is_open(self, message: SentMessage) -> bool:
        """Return whether the message still awaits its fate or its agent reply."""
        return not self.is_over(message)

    def is_over(self, message: SentMessage) -> bool:
        """Return whether the message has its fate, and its agent reply if one is due. Called after each frame."""
        return message.client_ref not in self._pending and message not in self._awaiting

    def joined(self, replay: Iterable[Any], last_seq: int = 0, *, again: bool = False) -> None:
        """Take the replay in the join reply: its messages are not counted when they are pushed as well.

        `last_seq` is the seq up to which the client had all messages before it joined. `again` says that the session
        was joined before: what was sent then may still be pushed.
        """
        if again:
            self._opened = UNCOUNTED
        seqs: set[int] = set()
        for message in replay:
            seq = message.get("seq") if isinstance(message, dict) else None
            if type(seq) is int:
                seqs.add(seq)
            else:
                self._observer.anomaly("malformed_message")
        self._replayed = seqs
        self._next_seq = None if len(seqs) >= REPLAY_LIMIT else max(seqs | {last_seq}) + 1

    def sending(
        self, client_ref: str, due_s: float, now_s: float, phase: str, content: Mapping[str, Any] | None = None
    ) -> SentMessage:
        """Open a message before its bytes are written, so that no answer can arrive too early to be recognised.

        Its own push is compared with `content`, unless that is None.
        """
        self._opened += 1
        message = SentMessage(client_ref, due_s, now_s, phase, content)
        self._pending[client_ref] = message
        return message

    def sent(self, message: SentMessage, ref: str, sent_s: float) -> None:
        """Add the push's ref, and the moment just before its bytes were given to the socket."""
        message.ref = ref
        if not message.appended_s:
            message.sent_s = sent_s
        if self._early_refusals:
            refusal = self._early_refusals.pop(ref, None)
            if refusal is not None:
                self._refused(ref, *refusal)

    def unsent(self, message: SentMessage) -> None:
        """Forget a message whose write failed: it was never sent."""
        self._pending.pop(message.client_ref, None)

    def message(self, payload: Any, done_s: float) -> None:
        """Take one `message` broadcast."""
        if type(payload) is not dict or type(payload.get("seq")) is not int:
            self._observer.anomaly("malformed_message")
            return
        self._first_push(payload, done_s)

    def _first_push(self, payload: dict[str, Any], done_s: float) -> None:
        self._observer.received(payload, done_s)
        seq = payload["seq"]
        if seq == self._next_seq:  # as _is_new, but without a call for nearly every push
            self._next_seq = seq + 1
        elif not self._is_new(seq, done_s):
            return
        sender_id = payload.get("sender_id")
        if sender_id == self._participant_id:
            content = payload.get("content")
            client_ref = content.get("client_ref") if type(content) is dict else None
            self._own(client_ref if type(client_ref) is str else "", payload, done_s)
        elif sender_id == self._agent_id:
            self._agent(payload, done_s)
        else:
            self._foreign(payload)

    def reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Take a phx_reply to a `send`: in practice only errors come (wire record: "malformed sends")."""
        if status == "error":
            self._refused(ref, reason_of(response), done_s)

    def backpressure(self, payload: Any, done_s: float) -> None:
        """Take a `backpressure` push.

        It names no message, so the oldest one in flight is presumed refused. If its broadcast arrives after all, the
        presumption moves to the next.
        """
        reason = reason_of(payload)
        self._observer.backpressure(reason)
        self._presume_refused(f"backpressure: {reason}", done_s)

    def expire(self, now_s: float) -> None:
        """Give up on messages older than the reply timeout, as lost or unanswered; for callers that go on sending."""
        while self._pending:
            message = next(iter(self._pending.values()))  # in order of sending, so the oldest
            if now_s - message.sent_s < self._reply_timeout_s:
                break
            del self._pending[message.client_ref]
            self._observer.lost(message, "timeout")
        self._expire_agent(now_s)

    def down(self, reason: str) -> None:
        """Count messages in flight as lost and those awaiting the agent as unanswered: the channel or socket is
        gone.
        """
        for message in self._pending.values():
            self._observer.lost(message, reason)
        self._pending.clear()
        self._give_up_on_agent(reason)
        self._note_gaps()

    def close(self, now_s: float, *, has_left: bool = False) -> None:
        """End the conversation: a message older than the reply timeout is lost, a newer one is left in flight.

        `has_left` says that the server confirmed the leave of the topic, so all its pushes have come.
        """
        del has_left
        self.expire(now_s)
        for message in self._pending.values():
            self._observer.left_in_flight(message)
        self._pending.clear()
        self._give_up_on_agent("ended")
        self._note_gaps()

    def event(self, name: str, payload: Any, done_s: float) -> None:
        """Take a push of any other event than `message`."""
        if name == BACKPRESSURE:
            self.backpressure(payload, done_s)
        else:
            self._observer.anomaly("unknown_event")

    def _is_new(self, seq: int, done_s: float) -> bool:
        """Follow `seq`, which numbers a session's messages from 1 without gaps; return False for a duplicate."""
        if self._next_seq is None or seq == self._next_seq:
            self._next_seq = seq + 1
            return True
        if seq - self._next_seq > MAX_GAP - len(self._missing):
            self._observer.anomaly("seq_jump")
            return True
        if seq > self._next_seq:
            self._missing.update(dict.fromkeys(range(self._next_seq, seq), done_s))
            self._next_seq = seq + 1
            return True
        if seq in self._missing:
            del self._missing[seq]
            if self.IS_ORDERED:
                self._observer.anomaly("out_of_order")
            return True
        if seq in self._replayed:
            self._replayed.remove(seq)
        else:
            self._observer.anomaly("duplicated")
        return False

    def _own(self, client_ref: str, payload: dict[str, Any], done_s: float) -> None:
        """Take one of this participant's own messages; `client_ref` is empty if it has none."""
        message = self._pending.pop(client_ref, None)
        if message is None:
            message = self._take_back_presumption(client_ref, done_s)
        if message is None:
            self._unknown(client_ref)
            return
        self._shown += 1
        self._last_ref = client_ref
        self._compare(message, payload)
        message.content = None  # compared: it need not be kept while the agent is awaited
        message.seq = payload["seq"]
        message.appended_s = done_s
        if self._agent_replies:
            self._awaiting.append(message)
        self._observer.appended(message, done_s)

    def _unknown(self, client_ref: str) -> None:
        """Report an own push that belongs to no open message.

        If a sent message has neither been pushed nor is open, the push may be that one, late. Otherwise a ref of this
        session, which has the same stem before its number as the others, belongs to a message that was pushed before.
        """
        stem, hyphen, _ = client_ref.rpartition("-")
        if self._shown + len(self._pending) < self._opened:
            self._shown += 1
        elif hyphen and self._last_ref.rpartition("-")[0] == stem:
            self._observer.anomaly(APPENDED_AGAIN)
            return
        self._observer.anomaly("unknown_client_ref")

    def _compare(self, message: SentMessage, payload: dict[str, Any]) -> None:
        """Compare a push of a message with what was sent and acknowledged; report only the first difference."""
        difference = message.first_difference(payload, self._session_id)
        if difference:
            self._observer.anomaly(difference)

    def _refused(self, ref: str, reason: str, done_s: float) -> None:
        message = next((m for m in self._pending.values() if m.ref == ref), None)
        if message is None:
            if len(self._early_refusals) < MAX_EARLY_REFUSALS:
                self._early_refusals[ref] = (reason, done_s)
            return
        del self._pending[message.client_ref]
        self._observer.rejected(message, reason, done_s)

    def _foreign(self, payload: dict[str, Any]) -> None:
        """Take a message from somebody who is neither this participant nor its agent."""
        del payload
        self._observer.anomaly("foreign")

    def _presume_refused(self, reason: str, done_s: float) -> None:
        if not self._pending:
            return
        if len(self._presumed) >= MAX_PRESUMED:
            del self._presumed[next(iter(self._presumed))]
        client_ref = next(iter(self._pending))
        message = self._pending.pop(client_ref)
        self._presumed[client_ref] = (message, reason)
        self._observer.rejected(message, reason, done_s)

    def _take_back_presumption(self, client_ref: str, done_s: float) -> SentMessage | None:
        """Return the presumed refusal that was appended after all; the next message in flight takes its place."""
        presumed = self._presumed.pop(client_ref, None)
        if presumed is None:
            return None
        message, reason = presumed
        self._observer.unrejected(message, reason)
        self._presume_refused(reason, done_s)
        return message

    def _agent(self, payload: dict[str, Any], done_s: float) -> None:
        del payload
        if self._agent_replies is None:
            return
        self._expire_agent(done_s)
        if not self._awaiting:
            self._observer.anomaly("agent_unmatched")
            return
        message = self._awaiting[0]
        message.replies += 1
        if message.replies >= self._agent_replies:
            self._awaiting.popleft()
        if message.replies == 1:
            message.replied_s = done_s
            self._answered(message, done_s)

    def _answered(self, message: SentMessage, done_s: float) -> None:
        """Take the first answer to a message."""
        self._observer.replied(message, done_s)

    def _expire_agent(self, now_s: float) -> None:
        while self._awaiting and now_s - self._awaiting[0].appended_s >= self._reply_timeout_s:
            self._unanswered(self._awaiting.popleft(), "timeout")

    def _give_up_on_agent(self, reason: str) -> None:
        while self._awaiting:
            self._unanswered(self._awaiting.popleft(), reason)

    def _unanswered(self, message: SentMessage, reason: str) -> None:
        if not message.replies:
            self._observer.unanswered(message, reason)

    def _note_gaps(self) -> None:
        for noticed_s in self._missing.values():
            self._observer.skipped(noticed_s)
        self._missing.clear()


def reason_of(payload: Any) -> str:
    """Return the server's own word in an error or backpressure payload: the kind it is counted as."""
    said = (payload.get("reason") or payload.get("error")) if isinstance(payload, dict) else None
    return (kind_of(said) if said else "") or "unknown"
