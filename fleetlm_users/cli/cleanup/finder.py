"""Finds the sessions that benchmarks left, and deletes them; knows nothing of terminals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fleetlm_users.cli.cleanup.api import Sessions, Sweep
from fleetlm_users.cli.cleanup.probing import Body, Found, probe
from fleetlm_users.cli.cleanup.sessions import BenchSession, RunMark, bench_sessions, mark_of, merged
from fleetlm_users.foreign_text import printable

MAX_RUN_ID: Final = 60  # it is FleetLM that names the runs which it knows

Tell = Callable[[str], None]
"""Says how far it is, in words."""


class ListsAll(Sessions, Protocol):
    """The REST calls that are needed; `client.RestApi` has them."""

    def call(self, method: str, path: str) -> Any:
        """Any call; `body` is the answer. Raises RestFailed."""


@dataclass(frozen=True)
class Cleaner:
    """`batch` participants are asked at once."""

    api: ListsAll
    sweep: Sweep
    batch: int
    tell: Tell

    def find(self, marks: Sequence[RunMark]) -> Found:
        """Return the sessions of these runs; without any, of the runs that FleetLM's newest 50 sessions show.

        Raises Unreachable when FleetLM answers nothing at all, RestFailed when it does not give its newest sessions.
        """
        found = Found()
        for mark in marks or self._newest_runs(found):
            probe(mark, self._asking(mark.run_id, found), found, batch=self.batch)
        return found

    def delete(self, found: Found) -> int:
        """Delete what was found and return how many were.

        Participants whose list was full are asked again: a server that does not list what is archived shows older
        sessions then. Ends when nothing new comes to light.
        """
        deleted, tried = 0, set[str]()
        while waiting := [session for session in found.deletable if session.id not in tried]:
            tried.update(session.id for session in waiting)
            deleted += self._delete(waiting, deleted)
            self._look_again(waiting, found)
        return deleted

    def _newest_runs(self, found: Found) -> list[RunMark]:
        """Take the newest sessions of all, and of participants named otherwise; return the runs they show."""
        newest = list(bench_sessions(self.api.call("GET", "/sessions").body))
        found.sessions.update((session.id, session) for session in newest)
        strangers = sorted({session.user_id for session in newest if session.user_id and mark_of(session) is None})
        for name, body in zip(strangers, self.sweep.ask(strangers), strict=True):
            found.take(name, body, None)
        return merged(mark for session in newest if (mark := mark_of(session)))

    def _asking(self, run_id: str, found: Found) -> Callable[[Sequence[str]], Sequence[Body]]:
        def ask(user_ids: Sequence[str]) -> Sequence[Body]:
            found_so_far = f"{found.asked:,} participants asked, {len(found.deletable):,} sessions found"
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

    def _look_again(self, deleted: Sequence[BenchSession], found: Found) -> None:
        runs = {session.user_id: session.run_id for session in deleted if session.user_id in found.full}
        for start in range(0, len(runs), self.batch):
            names = list(runs)[start : start + self.batch]
            for name, body in zip(names, self.sweep.ask(names), strict=True):
                found.take(name, body, runs[name])
