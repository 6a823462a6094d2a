"""The runs of a trend, read from result folders in order of time, and the results left out, each with the reason."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fleetlm_users.earlier_runs.result_folders import EXAMPLE, SUMMARY, read_run
from fleetlm_users.errors import UsageError
from fleetlm_users.measure.comparing.comparison import RunFile

DEPTH: Final = 4
"""How many folders deep to look for runs: CI systems unpack the files of many jobs into nested folders."""

MAX_RUNS: Final = 2_000
_STAMP: Final = re.compile(r"(\d{8}T\d{6})Z-")
_COMMIT: Final = re.compile(r"[\w.-]{4,64}")


@dataclass(frozen=True)
class PastRun:
    """A run and when it started. `commit` is empty if the run does not know one."""

    file: RunFile
    started: datetime
    commit: str

    @property
    def name(self) -> str:
        """The run's id, or the name of its folder."""
        return self.file.run_id or self.file.path.parent.name


@dataclass(frozen=True)
class LeftOut:
    """A result that is not part of the trend, and why; `started` is None if it is unknown when."""

    path: Path
    reason: str
    started: datetime | None = None


@dataclass(frozen=True)
class RunHistory:
    """Runs from the oldest to the newest, and the results left out."""

    runs: tuple[PastRun, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def left_out_since(self) -> tuple[LeftOut, ...]:
        """Return the results left out that are newer than the newest run: the answer says nothing about them."""
        if not self.runs:
            return ()
        newest = self.runs[-1].started
        return tuple(one for one in self.left_out if one.started is not None and one.started > newest)


def read_history(folders: Iterable[Path], last: int | None = None) -> RunHistory:
    """Return the runs of result folders, or of folders of them, oldest first; with `last` only that many of the newest.

    Left out are inconclusive runs, since nobody can rely on their figures, runs without a start time, runs that appear
    twice, and files that cannot be read, unless given by name.

    Raises:
        UsageError: A folder holds no run, a named file cannot be read, or there are more than 2,000 runs.
    """
    runs: dict[tuple[str, datetime], PastRun] = {}
    left_out: list[LeftOut] = []
    for file, is_named in _files(folders):
        try:
            run = read_run(file)
        except UsageError as problem:
            if is_named:
                raise
            left_out.append(LeftOut(file, problem.expected, _stamped(file)))
            continue
        started = _started(run)
        if run.verdict == "inconclusive":
            left_out.append(LeftOut(file, "inconclusive: " + "; ".join(run.summary["verdict"]["doubts"]), started))
        elif started is None:
            left_out.append(LeftOut(file, "does not say when it started"))
        elif (run.run_id, started) in runs:
            left_out.append(LeftOut(file, f"is the same run as {runs[run.run_id, started].file.path.parent}"))
        else:
            runs[run.run_id, started] = PastRun(run, started, commit_of(run.summary.get("versions") or {}))
    ordered = sorted(runs.values(), key=lambda run: (run.started, run.name))
    return RunHistory(tuple(ordered if last is None else ordered[-last:]), tuple(left_out))


def commit_of(versions: Mapping[str, object]) -> str:
    """Return the commit of a run: the tested code's if CI names it, otherwise that of the load test's own checkout."""
    for name in ("commit", "git_commit"):
        commit = versions.get(name)
        if isinstance(commit, str) and _COMMIT.fullmatch(commit):
            return commit
    return ""


def _files(folders: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield every summary once, and whether it was given by name rather than found in a folder."""
    seen: set[Path] = set()
    for folder in folders:
        file = folder / SUMMARY if (folder / SUMMARY).exists() else folder
        is_run = not file.is_dir()
        files = [file] if is_run else list(_below(folder))
        if not files:
            raise UsageError("FOLDER", str(folder), f"a folder with results ({SUMMARY}) of runs", EXAMPLE)
        for file in files:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file, is_run
        if len(seen) > MAX_RUNS:
            raise UsageError("FOLDER", str(folder), f"at most {MAX_RUNS:,} runs", EXAMPLE)


def _below(folder: Path) -> Iterator[Path]:
    for depth in range(1, DEPTH + 1):
        try:
            yield from sorted(folder.glob("*/" * depth + SUMMARY))
        except OSError as problem:
            raise UsageError("FOLDER", str(folder), f"a folder to look into; {problem.strerror}", EXAMPLE) from problem


def _started(run: RunFile) -> datetime | None:
    """Return when a run started, in UTC: from its summary, or from the name of its folder."""
    said = run.summary["run"].get("started_at")
    try:
        started = datetime.fromisoformat(said) if isinstance(said, str) and said else None
        return _stamped(run.path) if started is None else started.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stamped(file: Path) -> datetime | None:
    """Return the moment in the name of a result folder, in UTC."""
    stamp = _STAMP.match(file.resolve().parent.name)
    try:
        return None if stamp is None else datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
