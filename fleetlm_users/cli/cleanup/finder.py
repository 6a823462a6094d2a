"""Find the sessions that benchmarks left, and delete them; independent of terminals.

FleetLM lists at most 50 sessions and has no second page, so a run's sessions are found participant by participant. The
planned users of a run are numbered from 1; users beyond the plan have numbers in a block of their worker's, which most
runs never use (workload/user_numbers.py). A number without a session is a miss; enough misses in a row end a block, and
enough empty blocks end the run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from fleetlm_users.cli.cleanup.api import Sessions, Sweep
from fleetlm_users.cli.cleanup.sessions import BenchSession, RunMark, bench_sessions, is_full, mark_of, merged
from fleetlm_users.foreign_text import printable
from fleetlm_users.workload.identity import VUS_PER_BLOCK, participant, vu_number

MISSES: Final = 50
"""Consecutive numbers without a session that end a block; users that never created one leave gaps."""

EMPTY_BLOCKS: Final = 3
"""Consecutive blocks without a session that end a run; not every worker has users beyond the plan."""

MAX_RUN_ID: Final = 60  # without --run-id the run ids come from FleetLM

Tell = Callable[[str], None]
"""Takes a progress message as text."""

Body = Any | None
"""FleetLM's answer to one list; None if there was none, which is counted elsewhere."""

Ask = Callable[[Sequence[str]], Sequence[Body]]
"""Lists the sessions of several participants at once."""


@dataclass
class FoundSessions:
    """The sessions found so far. `full` are participants whose list was full: it may lack older sessions."""

    sessions: dict[str, BenchSession] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    asked: int = 0

    def take(self, user_id: str, body: Body, run_id: str | None) -> bool:
        """Add the sessions in a list, of one run or of any (None); return True if it holds any benchmark session."""
        self.asked += 1
        matching = [session for session in bench_sessions(body) if run_id is None or session.run_id == run_id]
        self.sessions.update((session.id, session) for session in matching)
        if is_full(body):
            self.full.add(user_id)
        return bool(matching)

    @property
    def deletable(self) -> list[BenchSession]:
        """The sessions that are not archived yet, oldest first."""
        open_ones = (session for session in self.sessions.values() if not session.archived)
        return sorted(open_ones, key=lambda session: (session.inserted_at, session.id))

    @property
    def archived(self) -> int:
        """How many are already deleted."""
        return sum(session.archived for session in self.sessions.values())


def probe(mark: RunMark, ask: Ask, leftovers: FoundSessions, *, batch: int, misses: int = MISSES) -> None:
    """Look for a run's sessions, block by block, and add them to `found`; `batch` participants are listed at once."""
    empty = block = 0
    while block <= (mark.workers or 0) or empty < EMPTY_BLOCKS:
        is_empty = not _probe_block(mark, block, ask, leftovers, batch=batch, misses=misses)
        empty = empty + 1 if is_empty else 0
        block += 1


def _probe_block(  # noqa: PLR0913  # the parts of `probe`, and which block
    mark: RunMark, block: int, ask: Ask, leftovers: FoundSessions, *, batch: int, misses: int
) -> bool:
    """Search one block's numbers, at least all planned ones; return True if any session was found."""
    in_a_row, has_any, k = 0, False, 0
    at_least = (mark.users or 0) if block == 0 else 0
    while (in_a_row < misses or k < at_least) and k < VUS_PER_BLOCK:
        numbers = range(k + 1, min(k + batch, VUS_PER_BLOCK) + 1)
        names = [participant(mark.prefix, mark.run_id, vu_number(block, n)) for n in numbers]
        for name, body in zip(names, ask(names), strict=True):
            is_hit = leftovers.take(name, body, mark.run_id)
            in_a_row = 0 if is_hit else in_a_row + 1
            has_any = has_any or is_hit
        k = numbers[-1]
    return has_any


class ListsAll(Sessions, Protocol):
    """The REST calls needed here; `client.RestApi` has them."""

    def call(self, method: str, path: str) -> Any:
        """Make any call; `body` is the answer. Raises RestFailed."""


@dataclass(frozen=True)
class Cleaner:
    """Finds and deletes sessions; `batch` participants are listed at once."""

    api: ListsAll
    sweep: Sweep
    batch: int
    tell: Tell

    def find(self, marks: Sequence[RunMark]) -> FoundSessions:
        """Return the sessions of these runs; without any, of the runs among FleetLM's newest 50 sessions.

        Raises Unreachable if FleetLM answers nothing at all, RestFailed if it does not list its newest sessions.
        """
        leftovers = FoundSessions()
        for mark in marks or self._newest_runs(leftovers):
            probe(mark, self._asking(mark.run_id, leftovers), leftovers, batch=self.batch)
        return leftovers

    def delete(self, leftovers: FoundSessions) -> int:
        """Delete the sessions found and return how many were deleted.

        Participants whose list was full are listed again: a server that does not list archived sessions then shows
        older ones. Ends once nothing new turns up.
        """
        deleted, tried = 0, set[str]()
        while waiting := [session for session in leftovers.deletable if session.id not in tried]:
            tried.update(session.id for session in waiting)
            deleted += self._delete(waiting, deleted)
            self._look_again(waiting, leftovers)
        return deleted

    def _newest_runs(self, leftovers: FoundSessions) -> list[RunMark]:
        """Take the newest sessions of all, and of participants with other names; return the runs they show."""
        newest = list(bench_sessions(self.api.call("GET", "/sessions").body))
        leftovers.sessions.update((session.id, session) for session in newest)
        strangers = sorted({session.user_id for session in newest if session.user_id and mark_of(session) is None})
        for name, body in zip(strangers, self.sweep.ask(strangers), strict=True):
            leftovers.take(name, body, None)
        return merged(mark for session in newest if (mark := mark_of(session)))

    def _asking(self, run_id: str, leftovers: FoundSessions) -> Callable[[Sequence[str]], Sequence[Body]]:
        def ask(user_ids: Sequence[str]) -> Sequence[Body]:
            found_so_far = f"{leftovers.asked:,} participants checked, {len(leftovers.deletable):,} sessions found"
            self.tell(f"run {printable(run_id, MAX_RUN_ID)}: {found_so_far}")
            return self.sweep.ask(user_ids)

        return ask

    def _delete(self, sessions: Sequence[BenchSession], before: int) -> int:
        done = before

        def tell() -> None:
            nonlocal done
            done += 1
            self.tell(f"{done:,} of {before + len(sessions):,} deleted")

        return self.sweep.delete([session.id for session in sessions], tell)

    def _look_again(self, deleted: Sequence[BenchSession], leftovers: FoundSessions) -> None:
        runs = {session.user_id: session.run_id for session in deleted if session.user_id in leftovers.full}
        for start in range(0, len(runs), self.batch):
            names = list(runs)[start : start + self.batch]
            for name, body in zip(names, self.sweep.ask(names), strict=True):
                leftovers.take(name, body, runs[name])
