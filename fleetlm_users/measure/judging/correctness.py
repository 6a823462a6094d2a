"""Judge one round of the correctness benchmark: compare what was sent with what arrived, and that with the replay.

`seq` counts all messages of a session from 1 without gaps, and (session, seq) names a message for good: pushed and
stored copies have different ids and differently precise times by design, which are therefore not compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

REPLAY_LIMIT: Final = 100
"""A join replays at most 100 messages. Part of the protocol; `protocol` has its own constant, as the two packages never
import each other.
"""

MAX_UNSEEN: Final = 1_000
COMPARED: Final = ("sender_id", "kind", "content", "metadata")

Payload = Mapping[str, Any]


class Flaw(NamedTuple):
    """One fault of one message; `client_ref` is that of the message itself or of the one it answers."""

    kind: str
    seq: int | None
    client_ref: str
    detail: str = ""


class Round(msgspec.Struct, frozen=True):
    """One user's view of one session.

    `sent` are texts by client_ref in the order of sending; `fates` those that were rejected, lost or left in flight;
    `live` all `message` payloads in the order they came; `replay` those of the second join, None if there was none.
    `cut` marks a round that the end of the run cut short: messages still open then are not judged.
    """

    sent: Mapping[str, str]
    fates: Mapping[str, str]
    live: Sequence[Payload]
    replay: Sequence[Payload] | None
    participant_id: str
    agent_id: str
    agent_replies: int = 1
    cut: bool = False


class Judged(msgspec.Struct):
    """The counts of one round, and every flaw of it."""

    checked: int = 0
    correct: int = 0
    replay_checked: int = 0
    replay_missing: int = 0
    replay_changed: int = 0
    flaws: list[Flaw] = msgspec.field(default_factory=list)


def judge_round(seen: Round) -> Judged:
    """Judge a round: every message exactly once, in order, without gaps, answered, and replayed unchanged; or named
    with its flaw.
    """
    messages = _Messages(seen)
    judged = Judged()
    judged.flaws += [*_fates(messages), *_live_order(messages), *_own(messages), *_gaps(messages), *_answers(messages)]
    _check_replay(messages, judged)
    flawed = {flaw.client_ref for flaw in judged.flaws}
    checked = [ref for ref in seen.sent if ref not in messages.open]
    judged.checked = len(checked)
    judged.correct = sum(1 for ref in checked if ref not in flawed)
    return judged


class _Messages:
    """One round sorted by seq and by sender."""

    def __init__(self, seen: Round) -> None:
        self.seen = seen
        self.live: dict[int, Payload] = {}  # by seq, the first copy of each
        for payload in seen.live:
            self.live.setdefault(payload["seq"], payload)
        self.replay = {payload["seq"]: payload for payload in seen.replay or ()}
        self.known = dict(sorted({**self.replay, **self.live}.items()))
        # a wild seq must not make it endless
        last = min(max(self.known, default=0), len(self.known) + MAX_UNSEEN)
        self.unseen = [seq for seq in range(1, last + 1) if seq not in self.live]  # exist, but were not pushed
        own: dict[int, str] = {
            seq: _ref_of(p) for seq, p in self.known.items() if p.get("sender_id") == seen.participant_id
        }
        self.own = dict(sorted({**own, **self._guessed(own)}.items()))
        self.agent = [seq for seq, p in self.known.items() if p.get("sender_id") == seen.agent_id]
        appended = [ref for ref in self.own.values() if ref in seen.sent]
        replies = max(1, seen.agent_replies)
        # first in, first out, as in FleetLM: the k-th answer belongs to the k-th appended message
        self.answers = {ref: self.agent[k * replies : (k + 1) * replies] for k, ref in enumerate(appended)}
        self.asked_by = {seq: ref for ref, seqs in self.answers.items() for seq in seqs}
        self.open = {ref for ref, fate in seen.fates.items() if fate == "in_flight"}
        if seen.cut and seen.agent_replies:
            self.open |= {ref for ref, seqs in self.answers.items() if not seqs}

    def _guessed(self, own: Mapping[int, str]) -> dict[int, str]:
        """Return as many lost messages as there are otherwise unexplained gaps: each gap is one of them, in order."""
        lost = [ref for ref, fate in self.seen.fates.items() if fate == "lost" and ref not in own.values()]
        nameless = [seq for seq in self.unseen if seq not in self.known]
        return dict(zip(nameless, lost, strict=True)) if len(lost) == len(nameless) else {}

    def charged(self, seq: int) -> str:
        """Return the sent message that a fault is charged to: its own, the one it answers, or the one before."""
        for ref in (self.own.get(seq, ""), self.asked_by.get(seq, "")):
            if ref in self.seen.sent:
                return ref
        before = [ref for own_seq, ref in self.own.items() if own_seq <= seq and ref in self.seen.sent]
        return before[-1] if before else next(iter(self.seen.sent), "")

    def whose(self, seq: int) -> str:
        """Return, for reports, whose message it is, if it is not the sent one itself."""
        return "" if self.own.get(seq) in self.seen.sent else "the agent's answer" if seq in self.agent else "unknown"


def _ref_of(payload: Payload) -> str:
    content = payload.get("content")
    ref = content.get("client_ref") if isinstance(content, Mapping) else None
    return ref if isinstance(ref, str) else ""


def _fates(messages: _Messages) -> Iterator[Flaw]:
    """Yield the rejected and lost messages, with their seq if it is known or follows from the gap they left."""
    seq_of = {ref: seq for seq, ref in messages.own.items()}
    for ref, fate in messages.seen.fates.items():
        if fate in ("lost", "rejected"):
            seq = seq_of.get(ref)
            yield Flaw(fate, seq, ref, _whereabouts(messages, seq))


def _whereabouts(messages: _Messages, seq: int | None) -> str:
    """Return what is known of a message that was given up."""
    if seq in messages.live:
        return "its broadcast came too late"
    return "stored, but never pushed" if seq in messages.replay else ""


def _live_order(messages: _Messages) -> Iterator[Flaw]:
    """Yield doubled messages (the same seq again) and reordered ones (a seq below one already seen)."""
    seen: set[int] = set()
    highest = 0
    for payload in messages.seen.live:
        seq = payload["seq"]
        if seq in seen:
            yield Flaw("doubled", seq, messages.charged(seq), messages.whose(seq))
        elif seq < highest:
            yield Flaw("reordered", seq, messages.charged(seq), f"came after seq {highest}")
        seen.add(seq)
        highest = max(highest, seq)


def _own(messages: _Messages) -> Iterator[Flaw]:
    """Check own messages: each appended once, in order of sending, with the text that was sent."""
    order = {ref: k for k, ref in enumerate(messages.seen.sent)}
    seen: set[str] = set()
    latest = -1
    for seq, ref in messages.own.items():
        if ref not in order:
            yield Flaw("unknown", seq, messages.charged(seq), f"client_ref {ref!r} was never sent")
            continue
        if ref in seen:
            yield Flaw("doubled", seq, ref, "appended a second time")
        elif order[ref] < latest:
            yield Flaw("reordered", seq, ref, "appended after a message that was sent later")
        seen.add(ref)
        latest = max(latest, order[ref])
        if seq in messages.known and messages.known[seq].get("content") != {
            "text": messages.seen.sent[ref],
            "client_ref": ref,
        }:
            yield Flaw("altered", seq, ref, "its text is not what was sent")


def _gaps(messages: _Messages) -> Iterator[Flaw]:
    """Yield the seqs that were skipped and that no lost message of ours explains."""
    explained = {flaw.seq for flaw in _fates(messages)}
    for seq in messages.unseen:
        if seq not in explained:
            whose = messages.whose(seq) or "its broadcast"
            yield Flaw("lost", seq, messages.charged(seq), f"{whose} never came; seq was skipped")


def _answers(messages: _Messages) -> Iterator[Flaw]:
    """Check answers: each appended message answered as often as the agent answers, and no answer to nothing."""
    wanted = messages.seen.agent_replies
    if not wanted:
        return
    for ref, seqs in messages.answers.items():
        if len(seqs) < wanted and ref not in messages.open:
            yield Flaw("unanswered", _seq_of(messages, ref), ref, f"{len(seqs)} of {wanted} answers" if seqs else "")
    for seq in messages.agent:
        if seq not in messages.asked_by:
            yield Flaw("unasked", seq, messages.charged(seq), "more answers than messages")


def _seq_of(messages: _Messages, ref: str) -> int:
    return next(seq for seq, own in messages.own.items() if own == ref)


def _check_replay(messages: _Messages, judged: Judged) -> None:
    """Check the replay: everything seen live is in it, unchanged, in order, once, within its 100 messages."""
    replay = messages.seen.replay
    if replay is None:
        return
    seqs = [payload["seq"] for payload in replay]
    reach = range(min(seqs), max(seqs) + 1) if len(seqs) >= REPLAY_LIMIT else None
    for seq, payload in sorted(messages.live.items()):
        if reach is not None and seq not in reach:
            continue
        judged.replay_checked += 1
        stored = messages.replay.get(seq)
        if stored is None:
            judged.replay_missing += 1
            judged.flaws.append(Flaw("unreplayed", seq, messages.charged(seq), messages.whose(seq)))
        elif differing := [key for key in COMPARED if stored.get(key) != payload.get(key)]:
            judged.replay_changed += 1
            judged.flaws.append(Flaw("changed", seq, messages.charged(seq), f"in the replay: {', '.join(differing)}"))
    for earlier, seq in pairwise(seqs):
        if seq <= earlier:
            judged.replay_changed += 1
            judged.flaws.append(Flaw("changed", seq, messages.charged(seq), f"replayed after seq {earlier}"))
