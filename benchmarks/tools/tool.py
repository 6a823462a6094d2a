"""What every load generator has in common."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.load import Load


@dataclass(frozen=True)
class Command:
    """How to start a tool."""

    words: tuple[str, ...]
    env: Mapping[str, str]


class Tool(Protocol):
    """A load generator."""

    name: str

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """How to run this load against `address`; sessions carry `run_id`, reports go into `folder`."""

    def reported(self, folder: Path) -> dict[str, float]:
        """What the tool itself said: counts, and times in milliseconds. Empty when it measures nothing."""


def clean_env(**added: str) -> dict[str, str]:
    """The few variables that a program needs, so that no option set in this shell reaches a tool; and `added`."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    return {**kept, **added}
