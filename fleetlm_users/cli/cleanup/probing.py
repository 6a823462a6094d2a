"""Finding a run's sessions user by user, since FleetLM lists no more than 50 sessions and has no second page. Pure.

The planned users of a run are numbered from 1; users beyond the plan have numbers in a block of their worker's, which
most runs never use (workload/user_numbers.py). A number that FleetLM knows nothing of is a miss; after a long enough
stretch of misses a block is taken to be over, after enough empty blocks the run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fleetlm_users.cli.cleanup.sessions import BenchSession, RunMark, bench_sessions, is_full
from fleetlm_users.workload.identity import VUS_PER_BLOCK, participant, vu_number

MISSES: Final = 50
"""So many numbers in a row without a session end a block: users whose every creation failed leave holes."""

EMPTY_BLOCKS: Final = 3
"""So many blocks in a row without a session end a run: not every worker has users beyond the plan."""

Body = Any | None
"""What FleetLM answered to one list; None when it did not, which is counted elsewhere."""

Ask = Callable[[Sequence[str]], Sequence[Body]]
"""Lists the sessions of several participants at once."""


@dataclass
class Found:
    """What probing has found so far. `full` are participants whose list was full: older sessions may hide behind it."""

    sessions: dict[str, BenchSession] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    asked: int = 0

    def take(self, user_id: str, body: Body, run_id: str | None) -> bool:
        """Add what a list holds, of one run or of any (None); True when there was a benchmark session at all."""
        self.asked += 1
        found = [session for session in bench_sessions(body) if run_id is None or session.run_id == run_id]
        self.sessions.update((session.id, session) for session in found)
        if is_full(body):
            self.full.add(user_id)
        return bool(found)

    @property
    def deletable(self) -> list[BenchSession]:
        """The sessions that are not archived yet, oldest first."""
        open_ones = (session for session in self.sessions.values() if not session.archived)
        return sorted(open_ones, key=lambda session: (session.inserted_at, session.id))

    @property
    def archived(self) -> int:
        """How many have been deleted already."""
        return sum(session.archived for session in self.sessions.values())


def probe(mark: RunMark, ask: Ask, found: Found, *, batch: int, misses: int = MISSES) -> None:
    """Look for a run's sessions, block by block, and add them to `found`; `batch` participants are asked at once."""
    empty = block = 0
    while block <= (mark.workers or 0) or empty < EMPTY_BLOCKS:
        is_empty = not _probe_block(mark, block, ask, found, batch=batch, misses=misses)
        empty = empty + 1 if is_empty else 0
        block += 1


def _probe_block(  # noqa: PLR0913  # the parts of `probe`, and which block
    mark: RunMark, block: int, ask: Ask, found: Found, *, batch: int, misses: int
) -> bool:
    """Look through one block's numbers, all planned ones at least; True when any session was found."""
    in_a_row, has_any, k = 0, False, 0
    at_least = (mark.users or 0) if block == 0 else 0
    while (in_a_row < misses or k < at_least) and k < VUS_PER_BLOCK:
        numbers = range(k + 1, min(k + batch, VUS_PER_BLOCK) + 1)
        names = [participant(mark.prefix, mark.run_id, vu_number(block, n)) for n in numbers]
        for name, body in zip(names, ask(names), strict=True):
            is_hit = found.take(name, body, mark.run_id)
            in_a_row = 0 if is_hit else in_a_row + 1
            has_any = has_any or is_hit
        k = numbers[-1]
    return has_any
