"""Result folders of earlier runs, read back: the summary of one run, or of all runs below a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleetlm_users.errors import UsageError
from fleetlm_users.foreign_text import printable_json

SUMMARY: Final = "summary.json"
KNOWN_FORMAT: Final = 1  # measure.summary.SUMMARY_FORMAT as this reader understands it
PARTS: Final = ("verdict", "thresholds", "metrics", "run", "plan", "options")
EXAMPLE: Final = "results/20261124T113500Z-mixed-r1124-1135-7f3a"

Json = dict[str, Any]


@dataclass(frozen=True)
class RunFile:
    """One run's summary and where it was found."""

    path: Path
    summary: Json

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""
        return str(self.summary["options"].get("benchmark") or self.summary["plan"].get("benchmark") or "")

    @property
    def run_id(self) -> str:
        """The run's id, empty where it has none."""
        return str(self.summary["options"].get("run_id") or "")

    @property
    def verdict(self) -> str:
        """pass, fail or inconclusive."""
        return str(self.summary["verdict"]["kind"])


def read_run(path: Path) -> RunFile:
    """Return the run of a result folder or of its summary.json. Raises UsageError."""
    file = path / SUMMARY if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:  # ValueError: not JSON, or not UTF-8
        words = problem.strerror if isinstance(problem, OSError) and problem.strerror else f"not JSON ({problem})"
        raise UsageError("result", str(path), f"a result folder or its {SUMMARY}; {words}", EXAMPLE) from problem
    if not isinstance(found, dict) or not all(isinstance(found.get(part), dict | list) for part in PARTS):
        raise UsageError("result", str(path), f"a {SUMMARY} that this project wrote", EXAMPLE)
    if found.get("format") != KNOWN_FORMAT:
        told = (
            f"a {SUMMARY} of format {KNOWN_FORMAT}, this one has {found.get('format')!r}: use the version that wrote it"
        )
        raise UsageError("result", str(path), told, EXAMPLE)
    return RunFile(file, printable_json(found))


def read_runs(path: Path) -> list[RunFile]:
    """Return the run of a result folder, or those of all result folders in it, by name. Raises UsageError."""
    if path.is_dir() and not (path / SUMMARY).exists():
        files = sorted(path.glob(f"*/{SUMMARY}"))
        if files:
            return [read_run(file) for file in files]
    return [read_run(path)]
