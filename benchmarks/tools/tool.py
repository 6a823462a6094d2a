"""The interface common to all load generators."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.load import Load


@dataclass(frozen=True)
class Command:
    """The command that starts a tool."""

    words: tuple[str, ...]
    env: Mapping[str, str]


class Tool(Protocol):
    """A load generator. `server_flags` are further flags that the server needs for it."""

    name: str
    server_flags: tuple[str, ...]

    def absent(self) -> str:
        """Return why it cannot run on this machine, and what would help; empty if it can."""

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """Return the command that runs this load against `address`; sessions carry `run_id`, reports go into
        `folder`.
        """

    def reported(self, folder: Path) -> dict[str, float]:
        """Return the tool's own report: counts, and times in milliseconds. Empty if it measures nothing."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_env(**added: str) -> dict[str, str]:
    """Return the few variables that a program needs, so that no option set in this shell reaches a tool; and
    `added`.
    """
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    return {**kept, **added}
