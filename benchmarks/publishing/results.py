"""Results as a JSON file: each figure with its pairs, when and where they were measured."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks.running.child import ROOT
from benchmarks.running.cores import Cores, split
from benchmarks.settings import Settings

FORMAT = 1
FOLDER = ROOT / "benchmarks" / "results"
REFERENCE = ROOT / "benchmarks" / "reference.json"


@dataclass
class Measured:
    """The pairs of one figure. `seconds` is the length of its timed loads if that is not the figure's own."""

    begun_utc: str
    quick: bool
    machine: dict[str, str]
    seconds: float | None = None
    pairs: list[dict[str, dict[str, float]]] = field(default_factory=list)

    @classmethod
    def here(cls, settings: Settings) -> Self:
        """Return an empty one, started now on this machine."""
        begun_utc = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(begun_utc, settings.quick, machine(), settings.seconds)


@dataclass
class Results:
    """Figures by name."""

    figures: dict[str, Measured] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises ValueError if it is of another format."""
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found.get("format") != FORMAT:
            raise ValueError(f"{path}: got format {found.get('format')!r}; accepted is {FORMAT}")
        return cls({name: Measured(**each) for name, each in found["figures"].items()})

    def save(self, path: Path) -> None:
        """Write a file, its folder with it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = {name: asdict(each) for name, each in self.figures.items() if each.pairs}
        path.write_text(json.dumps({"format": FORMAT, "figures": figures}, indent=1) + "\n", encoding="utf-8")

    def updated(self, newer: "Results") -> "Results":
        """Return these results, with the figures of `newer` in place of those of the same name."""
        return Results({**self.figures, **newer.figures})


def machine() -> dict[str, str]:
    """What a reader needs to know about the machine."""
    generator, serving = split()
    return {
        "processor": _processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "cores": f"{os.cpu_count()} (generator on {_numbers(generator)}, server on {_numbers(serving)})",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _numbers(cores: Cores) -> str:
    return ", ".join(map(str, sorted(cores)))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
