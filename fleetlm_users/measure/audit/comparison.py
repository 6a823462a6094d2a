"""Compare the remembered messages of a session with those the server has stored. Pure.

(session, seq) identifies a message for good. Pushed and stored copies differ in ids and times (wire record), so these
are not compared.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fleetlm_users.measure.audit.memory import Remembered, SessionMemory

BEYOND_REPLAY: Final = "beyond_replay"
MEMORY_BOUND: Final = "memory_bound"
MAYBE_HIDDEN: Final = "maybe_hidden"
CUT_SHORT: Final = "cut_short"
TIME_UP: Final = "time_up"
NO_SEQ: Final = "no_seq"
"""The cause for acknowledged messages whose reply had no seq and that were never pushed."""

BY_DESIGN: Final = frozenset((BEYOND_REPLAY, MEMORY_BOUND))
"""Causes that follow from the chosen way and bound; all others mean that something went wrong."""

SUSPICIOUS: Final = frozenset((MAYBE_HIDDEN,))
"""Causes that may hide losses: none of these messages counts as stored."""

Key = tuple[str, str]  # metric, label

_NAMES: Final = {
    False: ("messages_audited", "messages_stored", "messages_unstored", "messages_stored_changed"),
    True: ("answers_audited", "answers_stored", "answers_unstored", "answers_stored_changed"),
}
_UNAUDITED: Final = {False: "messages_unaudited", True: "answers_unaudited"}
_OPEN: Final = ("unconfirmed_stored", "unconfirmed_unstored", "unconfirmed_unaudited")
_FLAWS: Final = {False: ("unstored", "stored_changed"), True: ("answer_unstored", "answer_stored_changed")}


class Stored(NamedTuple):
    """The stored part of a session, as read: digests of contents by seq, and the seqs that the reading covers.

    A seq from `first` to `last` (None: without end) that is not among `digests` is not stored, unless it lies in one of
    the rising ranges `hidden`. The reading says nothing about seqs in those or outside the range.
    """

    digests: Mapping[int, int]
    first: int = 0
    last: int | None = None
    hidden: tuple[range, ...] = ()

    def reaches(self, seq: int) -> bool:
        """Return whether the reading can tell if that seq is stored."""
        is_within = self.first <= seq and (self.last is None or seq <= self.last)
        return seq in self.digests or (is_within and not self.may_hide(seq))

    def may_hide(self, seq: int) -> bool:
        """Return whether that seq may be stored although it is not among the digests, behind a full page."""
        place = bisect_right(self.hidden, seq, key=_start_of)
        return bool(place) and seq in self.hidden[place - 1]

    @property
    def is_whole(self) -> bool:
        """Whether the reading covers every seq."""
        return self.first <= 1 and self.last is None and not self.hidden


def _start_of(hidden: range) -> int:
    return hidden.start


class Flawed(NamedTuple):
    """One message that is not stored as it was acknowledged."""

    kind: str
    message: Remembered


@dataclass
class AuditOutcome:
    """The counts of one session by metric and label, and every faulty message.

    `firsts_ms` is when the first of them was acknowledged or pushed, in ms since the run began, by metric.
    """

    counts: Counter[Key] = field(default_factory=Counter)
    flawed: list[Flawed] = field(default_factory=list)
    firsts_ms: dict[str, int] = field(default_factory=dict)


def compare(session: SessionMemory, stored: Stored, since_ms: int = 0) -> AuditOutcome:
    """Return the outcome of each message and answer that was acknowledged or pushed in the session since a moment."""
    outcome = AuditOutcome()
    contents: frozenset[int] | None = None
    for message in distinct(session, since_ms):
        if message.is_unconfirmed:
            if contents is None:
                contents = frozenset(stored.digests.values())
            _resolve(message, contents, stored, outcome)
        else:
            _compare(message, stored, outcome)
    return outcome


def unaudited(session: SessionMemory, cause: str, since_ms: int = 0) -> AuditOutcome:
    """Return the counts of a session that could not be read, for this cause."""
    outcome = AuditOutcome()
    for message in distinct(session, since_ms):
        metric = _OPEN[2] if message.is_unconfirmed else _UNAUDITED[message.is_answer]
        outcome.counts[metric, cause] += 1
    return outcome


def not_remembered(messages: int, answers: int, unconfirmed: int = 0) -> AuditOutcome:
    """Return the counts of messages dropped because the memory is bounded."""
    outcome = AuditOutcome()
    for metric, n in ((_UNAUDITED[False], messages), (_UNAUDITED[True], answers), (_OPEN[2], unconfirmed)):
        if n:
            outcome.counts[metric, MEMORY_BOUND] = n
    return outcome


def distinct(session: SessionMemory, since_ms: int) -> Iterator[Remembered]:
    """Yield each message once: an answer that was pushed twice is still one.

    The same seq with another content stays: at most one of the two can be stored.
    """
    seen: set[tuple[int, int]] = set()
    for message in session.messages(since_ms):
        if not message.is_answer:
            yield message
        elif (message.seq, message.digest) not in seen:
            seen.add((message.seq, message.digest))
            yield message


def window(digests: Mapping[int, int], limit: int, last_known: int) -> Stored:
    """Return the reading of a replay of at most `limit` messages: a short one is complete, a full one covers a range.

    FleetLM at the recorded commit replays the oldest messages of a session, later versions those after a seq, other
    versions the newest. The known seqs show which it was: if some are above the last replayed message and none below
    the first, the replay holds the oldest messages. If some are on both sides, a message is lost under either reading,
    and the reading with fewer losses is taken. If both readings fit, nothing outside the replay is judged.

    Args:
        digests: The replayed contents by seq.
        limit: The most messages that a replay has.
        last_known: The highest seq that was acknowledged or pushed in the session.
    """
    if len(digests) < limit:
        return Stored(digests)
    first, last = min(digests), max(digests)
    below, above = first - 1, last_known - last
    if above > 0 and below <= above:
        return Stored(digests, 0, last)
    return Stored(digests, first, None)


def _resolve(message: Remembered, contents: frozenset[int], stored: Stored, outcome: AuditOutcome) -> None:
    """Count whether a message of open outcome is stored. Its seq is unknown, but its client_ref makes its content
    unique.
    """
    is_stored, is_unstored, is_unaudited = _OPEN
    if message.digest in contents:
        outcome.counts[is_stored, ""] += 1
    elif stored.is_whole:
        outcome.counts[is_unstored, ""] += 1
    else:
        outcome.counts[is_unaudited, MAYBE_HIDDEN if stored.hidden else BEYOND_REPLAY] += 1


def _compare(message: Remembered, stored: Stored, outcome: AuditOutcome) -> None:
    audited, intact, unstored, changed = _NAMES[message.is_answer]
    is_unstored, is_changed = _FLAWS[message.is_answer]
    digest = stored.digests.get(message.seq)
    counts = outcome.counts
    if digest is None and not stored.reaches(message.seq):
        cause = MAYBE_HIDDEN if stored.may_hide(message.seq) else BEYOND_REPLAY
        counts[_UNAUDITED[message.is_answer], cause] += 1
        return
    counts[audited, ""] += 1
    if digest == message.digest:
        counts[intact, ""] += 1
        return
    metric, flaw = (unstored, is_unstored) if digest is None else (changed, is_changed)
    counts[metric, ""] += 1
    outcome.flawed.append(Flawed(flaw, message))
    outcome.firsts_ms[metric] = min(message.at_ms, outcome.firsts_ms.get(metric, message.at_ms))
