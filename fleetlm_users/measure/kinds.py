"""Which kinds a counter tells apart. Reasons come from servers, so their number is bounded; the count stays exact."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fleetlm_users.foreign_text import MAX_LABEL, printable

MAX_KINDS: Final = 50
"""Per counter: enough to see what goes wrong. A server that says something new each time must not fill the memory."""

OTHER: Final = "other"
"""Every kind beyond that."""


class Kinds:
    """The first MAX_KINDS kinds of each counter. What is OTHER once stays so: counts never move between kinds."""

    def __init__(self) -> None:
        self._kept: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"Kinds({ {metric: len(kinds) for metric, kinds in self._kept.items()} })"

    def of(self, metric: str, label: str) -> str:
        """What the label counts as; the empty one, which stands for no kind, as itself."""
        if not label:
            return label
        kind = printable(label, MAX_LABEL)
        kept = self._kept.setdefault(metric, set())
        if kind not in kept:
            if len(kept) >= MAX_KINDS:
                return OTHER
            kept.add(kind)
        return kind

    def merged(self, counts: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """The counts of a snapshot, those of kinds that are not kept added up: the sum is the same."""
        sums: Counter[tuple[str, str, str, str]] = Counter()
        for metric, scenario, phase, label, n in counts:
            sums[metric, scenario, phase, self.of(metric, label)] += n
        return [[*key, n] for key, n in sums.items()]
