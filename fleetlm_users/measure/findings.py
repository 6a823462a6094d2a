"""Faulty messages, named one by one: a bounded list with the true total, merged over workers."""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from fleetlm_users.foreign_text import printable

MAX_FINDINGS: Final = 50
"""The most findings kept: enough to see a pattern; a server that loses everything must not fill the memory."""

LongText = Annotated[str, Meta(max_length=10_000)]


class Finding(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One faulty message and its fault; `seq` is None and `client_ref` empty where they are unknown."""

    kind: LongText
    scenario: LongText
    session_id: LongText
    seq: int | None
    client_ref: LongText
    detail: LongText = ""

    @property
    def printable(self) -> "Finding":
        """The same finding with its texts bounded and printable: ids and details come from the server."""
        kind, scenario, session_id = (printable(text) for text in (self.kind, self.scenario, self.session_id))
        return Finding(kind, scenario, session_id, self.seq, printable(self.client_ref), printable(self.detail))


class Findings(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The first findings (`first`), and the number of all (`total`)."""

    total: Annotated[int, Meta(ge=0, le=2**53)] = 0
    first: Annotated[tuple[Finding, ...], Meta(max_length=MAX_FINDINGS)] = ()

    def __repr__(self) -> str:
        return f"Findings({len(self.first)} of {self.total})"

    def add(self, finding: Finding) -> None:
        """Add one more; once there are MAX_FINDINGS, it is only counted."""
        self.total += 1
        if len(self.first) < MAX_FINDINGS:
            self.first += (finding.printable,)

    def copy(self) -> "Findings":
        """Return a copy to which nothing is added."""
        return Findings(self.total, self.first)


def merged(parts: Iterable[Findings]) -> Findings:
    """Return the findings of all workers, in order of the workers."""
    parts = list(parts)
    first = [finding.printable for part in parts for finding in part.first]
    return Findings(sum(part.total for part in parts), tuple(first[:MAX_FINDINGS]))
