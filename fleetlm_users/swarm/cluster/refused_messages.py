"""Refused messages of peers: logged once per peer and type, counted, and a reason to doubt the run."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from fleetlm_users.foreign_text import printable
from fleetlm_users.shape import shown

logger = logging.getLogger(__name__)

MAX_PEERS: Final = 1_000
"""How many peers are counted individually; a sender of garbage may use any number of names."""

MAX_LINES: Final = 20
MAX_TYPE_CHARS: Final = 40
MAX_PROBLEM_CHARS: Final = 300


class _PeerRefusals(msgspec.Struct):
    first: str
    count: int = 0
    kinds: set[str] = msgspec.field(default_factory=set)


class RefusedMessages:
    """The number of refused messages by peer; `say` reports them in a bounded number of lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._peers: dict[str, _PeerRefusals] = {}
        self._lines = 0
        self.count = 0

    def begin(self) -> None:
        """Begin a run: messages refused before it are no reason to doubt it."""
        self._peers = {}
        self._lines = 0
        self.count = 0

    def add(self, peer: str, kind: object, problem: str) -> None:
        """Count a refused message of that type."""
        self.count += 1
        name = printable(kind, MAX_TYPE_CHARS) if isinstance(kind, str) else shown(kind)
        words = printable(problem, MAX_PROBLEM_CHARS)
        refusals = self._peers.get(peer)
        if refusals is None:
            if len(self._peers) >= MAX_PEERS:
                return
            refusals = self._peers[peer] = _PeerRefusals(f"({name}) {words}")
        refusals.count += 1
        if name not in refusals.kinds and self._lines < MAX_LINES:
            refusals.kinds.add(name)
            self._report(peer, name, words)

    def doubts(self, workers: Iterable[str]) -> list[str]:
        """Return a sentence for each worker whose messages were refused: its measurements may be missing."""
        sentences = []
        for worker in workers:
            refusals = self._peers.get(worker)
            if refusals is not None:
                messages = "a message" if refusals.count == 1 else f"{refusals.count:,} messages"
                sentences.append(
                    f"worker {worker} sent {messages} that could not be read, so some of its measurements may be"
                    f" missing; the first: {refusals.first}"
                )
        return sentences

    def report_count(self) -> None:
        """Report how many messages were refused, unless each had a line. Call it after the run."""
        if self.count > self._lines:
            self._say(f"{self.count:,} messages were refused in all.")

    def _report(self, peer: str, kind: str, words: str) -> None:
        self._lines += 1
        self._say(f"A message ({kind}) from {printable(peer)} was refused: {words}")
        if self._lines == MAX_LINES:
            self._say("Further refused messages are only counted.")
