"""Sessions as FleetLM lists them: which belong to a benchmark, which can still be deleted, and whose they are. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

ARCHIVED: Final = (
    "archived"  # the status after DELETE; FleetLM goes on listing the session (wire record, "session delete")
)
PAGE: Final = 50  # GET /api/sessions lists the newest 50, and has no second page


@dataclass(frozen=True)
class BenchSession:
    """One session created by a benchmark: its metadata says `bench: true`."""

    id: str
    user_id: str
    run_id: str
    scenario: str
    inserted_at: str
    archived: bool


@dataclass(frozen=True)
class RunMark:
    """A run to look for: its participants are `<prefix>-<run_id>-<n>`.

    `users`, `workers` and the number of sessions that the run began are known from a result folder, otherwise None.
    """

    run_id: str
    prefix: str
    users: int | None = None
    workers: int | None = None
    sessions: int | None = None


def bench_sessions(body: Any) -> Iterator[BenchSession]:
    """Yield the benchmark sessions in the body of GET /api/sessions; malformed entries are skipped."""
    listed = body.get("sessions") if isinstance(body, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        metadata = entry.get("metadata") if isinstance(entry, dict) else None
        if isinstance(metadata, dict) and metadata.get("bench") is True and isinstance(entry.get("id"), str):
            yield BenchSession(
                id=entry["id"],
                user_id=str(entry.get("user_id") or entry.get("sender_id") or ""),
                run_id=str(metadata.get("run_id") or ""),
                scenario=str(metadata.get("scenario") or ""),
                inserted_at=str(entry.get("inserted_at") or ""),
                archived=entry.get("status") == ARCHIVED,
            )


def is_full(body: Any) -> bool:
    """Return whether a list is as long as FleetLM's lists can be, so that there may be older sessions."""
    listed = body.get("sessions") if isinstance(body, dict) else None
    return isinstance(listed, list) and len(listed) >= PAGE


def mark_of(session: BenchSession) -> RunMark | None:
    """Return the run that a session's participant belongs to; None if its name is not `<prefix>-<run_id>-<n>`."""
    head, _, number = session.user_id.rpartition("-")
    prefix = head.removesuffix(f"-{session.run_id}")
    if not session.run_id or not number.isdigit() or not prefix or prefix == head:
        return None
    return RunMark(session.run_id, prefix)


def merged(marks: Iterable[RunMark]) -> list[RunMark]:
    """Return the marks without duplicates, keeping what a result folder says about a run."""
    newest: dict[tuple[str, str], RunMark] = {}
    for mark in marks:
        key = (mark.run_id, mark.prefix)
        if key not in newest or newest[key].users is None:
            newest[key] = mark
    return list(newest.values())
