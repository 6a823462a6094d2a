"""What peers sent and nobody acted on: told once for each peer and kind, counted, and a reason to doubt the run."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fleetlm_users.foreign_text import printable
from fleetlm_users.shape import shown

logger = logging.getLogger(__name__)

MOST_PEERS: Final = 1_000
"""Whose messages are counted one by one; whoever sends garbage may use any number of names."""

MOST_LINES: Final = 20
MOST_KIND_CHARS: Final = 40
MOST_PROBLEM_CHARS: Final = 300


@dataclass(slots=True)
class _PeerRefusals:
    first: str
    count: int = 0
    kinds: set[str] = field(default_factory=set)


class RefusedMessages:
    """Counts refused messages by peer, and tells a person of them by `say`, in a bounded number of lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._peers: dict[str, _PeerRefusals] = {}
        self._lines = 0
        self.count = 0

    def begin(self) -> None:
        """A run begins: what was refused before it is no reason to doubt it."""
        self._peers = {}
        self._lines = 0
        self.count = 0

    def add(self, peer: str, kind: object, problem: str) -> None:
        """A message of that kind was refused."""
        self.count += 1
        name = printable(kind, MOST_KIND_CHARS) if isinstance(kind, str) else shown(kind)
        words = printable(problem, MOST_PROBLEM_CHARS)
        found = self._peers.get(peer)
        if found is None:
            if len(self._peers) >= MOST_PEERS:
                return
            found = self._peers[peer] = _PeerRefusals(f"({name}) {words}")
        found.count += 1
        if name not in found.kinds and self._lines < MOST_LINES:
            found.kinds.add(name)
            self._tell(peer, name, words)

    def doubts(self, workers: Iterable[str]) -> list[str]:
        """For each of the workers of which something was refused, in words: what it measured may be missing."""
        told = []
        for worker in workers:
            found = self._peers.get(worker)
            if found is not None:
                messages = "a message" if found.count == 1 else f"{found.count:,} messages"
                told.append(
                    f"worker {worker} sent {messages} that could not be read, so what it measured may be missing;"
                    f" the first: {found.first}"
                )
        return told

    def tell_count(self) -> None:
        """The run is over: how many were refused, where not each was told."""
        if self.count > self._lines:
            self._say(f"{self.count:,} messages were refused in all.")

    def _tell(self, peer: str, kind: str, words: str) -> None:
        self._lines += 1
        self._say(f"A message ({kind}) from {printable(peer)} was refused: {words}")
        if self._lines == MOST_LINES:
            self._say("Further refused messages are only counted.")
