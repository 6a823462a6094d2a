"""The result folder of a run: `results/<utc time>-<benchmark>-<run id>/`, with all the console showed, and more."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_results(parent: Path, benchmark: str, run_id: str, files: Mapping[str, str | Mapping[str, Any]]) -> Path:
    """Writes the files of one run (text as it is, mappings as JSON) into a new folder and returns it. Raises OSError.

    Each file appears whole or not at all: it is written under another name first.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = _new_folder(parent, f"{stamp}-{benchmark}-{run_id}")
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_file(folder / name, text)
    return folder


def write_file(path: Path, text: str) -> Path:
    """Writes one file whole, its folder with it, and returns its path. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    return part.replace(path)


def _new_folder(parent: Path, name: str) -> Path:
    """A folder that did not exist: two runs of one id within a second get two folders."""
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        folder = parent / f"{name}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent / name} and its numbered siblings all exist")
