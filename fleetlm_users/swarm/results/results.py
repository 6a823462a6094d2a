"""The result folder of a run: `results/<utc time>-<benchmark>-<run id>/`, with all the console showed, and more."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fleetlm_users.swarm.results.output_file import try_new

PART: Final = ".part"


@dataclass(frozen=True, slots=True)
class Folder:
    """What was written: `path` is None where there is no file at all, `problems` says why, by file."""

    path: Path | None
    problems: Mapping[str, OSError]


def try_results(parent: Path, benchmark: str, run_id: str) -> None:
    """Finds out whether a result folder can be made and written to, and leaves everything as it was. Raises OSError."""
    folder = Path(os.path.realpath(parent)) / _name_of(benchmark, run_id)
    try_new(folder / f"timeseries.csv{PART}")


def write_results(parent: Path, benchmark: str, run_id: str, files: Mapping[str, str | Mapping[str, Any]]) -> Folder:
    """Writes the files of one run (text as it is, mappings as JSON) into a new folder.

    Each file appears whole or not at all: it is written under another name first. One that cannot be written does not
    keep the others from it. Raises OSError where there can be no folder.
    """
    os.makedirs(os.path.realpath(parent), exist_ok=True)
    folder = _new_folder(parent, _name_of(benchmark, run_id))
    problems: dict[str, OSError] = {}
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        try:
            _write_whole(folder / name, text)
        except OSError as problem:
            problems[name] = problem
    if files and len(problems) == len(files):
        with contextlib.suppress(OSError):
            folder.rmdir()
        return Folder(None, problems)
    return Folder(folder, problems)


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
    """A folder that did not exist: two runs of one id within a second get two folders."""
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        folder = parent / f"{name}{suffix}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent / name} and its numbered siblings all exist")
