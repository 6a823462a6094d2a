"""Result folders of earlier runs: the summary of one run, or of all runs in a folder."""

import json
import os.path
from pathlib import Path
from typing import Final, NoReturn

from fleetlm_users.earlier_runs.summary_check import check_summary
from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.foreign_text import printable_json
from fleetlm_users.measure.comparing.comparison import RunFile
from fleetlm_users.measure.timeline.rows import SeriesTable, from_csv
from fleetlm_users.shape import shown
from fleetlm_users.workload.local_file import UnreadableFile, read_text

SUMMARY: Final = "summary.json"
KNOWN_FORMAT: Final = 1  # measure.summary.SUMMARY_FORMAT as this reader understands it
MAX_BYTES: Final = 64 << 20
SECONDS: Final = "timeseries.csv"
RECORD: Final = frozenset((SUMMARY, SECONDS, "run.json"))
MAX_SECONDS_BYTES: Final = 256 << 20
"""Ten days of rows."""

UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""The errors of reading a file whose faults no check has found."""

EXAMPLE: Final = "results/20261124T113500Z-mixed-r1124-1135-7f3a"


def is_record(path: Path) -> bool:
    """Return whether a path leads to a file that a run has measured: unlike reports, it cannot be written again."""
    file = Path(os.path.realpath(path))
    return file.name in RECORD and file.is_file() and file.with_name(SUMMARY).is_file()


def read_run(path: Path) -> RunFile:
    """Return the run of a result folder or of its summary.json. Raises UsageError."""
    file = path / SUMMARY if os.path.isdir(path) else path  # unlike Path.is_dir it never raises
    try:
        document = json.loads(read_text(file, MAX_BYTES), parse_constant=_refuse_constant)
    except UnreadableFile as problem:
        raise UsageError("result", str(file), f"a result folder or its {SUMMARY}; {problem}", EXAMPLE) from problem
    except (ValueError, RecursionError) as problem:  # raised by json; also for a number with thousands of digits
        words = "it is nested too deeply" if isinstance(problem, RecursionError) else problem
        expected = f"a result folder or its {SUMMARY}; this file is not JSON ({words})"
        raise UsageError("result", str(file), expected, EXAMPLE) from problem
    if not isinstance(document, dict) or "format" not in document:
        raise UsageError("result", str(file), f"a {SUMMARY} that this project wrote", EXAMPLE)
    if type(document["format"]) is not int or document["format"] != KNOWN_FORMAT:
        expected = f"a {SUMMARY} of format {KNOWN_FORMAT}, this one has {shown(document['format'])}"
        raise UsageError("result", str(file), f"{expected}: use the version that wrote it", EXAMPLE)
    try:
        check_summary(document)
    except ShapeError as problem:
        expected = f"a {SUMMARY} as this project wrote it; in this one, {problem}"
        raise UsageError("result", str(file), expected, EXAMPLE) from problem
    return RunFile(file, printable_json(document))


def read_seconds(run: RunFile) -> SeriesTable:
    """Return a run's rows per second from the file beside its summary; empty if there is no such file.

    Raises:
        UsageError: The file cannot be read, or is not one that this project wrote.
    """
    file = run.path.with_name(SECONDS)
    if not os.path.lexists(file):
        return SeriesTable()
    try:
        return from_csv(read_text(file, MAX_SECONDS_BYTES))
    except (UnreadableFile, ShapeError) as problem:
        expected = f"the {SECONDS} of a run, or none; in this one, {problem}"
        raise UsageError("result", str(file), expected, f"{EXAMPLE}/{SECONDS}") from problem


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a number")


def read_runs(path: Path) -> list[RunFile]:
    """Return the run of a result folder, or those of all result folders in it, by name. Raises UsageError."""
    if os.path.isdir(path) and not os.path.lexists(path / SUMMARY):
        try:
            files = sorted(path.glob(f"*/{SUMMARY}"))
        except OSError as problem:
            raise UsageError("result", str(path), f"a folder to look into; {problem.strerror}", EXAMPLE) from problem
        if files:
            return [read_run(file) for file in files]
    return [read_run(path)]
