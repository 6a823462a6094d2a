"""Track which listeners of a session have received which message, and when. Pure: time stamps are passed in.

A listener is a device that has joined the session and only listens. Every message sent in the session, and every answer
of the agent that any device has seen, should reach every listener once.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from fleetlm_users.protocol.observer import SentMessage

KEPT: Final = 256
"""How many messages that everybody has, or that were missed, are remembered: a further push of one is a duplicate."""

TIMEOUT: Final = "timeout"

LATE: Final = "late"
UNKNOWN: Final = "unknown"
AFTER_END: Final = "after_end"
MALFORMED: Final = "malformed"


class Spread:
    """One message on its way to all listeners; an answer of the agent has no `client_ref`.

    Attributes:
        due_s, sent_s: When it was due and sent, in monotonic seconds; for an answer, when it was first seen.
        seq: The number the server gave it; 0 while no listener has it.
        arrivals: When it reached each listener that has it, in order of reading.
        seen: How often it was pushed to each listener.
        is_withdrawn: Whether the server refused it, so that no listener should get it.
        is_over: Whether everybody has it, or the wait for it has ended.
        message: What was sent; None for an answer.
        content: What a listener's push must hold; None for an answer, and once everybody has it.
        is_named: Whether its observer has named it as doubled or out of order: once, not for each listener.
    """

    __slots__ = (
        *("arrivals", "client_ref", "content", "due_s", "is_named", "is_over", "is_withdrawn"),
        *("message", "phase", "seen", "sent_s", "seq"),
    )

    def __init__(self, listeners: int, client_ref: str, due_s: float, sent_s: float, phase: str) -> None:
        self.client_ref = client_ref
        self.due_s = due_s
        self.sent_s = sent_s
        self.phase = phase
        self.seq = 0
        self.seen = bytearray(listeners)
        self.arrivals: list[float] = []
        self.is_withdrawn = False
        self.is_over = False
        self.is_named = False
        self.message: SentMessage | None = None
        self.content: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Spread(seq={self.seq}, {len(self.arrivals)} of {len(self.seen)})"

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer of the agent."""
        return not self.client_ref

    def missing(self) -> list[int]:
        """Return the listeners that do not have it, as indexes from 0."""
        return [place for place, times in enumerate(self.seen) if not times]


class FanOutObserver(Protocol):
    """The callbacks of a fan-out: one call per fact."""

    def ended(self, spread: Spread, missed: Mapping[str, list[int]], left_open: int) -> None:
        """Note the outcome of a message: which listeners missed it, by cause, and how many could still have received
        it.
        """

    def again(self, spread: Spread, listener: int, *, is_known: bool) -> None:
        """Note that a message was pushed to a listener again, and whether the protocol is known to do so."""

    def out_of_order(self, spread: Spread, listener: int) -> None:
        """Note that a listener got a message after one with a higher seq."""

    def altered(self, spread: Spread) -> None:
        """Note, once per message, that a listener was pushed a message with other content than was sent.

        A message that was already altered for its own session is left out, as it is counted there.
        """

    def unexpected(self, kind: str) -> None:
        """Note a push that no listener awaits: `late`, `unknown`, `after_end` or `malformed`."""


class FanOut:
    """The deliveries of one session.

    Args:
        participant_id, agent_id: Whose messages are to be delivered.
        listeners: The number of listeners.
        observer: Called for everything that happens to a message.
        timeout_s: How long a message may take from its sending, in seconds.
        pushed_twice: Whether the protocol is known to push each message sent over a socket twice.
    """

    def __init__(  # noqa: PLR0913  # what the session is, and what its protocol does, each under its own name
        self,
        participant_id: str,
        agent_id: str,
        listeners: int,
        observer: FanOutObserver,
        *,
        timeout_s: float,
        pushed_twice: bool = False,
    ) -> None:
        self._participant_id = participant_id
        self._agent_id = agent_id
        self._observer = observer
        self._timeout_s = timeout_s
        self._pushed_twice = pushed_twice
        self._newest = [0] * listeners
        self._lost: dict[int, str] = {}
        self._open: dict[Spread, None] = {}
        self._own: dict[str, Spread] = {}
        self._answers: dict[int, Spread] = {}
        self._over: dict[Spread, None] = {}
        self._is_ended = False

    def __repr__(self) -> str:
        return f"FanOut({len(self._newest)} listeners, {len(self._open)} messages under way)"

    @property
    def is_settled(self) -> bool:
        """Whether every message has reached every listener or been missed."""
        return not self._open

    def next_expiry_s(self) -> float:
        """Return when the oldest message under way will count as missed; 0 if there is none."""
        return next(iter(self._open)).sent_s + self._timeout_s if self._open else 0.0

    def sent(self, message: SentMessage) -> None:
        """Expect a message at every listener."""
        spread = Spread(len(self._newest), message.client_ref, message.due_s, message.sent_s, message.phase)
        spread.message, spread.content = message, message.content
        self._own[message.client_ref] = spread
        self._open[spread] = None

    def withdrawn(self, client_ref: str, is_withdrawn: bool) -> None:
        """Stop expecting a message that the server refused; or expect it after all."""
        spread = self._own.get(client_ref)
        if spread is None or spread.is_over or spread.arrivals:
            return
        spread.is_withdrawn = is_withdrawn
        if is_withdrawn:
            self._open.pop(spread, None)
            self._remember(spread)
        else:
            self._over.pop(spread, None)
            self._open[spread] = None

    def answer(self, seq: int, phase: str, seen_s: float) -> Spread:
        """Return the answer with this seq, which every listener is now expected to receive."""
        spread = self._answers.get(seq)
        if spread is None:
            spread = self._answers[seq] = Spread(len(self._newest), "", seen_s, seen_s, phase)
            spread.seq = seq
            if self._is_ended:
                self._set_over(spread)
            else:
                self._open[spread] = None
        return spread

    def find(self, payload: Any, phase: str, arrived_s: float) -> Spread | None:
        """Return the message in a push; if nobody awaits it, inform the observer and return None."""
        seq = payload.get("seq") if isinstance(payload, dict) else None
        if type(seq) is not int or seq < 1:
            self._observer.unexpected(MALFORMED)
            return None
        sender_id = payload.get("sender_id")
        if sender_id == self._agent_id and sender_id != self._participant_id:
            return self.answer(seq, phase, arrived_s)
        content = payload.get("content")
        client_ref = content.get("client_ref") if isinstance(content, dict) else None
        spread = self._own.get(client_ref) if isinstance(client_ref, str) else None
        if spread is None or spread.seq not in (0, seq):
            self._observer.unexpected(UNKNOWN)
            return None
        spread.seq = seq
        if spread.content is not None and content != spread.content:
            spread.content = None
            if spread.message is not None and not spread.message.is_altered:
                spread.message.is_altered = True
                self._observer.altered(spread)
        if spread.is_withdrawn:
            self.withdrawn(spread.client_ref, False)
        return spread

    def take(self, spread: Spread, listener: int, arrived_s: float) -> None:
        """Take a push of a message to a listener; the hot path of a crowd."""
        seen = spread.seen
        if seen[listener] or spread.is_over:
            self._take_again(spread, listener)
            return
        seen[listener] = 1
        newest = self._newest
        if spread.seq > newest[listener]:
            newest[listener] = spread.seq
        else:
            self._observer.out_of_order(spread, listener)
        arrivals = spread.arrivals
        arrivals.append(arrived_s)
        if len(arrivals) == len(seen):
            self._end(spread)

    def lost(self, listener: int, cause: str) -> None:
        """Note that a listener is gone: it has missed whatever it does not have by now."""
        self._lost.setdefault(listener, cause)

    def expire(self, now_s: float) -> None:
        """Give up on messages older than the timeout: listeners that lack them have missed them."""
        while self._open:
            spread = next(iter(self._open))
            if now_s - spread.sent_s < self._timeout_s:
                return
            self._end(spread, TIMEOUT)

    def end(self, now_s: float) -> None:
        """End the deliveries: older messages are missed, newer ones open, except at a listener that is gone."""
        self.expire(now_s)
        self._is_ended = True
        while self._open:
            self._end(next(iter(self._open)))

    def _end(self, spread: Spread, cause: str = "") -> None:
        """End the wait for a message: listeners that lack it have missed it for this cause; without a cause it stays
        open.
        """
        self._set_over(spread)
        missed: dict[str, list[int]] = {}
        left_open = 0
        for listener in spread.missing() if len(spread.arrivals) < len(spread.seen) else ():
            why = self._lost.get(listener, cause)
            if why:
                missed.setdefault(why, []).append(listener)
            else:
                left_open += 1
        self._observer.ended(spread, missed, left_open)

    def _set_over(self, spread: Spread) -> None:
        spread.is_over = True
        spread.content = None
        self._open.pop(spread, None)
        self._remember(spread)

    def _remember(self, spread: Spread) -> None:
        """Remember a message that is no longer expected; beyond KEPT, forget the oldest."""
        self._over[spread] = None
        if len(self._over) > KEPT:
            oldest = next(iter(self._over))
            del self._over[oldest]
            if oldest.is_answer:
                self._answers.pop(oldest.seq, None)
            else:
                self._own.pop(oldest.client_ref, None)

    def _take_again(self, spread: Spread, listener: int) -> None:
        """Take a push that is not the first, or that comes after the wait has ended."""
        times = spread.seen[listener]
        spread.seen[listener] = min(times + 1, 255)
        if times:
            is_known = self._pushed_twice and not spread.is_answer and times == 1
            self._observer.again(spread, listener, is_known=is_known)
        else:
            self._observer.unexpected(AFTER_END if self._is_ended else LATE)
