"""The files that a run leaves behind: tried before it begins, written at its end, and reported if missing.

The result folder of a run is `results/<utc time>-<benchmark>-<run id>/`. It holds everything that the console showed,
and more.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.summary.related_types import AnnotationsEntry
from fleetlm_users.measure.report.summary.types import RunRecord, Summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.timeline.rows import SeriesRow, from_csv, to_csv
from fleetlm_users.swarm.results.output_file import share_a_file, try_file, try_new, write_file
from fleetlm_users.workload.options.model import COMMON, Options
from fleetlm_users.workload.options.specs import OptionSpec

PART: Final = ".part"
SUMMARY: Final = "summary.json"
TIMESERIES: Final = "timeseries.csv"
REPORT_PAGE: Final = "report.html"
REPORT_TEXT: Final = "report.txt"


class ResultFolder(msgspec.Struct, frozen=True):
    """The outcome of writing: `path` is None if there is no file at all, `problems` holds the errors by file."""

    path: Path | None
    problems: Mapping[str, OSError]


def try_results(parent: Path, benchmark: str, run_id: str) -> None:
    """Check that a result folder can be created and written to, and leave everything as it was. Raise OSError."""
    folder = Path(os.path.realpath(parent)) / _name_of(benchmark, run_id)
    try_new(folder / f"{TIMESERIES}{PART}")


def write_results(
    parent: Path, benchmark: str, run_id: str, files: Mapping[str, str | Mapping[str, Any]]
) -> ResultFolder:
    """Write the files of one run (text unchanged, mappings as JSON) into a new folder.

    Each file appears whole or not at all: it is written under another name first. A file that cannot be written does
    not prevent the others.

    Raises:
        OSError: The folder cannot be made.
    """
    os.makedirs(os.path.realpath(parent), exist_ok=True)
    folder = _new_folder(parent, _name_of(benchmark, run_id))
    problems: dict[str, OSError] = {}
    for name, content in files.items():
        try:
            _write_whole(folder / name, _as_text(content))
        except OSError as problem:
            problems[name] = problem
    if files and len(problems) == len(files):
        with contextlib.suppress(OSError):
            folder.rmdir()
        return ResultFolder(None, problems)
    return ResultFolder(folder, problems)


def _name_of(benchmark: str, run_id: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{benchmark}-{run_id}"


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(path.name + PART)
    try:
        part.write_bytes(text.encode("utf-8", "backslashreplace"))  # lone surrogates have no UTF-8
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _new_folder(parent: Path, name: str) -> Path:
    """Create and return a folder that did not exist: two runs of one id within a second get two folders."""
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        folder = parent / f"{name}{suffix}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent / name} and its numbered siblings all exist")


logger = logging.getLogger(__name__)

REPORT_WIDTH = 100

UNWRITTEN_EXIT: Final = 5
"""The exit code of a run that passed but lacks a requested file: a pipeline that needs the file must not look green."""

_SPECS: Final = {spec.name: spec for spec in COMMON}
_RENDERERS: Final[dict[str, Callable[[Summary], str]]] = {"junit": render_junit, "markdown": render_markdown}


def try_reports(options: Options) -> None:
    """Check that all files of a run can be written, and leave everything as it was. Raise UsageError."""
    for name in _RENDERERS:
        path: Path | None = getattr(options, name)
        if path is not None:
            _try(_SPECS[name], path, "a file that can be written ({})", partial(try_file, path))
    if options.junit is not None and options.markdown is not None and share_a_file(options.junit, options.markdown):
        spec = _SPECS["markdown"]
        raise UsageError(spec.label, str(options.markdown), "another file than that of --junit", spec.example)
    if not options.no_results:
        folder = options.results_dir
        accepted = "a folder that can be written to ({}); --no-results does without"
        _try(_SPECS["results_dir"], folder, accepted, partial(try_results, folder, options.benchmark, options.run_id))


def write_reports(options: Options, summary: Summary, rows: Sequence[SeriesRow]) -> Path | None:
    """Write the files requested by path and the result folder; return the folder, None if there is none.

    Files that cannot be written are added to the summary, and change its exit code.
    """
    for name, renderer in _RENDERERS.items():
        path: Path | None = getattr(options, name)
        if path is not None:
            try:
                write_file(path, renderer(summary))
            except OSError as problem:
                note_unwritten(summary, _SPECS[name].flag, path, problem)
    return None if options.no_results else _write_folder(options, summary, rows)


def note_unwritten(summary: Summary, flag: str, path: Path | str, problem: OSError) -> None:
    """Note in a summary that a file is missing; exit codes 3 and 4 take precedence."""
    why = problem.strerror or str(problem)
    logger.error("The report cannot be written to %s: %s", path, why)
    summary.setdefault("unwritten", []).append(f"{flag} {path}: {why}")
    if summary["verdict"]["exit_code"] == 0:
        summary["verdict"]["exit_code"] = UNWRITTEN_EXIT


def note_annotations(summary: Summary, folder: Path | None, entry: AnnotationsEntry) -> None:
    """Add the fate of the run's annotations to a written summary, and those not posted to its reports."""
    summary["annotations"] = entry
    if folder is None:
        return
    files = {SUMMARY: lambda: _as_text(summary)}
    if entry["failed"]:
        rows = folder / TIMESERIES
        files[REPORT_TEXT] = lambda: render(summary, REPORT_WIDTH, colour=False)
        files[REPORT_PAGE] = lambda: render_html(summary, from_csv(rows.read_text(encoding="utf-8")))
    for name, text in files.items():
        try:
            _write_whole(folder / name, text())
        except (OSError, ShapeError) as problem:  # the previous file is still there
            logger.warning("%s does not record what was annotated: %s", folder / name, problem)


def _as_text(content: str | Mapping[str, Any]) -> str:
    """Return the contents of a file: text unchanged, mappings as JSON."""
    return content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _write_folder(options: Options, summary: Summary, rows: Sequence[SeriesRow]) -> Path | None:
    files: dict[str, str | Mapping[str, Any]] = {
        SUMMARY: summary,
        "run.json": {name: part for name, part in summary.items() if name in RunRecord.__annotations__},
        TIMESERIES: to_csv(rows),
        REPORT_PAGE: render_html(summary, rows),
        REPORT_TEXT: render(summary, REPORT_WIDTH, colour=False),
    }
    parent = options.results_dir
    try:
        folder = write_results(parent, options.benchmark, options.run_id, files)
    except OSError as problem:
        note_unwritten(summary, _SPECS["results_dir"].flag, parent, problem)
        return None
    for name, reason in folder.problems.items():
        note_unwritten(summary, _SPECS["results_dir"].flag, (folder.path or parent) / name, reason)
    return folder.path


def _try(spec: OptionSpec, path: Path, accepted: str, attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except (OSError, ValueError) as problem:  # ValueError: a NUL, or a character that the locale has no bytes for
        why = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise UsageError(spec.label, str(path), accepted.format(why), f"{spec.flag} {spec.example}") from problem
