"""When each counter of trouble counted its first event in one process, by scenario and phase. Pure.

The seconds of a run hold few counters, and for all phases together. An event found out later than it happened, such as
a gap or a message that an audit misses, is reported with its own moment.
"""

from collections.abc import Iterator

from fleetlm_users.measure.cells import Cell
from fleetlm_users.measure.snapshot import LONGEST_RUN_S, FirstMoment

_Key = tuple[str, str, str]  # metric, scenario, phase


class FirstMoments:
    """The first moments of one ledger: as reported, or else the second in which a watched cell left 0."""

    def __init__(self) -> None:
        self._cells: dict[_Key, list[Cell]] = {}
        self._told_s: dict[_Key, float] = {}
        self._counted_s: dict[_Key, float] = {}

    def __repr__(self) -> str:
        return f"FirstMoments({len(self._told_s)} told, {len(self._counted_s)} counted)"

    def watch(self, metric: str, scenario: str, phase: str, cell: Cell) -> None:
        """Watch a cell of that counter, of any label, from now on."""
        cells = self._cells.setdefault((metric, scenario, phase), [])
        if not any(cell is watched for watched in cells):
            cells.append(cell)

    def tell(self, metric: str, scenario: str, phase: str, at_s: float) -> None:
        """Take the moment, in seconds of the run, of an event that is counted now."""
        key = (metric, scenario, phase)
        at_s = min(max(0.0, at_s), LONGEST_RUN_S)
        self._told_s[key] = min(at_s, self._told_s.get(key, at_s))

    def seal(self, second: int) -> None:
        """Close a second of the run. A count taken back within it has no moment."""
        for key, cells in self._cells.items():
            is_counted = any(cell.n > 0 for cell in cells)
            if is_counted is not (key in self._counted_s):
                if is_counted:
                    self._counted_s[key] = min(float(second), LONGEST_RUN_S)
                else:
                    del self._counted_s[key]

    def named(self) -> Iterator[FirstMoment]:
        """Yield each first moment, for a snapshot."""
        for key, at_s in (self._counted_s | self._told_s).items():
            yield FirstMoment(*key, at_s)
