"""The result of a cleanup as text. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from fleetlm_users.cli.cleanup.finder import FoundSessions
from fleetlm_users.cli.cleanup.sessions import BenchSession, RunMark
from fleetlm_users.foreign_text import printable
from fleetlm_users.measure import formatting
from fleetlm_users.measure.report.terminal_style import Style, Table

MAX_RUNS = 20
MAX_CELL = 60
LISTED_ONLY = (
    "Only the newest 50 sessions of all are listed by FleetLM, so runs older than those cannot be found without "
    "--run-id or --results."
)
OTHER_PREFIX = "Sessions of another --participant-prefix are not found."


def found_text(sessions_found: FoundSessions, marks: Sequence[RunMark], style: Style) -> str:
    """Return the sessions found, one line per run, and what cannot be known; `marks` are the requested runs."""
    sessions = sessions_found.deletable
    already = f", {formatting.count(sessions_found.archived)} deleted already" if sessions_found.archived else ""
    lines = ["", f"  {style.paint(_many(len(sessions)), 'bold')} to delete{already}."]
    if sessions:
        lines += ["", *_by_run(sessions, style)]
    lines += [line for note in _notes(sessions_found, marks) for line in ("", *style.wrapped(note, "  ", "  "))]
    return style.finish([*lines, ""])


def done_text(deleted: int, failures: Counter[str], *, style: Style) -> str:
    """Return the sessions deleted, and the failures by kind."""
    look = "red" if failures else "green"
    lines = [f"  {style.paint(_many(deleted), 'bold', look)} deleted."]
    lines += [f"  ✗ {formatting.count(count)} × {kind}" for kind, count in failures.most_common()]
    return style.finish([*lines, ""])


def _by_run(sessions: Sequence[BenchSession], style: Style) -> Iterator[str]:
    runs: dict[str, list[BenchSession]] = {}
    for session in sessions:
        runs.setdefault(session.run_id or "(no run id)", []).append(session)
    rows = [
        (
            printable(run_id, MAX_CELL),
            formatting.count(len(group)),
            printable(", ".join(sorted({s.scenario for s in group})), MAX_CELL),
            printable(group[0].inserted_at, MAX_CELL),
            printable(group[-1].inserted_at, MAX_CELL),
        )
        for run_id, group in list(runs.items())[-MAX_RUNS:]
    ]
    head = ("run", "sessions", "scenarios", "oldest (UTC)", "newest (UTC)")
    yield from Table(head, tuple(rows), ("oldest (UTC)", "scenarios"), 2).lines(style)
    if len(runs) > MAX_RUNS:
        yield f"  … and {len(runs) - MAX_RUNS} older runs"


def _notes(sessions_found: FoundSessions, marks: Sequence[RunMark]) -> Iterator[str]:
    yield OTHER_PREFIX if marks else LISTED_ONLY
    runs = Counter(session.run_id for session in sessions_found.sessions.values())
    for mark in marks:
        if mark.sessions is not None and mark.sessions > runs[mark.run_id]:
            seen = formatting.count(runs[mark.run_id])
            yield (
                f"Run {mark.run_id} began {_many(mark.sessions)}, but only {seen} could be found: the others were not "
                "created, or FleetLM does not list them."
            )
    if sessions_found.full:
        count = len(sessions_found.full)
        yield (
            f"{formatting.count(count)} participant{'s have' if count > 1 else ' has'} 50 sessions or more, and "
            "FleetLM lists only the newest 50: older ones that were not deleted cannot be found."
        )


def _many(count: int) -> str:
    return f"{formatting.count(count)} session{'' if count == 1 else 's'}"
