"""Single things that were found wrong, named one by one: a bounded list with the true total, merged over workers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fleetlm_users.foreign_text import printable

KEPT: Final = 50  # enough to see a pattern; a server that loses everything must not fill the memory


class Finding(NamedTuple):
    """One message and what is wrong with it; `seq` is None and `client_ref` empty where they are not known."""

    kind: str
    scenario: str
    session_id: str
    seq: int | None
    client_ref: str
    detail: str = ""

    @property
    def shown(self) -> "Finding":
        """The same with its texts bounded and printable: ids and details are the server's."""
        kind, scenario, session_id = (printable(text) for text in (self.kind, self.scenario, self.session_id))
        return Finding(kind, scenario, session_id, self.seq, printable(self.client_ref), printable(self.detail))


class Findings:
    """The first findings and the number of all."""

    def __init__(self, total: int = 0, kept: Iterable[Finding] = ()) -> None:
        self.total = total
        self.kept: tuple[Finding, ...] = tuple(kept)[:KEPT]

    def __repr__(self) -> str:
        return f"Findings({len(self.kept)} of {self.total})"

    def add(self, finding: Finding) -> None:
        """One more; kept while there is room."""
        self.total += 1
        if len(self.kept) < KEPT:
            self.kept += (finding.shown,)

    def to_wire(self) -> list[Any]:
        """As msgpack can carry it."""
        return [self.total, [list(finding) for finding in self.kept]]


def merged(snapshots: Iterable[Mapping[str, Any]]) -> Findings:
    """The findings of all workers' snapshots, in the order of the workers."""
    wires = [snapshot["findings"] for snapshot in snapshots if "findings" in snapshot]
    kept = [Finding(*row).shown for _, rows in wires for row in rows[:KEPT]]
    return Findings(sum(total for total, _ in wires), kept)
