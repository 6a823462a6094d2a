"""The floor: benchmarks/floor.py in a process of its own."""

import sys
from pathlib import Path

from benchmarks.load import Load
from benchmarks.tools.tool import Command, clean_env


class Floor:
    """A bare gevent loop that sends and receives the same bytes: at whole milliseconds, or on time with our timer."""

    server_flags: tuple[str, ...] = ()

    def __init__(self, name: str, *, on_time: bool = False) -> None:
        self.name = name
        self._env = {"ON_TIME": "1"} if on_time else {}

    def absent(self) -> str:
        """Nothing: it needs what ours needs."""
        return ""

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """Messages on a timetable only: it cannot tell one frame from another."""
        if load.depth or load.journeys or load.rest or load.protocol != "early":
            raise ValueError("the floor reads no frames, so it can wait for none")
        env = load.env() | self._env | {"ADDRESS": address, "RUN_ID": run_id}
        return Command((sys.executable, "-m", "benchmarks.floor"), clean_env(**env))

    def reported(self, folder: Path) -> dict[str, float]:
        """Nothing: it keeps no statistics."""
        return {}
