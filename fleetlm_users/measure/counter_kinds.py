"""The kinds by which a counter is broken down. They come from servers, so their number is bounded; sums stay exact."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from fleetlm_users.foreign_text import MAX_LABEL, printable
from fleetlm_users.measure.snapshot import Count

MAX_KINDS: Final = 50
"""The most kinds per counter: enough to see what goes wrong. A server that says something new each time must not fill
the memory.
"""

OTHER: Final = "other"
"""Every kind beyond that."""


class Kinds:
    """The first MAX_KINDS kinds of each counter. A kind that counts as OTHER stays so: counts never move."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"Kinds({ {metric: len(kinds) for metric, kinds in self._kinds.items()} })"

    def of(self, metric: str, label: str) -> str:
        """Return the kind under which a label counts; the empty one, which stands for no kind, counts as itself."""
        if not label:
            return label
        kind = printable(label, MAX_LABEL)
        kinds = self._kinds.setdefault(metric, set())
        if kind not in kinds:
            if len(kinds) >= MAX_KINDS:
                return OTHER
            kinds.add(kind)
        return kind

    def merged(self, counts: Iterable[Count]) -> list[Count]:
        """Return the counts of a snapshot, with any further kinds added up as OTHER: the sum is the same."""
        sums: Counter[tuple[str, str, str, str]] = Counter()
        for count in counts:
            sums[count.metric, count.scenario, count.phase, self.of(count.metric, count.label)] += count.n
        return [Count(*key, n) for key, n in sums.items()]
