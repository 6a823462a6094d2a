"""One process's memory of the messages that the server acknowledged, until they are audited.

A message takes twenty bytes: its seq, the digest of its content, when it was acknowledged, and its tag. A session's
messages share one buffer that grows by an eighth. Beyond the bound whole sessions are dropped, those with the highest
hash of their id (bottom-k sampling: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007):
the rest is a uniform sample of all sessions, early and late, long and short.
"""

import struct
from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final, NamedTuple

from fleetlm_users.units import MS_PER_S

_ROW: Final = struct.Struct("<IQII")  # seq, digest, ms since the run began, tag
ROW_BYTES: Final = _ROW.size
MAX_SESSIONS: Final = 250_000
"""The most sessions that one process remembers: each takes 500 bytes besides its messages."""

MAX_OPEN: Final = 10_000
"""The most messages of one session that are remembered because a break left them open."""

MAX_U32: Final = 2**32 - 1

ANSWER_TAG: Final = 0
"""The tag of the agent's answers; a user's message has the number in its client_ref, shifted left, plus one."""

MAX_NUMBER: Final = MAX_U32 >> 1

UNKNOWN_SEQ: Final = 0
"""Stands in for the seq of an own message whose outcome the server left open; sessions count from 1."""


class Remembered(NamedTuple):
    """One acknowledged message, or one pushed answer of the agent.

    `at_ms` is when it was acknowledged or pushed, since the run began; `number` is the number in its client_ref, or 0.
    One with UNKNOWN_SEQ was not acknowledged: the server could not say whether it appended it.
    """

    seq: int
    digest: int
    at_ms: int
    number: int
    is_answer: bool

    @property
    def is_unconfirmed(self) -> bool:
        """Whether the server left it open whether it appended the message."""
        return self.seq == UNKNOWN_SEQ and not self.is_answer


def own_tag(number: int) -> int:
    """Return the tag of an own message with that number in its client_ref; 0 if it has none."""
    return (number << 1 | 1) if 0 <= number <= MAX_NUMBER else 1


class SessionMemory:
    """The acknowledged messages of one session.

    All its client_refs begin with `ref_prefix`. `named` holds the seqs that another check has already reported.
    `breaks_ms` are the moments of the run at which its connection broke, `open_digests` the contents of messages whose
    fate was open then; None while there are none.
    """

    __slots__ = (
        "_memory",
        "_rows",
        "breaks_ms",
        "key",
        "named",
        "open_digests",
        "participant_id",
        "ref_prefix",
        "scenario",
        "session_id",
    )

    def __init__(self, memory: "AuditMemory", session_id: str, scenario: str, participant_id: str) -> None:
        self._memory = memory
        self._rows: bytearray | None = bytearray()
        self.session_id = session_id
        self.scenario = scenario
        self.participant_id = participant_id
        self.ref_prefix = ""
        self.named: set[int] | None = None
        self.breaks_ms: list[int] | None = None
        self.open_digests: list[int] | None = None
        self.key = _key_of(session_id)

    def __repr__(self) -> str:
        return f"SessionMemory({self.session_id}, {len(self)} messages)"

    def __lt__(self, other: "SessionMemory") -> bool:
        """Return whether this session is dropped before another one: the highest key goes first."""
        return self.key > other.key

    def __len__(self) -> int:
        """Return how many messages it remembers."""
        return 0 if self._rows is None else len(self._rows) // ROW_BYTES

    @property
    def is_forgotten(self) -> bool:
        """Whether the session was dropped because of the bound; its messages are then only counted."""
        return self._rows is None

    def add(self, seq: int, digest: int, at_s: float, tag: int) -> None:
        """Remember one message; `at_s` is in the clock of the run, `tag` ANSWER_TAG or `own_tag`. Never raises."""
        rows = self._rows
        if rows is None:
            self.skip(tag, seq)
            return
        memory = self._memory
        try:
            rows += _ROW.pack(seq, digest, int((at_s - memory.started_s) * MS_PER_S), tag)
        except struct.error:  # a seq that no sane server assigns, or a run of 50 days
            self.skip(tag, seq)
            return
        memory.took_one()

    def broke(self, at_s: float) -> None:
        """Note that its connection broke, in the clock of the run."""
        self.breaks_ms = [*(self.breaks_ms or ()), int((at_s - self._memory.started_s) * MS_PER_S)]

    def left_open(self, digest: int) -> None:
        """Remember the content of a message whose fate a break left open; at most MAX_OPEN of them."""
        self.open_digests = self.open_digests or []
        if len(self.open_digests) < MAX_OPEN:
            self.open_digests.append(digest)

    def messages(self, since_ms: int = 0) -> Iterator[Remembered]:
        """Yield the messages remembered since that moment of the run, in order of acknowledgement."""
        for seq, digest, at_ms, tag in _ROW.iter_unpack(bytes(self._rows or b"")):
            if at_ms >= since_ms:
                yield Remembered(seq, digest, at_ms, tag >> 1, not tag & 1)

    def forget(self) -> int:
        """Drop the rows and only count from now on; return how many there were."""
        dropped = len(self)
        for seq, _, _, tag in _ROW.iter_unpack(bytes(self._rows or b"")):
            self.skip(tag, seq)
        self._rows = None
        return dropped

    def client_ref(self, number: int) -> str:
        """Return the client_ref of that number; empty for 0."""
        return f"{self.ref_prefix}-{number}" if number else ""

    def close(self) -> None:
        """Release the buffer's reserve: the session is over."""
        if self._rows is not None:
            self._rows = bytearray(bytes(self._rows))

    def skip(self, tag: int, seq: int) -> None:
        """Count a message that is not remembered."""
        kind = 1 if not tag & 1 else 2 if seq == UNKNOWN_SEQ else 0
        self._memory.not_remembered.setdefault(self.scenario, [0, 0, 0])[kind] += 1


class AuditMemory:
    """The sessions of one run on one process; `bound` is the most messages remembered, `started_s` the run's start.

    `not_remembered` counts, for each scenario, the acknowledged messages, answers and messages of open outcome without
    rows.
    """

    def __init__(self, bound: int, started_s: float) -> None:
        self.started_s = started_s
        self.not_remembered: dict[str, list[int]] = {}
        self._bound = bound
        self._remembered = 0
        self._highest_key = MAX_U32 + 1
        self._kept: list[SessionMemory] = []  # a heap: the next to go is first

    def __repr__(self) -> str:
        return f"AuditMemory({len(self._kept)} sessions, {self._remembered} messages)"

    def __len__(self) -> int:
        """Return how many messages are remembered."""
        return self._remembered

    @property
    def sessions(self) -> list[SessionMemory]:
        """The remembered sessions, in no particular order."""
        return list(self._kept)

    def begin(self, session_id: str, scenario: str, participant_id: str) -> SessionMemory:
        """Return the memory of a session whose first message was acknowledged."""
        session = SessionMemory(self, session_id, scenario, participant_id)
        if session.key >= self._highest_key:
            session.forget()
        else:
            heappush(self._kept, session)
            if len(self._kept) > MAX_SESSIONS:
                self._drop_one()
        return session

    def took_one(self) -> None:
        """Note one more remembered message; beyond the bound, drop whole sessions until all others fit."""
        self._remembered += 1
        while self._remembered > self._bound and self._kept:
            self._drop_one()

    def _drop_one(self) -> None:
        session = heappop(self._kept)
        self._highest_key = session.key
        self._remembered -= session.forget()


def _key_of(session_id: str) -> int:
    return int.from_bytes(blake2b(session_id.encode("utf-8", "replace"), digest_size=4).digest(), "little")
