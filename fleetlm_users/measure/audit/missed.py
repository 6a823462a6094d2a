"""The messages a session missed while disconnected, and whether replay or push delivered them afterwards. Pure.

A session's messages are numbered from 1 without gaps, so every number between the last message seen before and the
first one pushed after must have arrived, by the replay of the join or as a push. Messages appended meanwhile on purpose
are also looked up by client_ref, since not every protocol tells the writer their seq.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

MAX_JUMP: Final = 10_000
"""The largest jump of seq that is believed; a larger one is garbage, so memory stays bounded."""


class SeenSeqs:
    """The seqs of a session that were seen: all up to `reached`, and some above it."""

    def __init__(self) -> None:
        self.reached = 0
        self._beyond: set[int] = set()

    def __repr__(self) -> str:
        return f"SeenSeqs(reached={self.reached}, {len(self._beyond)} beyond)"

    def __contains__(self, seq: int) -> bool:
        return seq <= self.reached or seq in self._beyond

    @property
    def highest(self) -> int:
        """The highest seq seen; 0 before the first."""
        return max(self._beyond, default=self.reached)

    def add(self, seq: int) -> bool:
        """Take a seq; return whether it is new and plausible."""
        if seq == self.reached + 1:
            self.reached = seq
            while self.reached + 1 in self._beyond:
                self.reached += 1
                self._beyond.discard(self.reached)
            return True
        if seq in self or not 0 < seq <= self.highest + MAX_JUMP:
            return False
        self._beyond.add(seq)
        return True

    def give_up_to(self, seq: int) -> None:
        """Stop waiting for missing messages up to a seq."""
        if seq > self.reached:
            self._beyond = {each for each in self._beyond if each > seq}
            self.reached = seq
            while self.reached + 1 in self._beyond:
                self.reached += 1
                self._beyond.discard(self.reached)


class MissingMessage(msgspec.Struct, frozen=True):
    """A message that nothing delivered; `seq` is None and `client_ref` empty where they are unknown."""

    seq: int | None
    client_ref: str


class Missed(msgspec.Struct, frozen=True):
    """The messages a session missed in one absence: how many the replay brought, how many a push, and the rest."""

    replayed: int = 0
    pushed: int = 0
    missing: tuple[MissingMessage, ...] = ()

    @property
    def all(self) -> int:
        """The number of messages missed in all."""
        return self.replayed + self.pushed + len(self.missing)


class _Absence(msgspec.Struct):
    """One absence: the seq it starts after, the messages being written meanwhile, those written (ref -> seq, where
    known), and those that arrived.
    """

    from_seq: int
    writing: set[str] = msgspec.field(default_factory=set)
    written: dict[str, int | None] = msgspec.field(default_factory=dict)
    is_back: bool = False
    replayed: set[int] = msgspec.field(default_factory=set)
    replayed_refs: set[str] = msgspec.field(default_factory=set)
    pushed_refs: set[str] = msgspec.field(default_factory=set)
    highest_replayed: int = 0
    first_pushed: int | None = None


class Absences:
    """The absences of one session; what one absence leaves missing is reported when the next begins, or at the end."""

    def __init__(self) -> None:
        self._seen = SeenSeqs()
        self._absence: _Absence | None = None

    def __repr__(self) -> str:
        return f"Absences({self._seen!r}, {self._absence!r})"

    @property
    def last_seq(self) -> int:
        """The seq up to which the session has everything, and after which it asks for a replay; 0 for nothing."""
        return self._seen.reached

    def pushed(self, payload: Mapping[str, Any]) -> None:
        """Take a message that was pushed."""
        seq, absence = payload.get("seq"), self._absence
        if type(seq) is not int or (not self._seen.add(seq) and seq not in self._seen):
            return
        if absence is None or not absence.is_back:
            return
        if seq > absence.from_seq and (absence.first_pushed is None or seq < absence.first_pushed):
            absence.first_pushed = seq
        if absence.writing and (ref := _ref_of(payload)) in absence.writing:
            absence.pushed_refs.add(ref)

    def left(self) -> Missed:
        """Note that the connection is gone; return what the previous absence missed, if there was one."""
        missed = self.settle()
        self._absence = _Absence(self._seen.reached)
        return missed

    def writing(self, client_ref: str) -> None:
        """Note that a message is about to be appended to the session while it is away."""
        if self._absence is not None:
            self._absence.writing.add(client_ref)

    def appended(self, client_ref: str, seq: int | None) -> None:
        """Note that the server accepted it; `seq` is None if the server does not say."""
        if self._absence is not None and client_ref in self._absence.writing:
            self._absence.written[client_ref] = seq

    def replayed(self, messages: Iterable[Any]) -> None:
        """Take the replay with which the session returns."""
        absence = self._absence
        if absence is None:
            return
        absence.is_back = True
        for message in messages:
            seq = message.get("seq") if isinstance(message, dict) else None
            if type(seq) is not int:
                continue
            if self._seen.add(seq):
                absence.replayed.add(seq)
            if seq in self._seen:
                absence.highest_replayed = max(absence.highest_replayed, seq)
                absence.replayed_refs.add(_ref_of(message))

    def settle(self) -> Missed:
        """Return what was missed in the absence that has ended, and forget it; empty if there was none."""
        absence, self._absence = self._absence, None
        if absence is None or not absence.is_back:
            return Missed()
        known = absence.replayed_refs | absence.pushed_refs
        unfound = {ref: seq for ref, seq in absence.written.items() if ref not in known}
        end = self._end(absence, unfound.values())
        gaps = [seq for seq in range(absence.from_seq + 1, end) if seq not in self._seen]
        self._seen.give_up_to(end - 1)
        pushed = (absence.pushed_refs & absence.written.keys()) - absence.replayed_refs
        return Missed(len(absence.replayed), len(pushed), tuple(_missing(gaps, unfound)))

    def _end(self, absence: _Absence, unfound: Iterable[int | None]) -> int:
        """Return the seq below which everything must have arrived: the highest one that arrived or was accepted."""
        accepted = [seq for seq in unfound if seq is not None]
        after = (absence.from_seq, absence.highest_replayed, (absence.first_pushed or 1) - 1, *accepted)
        return min(max(after), self._seen.highest + MAX_JUMP) + 1


def _missing(gaps: Sequence[int], unfound: Mapping[str, int | None]) -> Iterator[MissingMessage]:
    """Yield each missing message once, known by its seq, by its ref, or by both.

    A ref without a seq belongs to one of the gaps. If there are as many of both, they are in the same order, as one
    writer appended them one after the other; if not, only the higher number is certain.
    """
    by_seq = {seq: ref for ref, seq in unfound.items() if seq is not None}
    nameless = [ref for ref, seq in unfound.items() if seq is None]
    unnamed = [seq for seq in gaps if seq not in by_seq]
    for seq in gaps:
        if seq in by_seq:
            yield MissingMessage(seq, by_seq[seq])
    if len(nameless) == len(unnamed):
        yield from (MissingMessage(seq, ref) for seq, ref in zip(unnamed, nameless, strict=True))
    elif not nameless:
        yield from (MissingMessage(seq, "") for seq in unnamed)
    else:
        yield from (MissingMessage(None, ref) for ref in nameless)
        yield from (MissingMessage(None, "") for _ in range(len(unnamed) - len(nameless)))


def _ref_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    ref = content.get("client_ref") if isinstance(content, dict) else None
    return ref if isinstance(ref, str) else ""
