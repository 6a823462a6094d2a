"""The cost of a broken connection to its session, found by comparing remembered and stored messages. Pure.

A server that crashes breaks every connection at once. So the moment at which a session's own connection broke stands
for the crash: this needs no clock of another machine, and gives each message acknowledged before it an age.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import msgspec

from fleetlm_users.measure.audit.comparison import Stored, distinct
from fleetlm_users.measure.audit.memory import Remembered, SessionMemory


class BreakOutcome(msgspec.Struct):
    """The cost of the breaks of one session: counts by metric, and ages of acknowledged messages in ms at the next
    break.

    `lost_ages_ms` are those of messages that are gone or changed, `kept_ages_ms` those of messages that are stored.
    """

    counts: Counter[str] = msgspec.field(default_factory=Counter)
    lost_ages_ms: list[int] = msgspec.field(default_factory=list)
    kept_ages_ms: list[int] = msgspec.field(default_factory=list)


def break_outcome(session: SessionMemory, stored: Stored, since_ms: int = 0) -> BreakOutcome:
    """Return the cost of the breaks of a session's connection; empty if it never broke."""
    outcome = BreakOutcome()
    if not session.breaks_ms:
        return outcome
    messages = [message for message in distinct(session, since_ms) if message.seq]
    _add_ages(messages, session.breaks_ms, stored, outcome)
    outcome.counts["seqs_given_twice"] = _given_twice(messages)
    outcome.counts["messages_below_resume"] = _below_resume(messages, session.breaks_ms)
    _resolve_open(session, stored, outcome)
    return outcome


def _add_ages(messages: Sequence[Remembered], breaks_ms: Sequence[int], stored: Stored, outcome: BreakOutcome) -> None:
    """Record how old each own message was when the connection next broke, if it did."""
    for message in messages:
        place = bisect_left(breaks_ms, message.at_ms)
        if message.is_answer or place == len(breaks_ms) or not stored.reaches(message.seq):
            continue
        is_kept = stored.digests.get(message.seq) == message.digest
        ages = outcome.kept_ages_ms if is_kept else outcome.lost_ages_ms
        ages.append(breaks_ms[place] - message.at_ms)


def _given_twice(messages: Sequence[Remembered]) -> int:
    """Return how many seqs of the session came with more than one content."""
    contents: dict[int, set[int]] = {}
    for message in messages:
        contents.setdefault(message.seq, set()).add(message.digest)
    return sum(len(digests) > 1 for digests in contents.values())


def _below_resume(messages: Sequence[Remembered], breaks_ms: Sequence[int]) -> int:
    """Return how many new messages came after a break with a seq no higher than the last one before it.

    A client that resumes after its last seq, and drops everything up to it as known, never shows them.
    """
    hidden, highest, resumed_from, passed = 0, 0, 0, 0
    seen: set[tuple[int, int]] = set()
    for message in messages:  # in the order in which they came
        while passed < len(breaks_ms) and breaks_ms[passed] < message.at_ms:
            resumed_from, passed = highest, passed + 1
        hidden += message.seq <= resumed_from and (message.seq, message.digest) not in seen
        seen.add((message.seq, message.digest))
        highest = max(highest, message.seq)
    return hidden


def _resolve_open(session: SessionMemory, stored: Stored, outcome: BreakOutcome) -> None:
    """Count which of the messages open at a break are stored: by content, as their seq is unknown."""
    contents = frozenset(stored.digests.values())
    is_whole = stored.first <= 1 and stored.last is None
    for digest in session.open_digests or ():
        fate = "stored" if digest in contents else "unstored" if is_whole else "unaudited"
        outcome.counts[f"open_messages_{fate}"] += 1
