"""The observer of an audited session: it also remembers acknowledged messages for the end of the run.

An audit is on or off for a whole run, so sessions get this class or its base class, and an unaudited session costs
nothing extra.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fleetlm_users.client import SentMessage
from fleetlm_users.errors import Disconnected
from fleetlm_users.measure.audit.comparison import NO_SEQ
from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import ANSWER_TAG, UNKNOWN_SEQ, AuditMemory, SessionMemory, own_tag
from fleetlm_users.measure.judging.audit import NOT_PUSHED
from fleetlm_users.protocol.conversation import MAX_PRESUMED
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.session_observer import SessionObserver

TIMEOUT: Final = "timeout"
"""The cause of a loss that is not a broken connection."""


class AuditedObserver(SessionObserver):
    """Remembers each acknowledged message with a digest of the sent content, and each answer as it was pushed.

    A message is acknowledged when its own broadcast comes or, where the protocol replies to a send, the ok reply: such
    a message has a seq, whatever its fate. One whose outcome the server left open is remembered by its content.
    """

    __slots__ = ("_audit", "_memory", "_open", "_participant", "_prefix", "_refused", "_unconfirmed")

    def __init__(
        self, run: Run, scenario: str, audit: AuditMemory, participant_id: str, *, follows_agent: bool = True
    ) -> None:
        super().__init__(run, scenario, follows_agent=follows_agent)
        self._audit = audit
        self._participant = participant_id
        self._memory: SessionMemory | None = None
        self._open: dict[str, tuple[int, int]] = {}
        self._prefix = ""
        self._refused: deque[str] = deque()
        self._unconfirmed: dict[str, SentMessage] = {}

    def watched(self, payloads: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield the payloads; keep the digest of each until its message has its fate."""
        for number, payload in enumerate(payloads, 1):
            client_ref, text = payload
            if number == 1:
                self._prefix = client_ref.rpartition("-")[0]
            self._open[client_ref] = digest_of({"text": text, "client_ref": client_ref}), number
            yield payload

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """Report the broadcast; remember it if it is the agent's."""
        super().received(payload, done_s)
        if payload.get("sender_id") == self._agent_id and done_s >= self._run.ledger.since_s:
            self._remembered().add(payload["seq"], digest_of(payload.get("content")), done_s, ANSWER_TAG)

    def appended(self, message: SentMessage, done_s: float) -> None:
        """Remember the message, and report that it was appended."""
        if message.seq is not None:
            self._remember(message, message.seq, done_s)
        else:
            self._note_without_seq(message)
        super().appended(message, done_s)

    def resolved(self, message: SentMessage) -> None:
        """Remember the message by the seq of its reply, if there was one; report that it was appended."""
        self._remember(message, message.seq or UNKNOWN_SEQ, message.appended_s)
        super().resolved(message)

    def unconfirmed(self, message: SentMessage, reason: str) -> None:
        """Report that the outcome is open; the message is remembered if it still is when the session ends."""
        self._unconfirmed[message.client_ref] = message
        super().unconfirmed(message, reason)

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """Report that the server refused the message; keep a few digests, as a presumed refusal may be taken back."""
        self._refused.append(message.client_ref)
        if len(self._refused) > MAX_PRESUMED:
            self._open.pop(self._refused.popleft(), None)
        super().rejected(message, reason, done_s)

    def lost(self, message: SentMessage, reason: str) -> None:
        """Report that the message did not come back; remember it if the server had acknowledged it all the same.

        One that a broken connection left open is remembered by its content.
        """
        if message.seq is not None:
            self._remember(message, message.seq, message.appended_s)
        elif reason == NOT_PUSHED:
            self._note_without_seq(message)
        else:
            sent = self._open.pop(message.client_ref, None)
            if sent is not None and reason != TIMEOUT and message.sent_s >= self._run.ledger.since_s:
                self._remembered().left_open(sent[0])
        super().lost(message, reason)

    def disconnected(self, down: Disconnected) -> None:
        """Report that the connection broke, and remember when, which gives each message an age."""
        if self.joined:
            self._remembered().broke(time.perf_counter())
        super().disconnected(down)

    def finding(self, kind: str, seq: int | None, client_ref: str, detail: str = "") -> None:
        """Report a faulty message; the audit then does not name it a second time."""
        if self._memory is not None and seq is not None:
            self._memory.named = (self._memory.named or set()) | {seq}
        super().finding(kind, seq, client_ref, detail)

    def let_go(self) -> None:
        """Drop the callbacks, and the memory held in reserve for further messages."""
        super().let_go()
        for message in list(self._unconfirmed.values()):
            self._remember(message, UNKNOWN_SEQ, message.sent_s)
        self._open.clear()
        self._refused.clear()
        if self._memory is not None:
            self._memory.close()

    def _remember(self, message: SentMessage, seq: int, at_s: float) -> None:
        """Remember a user's message, unless it is from before a reset of the statistics: those do not count."""
        sent = self._open.pop(message.client_ref, None)
        if self._unconfirmed:
            self._unconfirmed.pop(message.client_ref, None)
        if message.sent_s < self._run.ledger.since_s:
            return
        if sent is None:
            self._remembered().skip(own_tag(0), seq)
        else:
            self._remembered().add(seq, sent[0], at_s, own_tag(sent[1]))

    def _note_without_seq(self, message: SentMessage) -> None:
        """Count an acknowledged message that no audit can look for: neither its reply nor a push had a seq."""
        self._open.pop(message.client_ref, None)
        if message.sent_s >= self._run.ledger.since_s:
            self._run.ledger.count("messages_unaudited", self._scenario, message.phase, 1, NO_SEQ)

    def _remembered(self) -> SessionMemory:
        memory = self._memory
        if memory is None:
            memory = self._memory = self._audit.begin(self.session_id, self._scenario, self._participant)
            memory.ref_prefix = self._prefix
        return memory
