"""The earlier run that a report compares its run with (`--baseline`): chosen before the run, compared at its end.

It only states differences: a run is judged by its thresholds alone, and `fleetlm-bench compare` is the gate for
regressions. So once the run has begun, no fault of the baseline may cost the run.
"""

import os.path
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fleetlm_users.earlier_runs.result_folders import EXAMPLE, SUMMARY, UNREADABLE, read_run
from fleetlm_users.errors import UsageError
from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.comparing.baseline import baseline_entry, no_baseline, obstacles_beforehand
from fleetlm_users.measure.comparing.comparison import RunFile, compare
from fleetlm_users.measure.comparing.rows import Tolerances
from fleetlm_users.measure.report.summary.related_types import BaselineEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.workload.options.model import Options, describe

FLAG: Final = "--baseline (BASELINE)"
MOST_LOOKED_AT: Final = 200
"""The most runs of a folder that are read in search of a comparable one, newest first: some seconds of work."""


class Baseline(msgspec.Struct, frozen=True):
    """The earlier run at or below `path`; None if none can be compared with this one; `problem` then says why."""

    path: Path
    run: RunFile | None
    problem: str = ""

    def entry(self, document: Summary) -> BaselineEntry:
        """Return the differences between the earlier run and this one, whose summary is `document`."""
        if self.run is None:
            return no_baseline(str(self.path), self.problem)
        try:
            return baseline_entry(compare(self.run, RunFile(self.path / "this run", document), Tolerances()))
        except UNREADABLE as problem:  # a fault that the file's validation missed
            return no_baseline(str(self.path), f"its figures cannot be read ({type(problem).__name__}: {problem})")


def check_baseline(options: Options) -> None:
    """Raise UsageError if `--baseline` names no readable run."""
    path = options.baseline
    if path is not None and not _runs_below(path):
        _read(path)


def baseline_of(options: Options, say: Callable[[str], None]) -> Baseline | None:
    """Return the earlier run to compare with, or None if none is wanted: the one that `--baseline` names or, in a
    folder of runs, the newest comparable one. A warning names runs that cannot be compared or were left out.

    Raises:
        UsageError: The run, or each run of the folder, cannot be read.
    """
    path = options.baseline
    if path is None:
        return None
    described = describe(options)
    planned: Any = {"plan": described.pop("plan"), "options": described}
    files = _runs_below(path)
    baseline = _newest_of(path, files, planned, say) if files else _only(path, planned)
    if baseline.run is None:
        say(f"warning: --baseline {printable(str(path))}: not comparable, since {baseline.problem}")
    elif files:
        say(f"baseline: run {baseline.run.run_id or '?'} in {printable(str(baseline.run.path.parent))}")
    return baseline


def _runs_below(path: Path) -> list[Path]:
    """Return the summaries in a folder of result folders, newest first by name; empty for a run's own folder."""
    if not os.path.isdir(path) or os.path.lexists(path / SUMMARY):
        return []
    return sorted(path.glob(f"*/{SUMMARY}"), key=lambda file: file.parent.name, reverse=True)


def _only(path: Path, planned: Mapping[str, Any]) -> Baseline:
    run = _read(path)
    obstacles = _obstacles(run, planned)
    return Baseline(path, run if not obstacles else None, "; ".join(obstacles))


def _newest_of(path: Path, files: list[Path], planned: Mapping[str, Any], say: Callable[[str], None]) -> Baseline:
    """Return the newest comparable run. If there is none, the newest run of the same benchmark gives the reason."""
    problem, unread = "", 0
    for file in files[:MOST_LOOKED_AT]:
        try:
            run = _read(file)
        except UsageError as refused:
            say(f"warning: {refused}")
            unread += 1
            continue
        obstacles = _obstacles(run, planned)
        if not obstacles:
            return Baseline(path, run)
        if not problem or (run.benchmark == planned["options"]["benchmark"] and "different benchmarks" in problem):
            problem = f"none of its runs can be; {run.path.parent.name}: {'; '.join(obstacles)}"
    if unread == len(files):
        raise UsageError(FLAG, str(path), "a folder with at least one readable run", f"--baseline {EXAMPLE}")
    return Baseline(path, None, problem)


def _obstacles(run: RunFile, planned: Any) -> list[str]:
    try:
        return obstacles_beforehand(run, planned)
    except UNREADABLE as problem:
        return [f"its settings cannot be read ({type(problem).__name__}: {problem})"]


def _read(path: Path) -> RunFile:
    """Return a run. Raise UsageError that names the option."""
    try:
        return read_run(path)
    except UsageError as problem:
        raise UsageError(FLAG, problem.value, problem.expected, f"--baseline {EXAMPLE}") from problem
