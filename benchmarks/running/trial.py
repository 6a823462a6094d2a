"""One run of one tool under one load on a separate server: its resource use, its report, and the server's counts."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Load
from benchmarks.publishing.table import WAITED_SHARE
from benchmarks.running.child import Child, Usage
from benchmarks.running.cores import Cores, all_but, split
from benchmarks.running.server import Server
from benchmarks.tools.tool import Tool

RUN_ID = "bench"
PATIENCE_S = 900  # beyond the load's own length: a tool that has not ended by then is stuck
OK_CODES = {0, 3, 4}  # locust's verdicts do not concern the bench: it judges the numbers itself


@dataclass(frozen=True)
class Trial:
    """A finished run. `counted` is the stand-in's own count for the run, `totals` that of its whole life."""

    usage: Usage
    reported: dict[str, float]
    counted: dict[str, int]
    totals: dict[str, Any]
    server_cpu_s: float

    def values(self) -> dict[str, float]:
        """The figures that every run gives."""
        appends = self.counted["messages_appended_user"]
        common = {
            "cpu_s": self.usage.cpu_s,
            "wall_s": self.usage.wall_s,
            "peak_rss_mib": self.usage.peak_rss_bytes / 2**20,
            "server_cpu_s": self.server_cpu_s,
            WAITED_SHARE: self.usage.waited_s / self.usage.wall_s,
            **{f"counted {name}": float(value) for name, value in self.counted.items() if value},
            **{f"said {name}": float(value) for name, value in self.reported.items()},
        }
        if appends:
            common["cpu_us_per_append"] = self.usage.cpu_s / appends * 1e6
            common["core_share"] = self.usage.cpu_s / self.usage.wall_s
            common["sleeps_per_append"] = self.usage.sleeps / appends
        return common


Watcher = Callable[[Server, int], None]


def run(  # noqa: PLR0913  # a run is made in one place, each argument under its own name
    tool: Tool,
    load: Load,
    *,
    server_flags: tuple[str, ...] = (),
    watch: Watcher | None = None,
    cores: Cores | None = None,
    through: tuple[str, ...] = (),
) -> Trial:
    """Run the load to its end. `watch(server, pid)` is called meanwhile, `through` is a program that starts the tool.

    Raises RuntimeError when the tool failed.
    """
    generator, serving = split()
    if load.processes > 1:
        generator = all_but(serving)
    folder = Path(tempfile.mkdtemp(prefix="fleetlm-bench-"))
    try:
        with Server(serving, "--protocol", load.protocol, *tool.server_flags, *server_flags) as server:
            command = tool.command(load, server.address, RUN_ID, folder)
            log = folder / "output.txt"
            with Child((*through, *command.words), cores=cores or generator, log=log, env=command.env) as child:
                usage = child.finish(
                    load.lasts_s + PATIENCE_S, (lambda: watch(server, child.pid)) if watch else lambda: None
                )
            totals, server_cpu_s = server.counters(), server.cpu_s
        if usage.code not in OK_CODES or RUN_ID not in totals["runs"]:
            raise RuntimeError(f"{tool.name} ended with {usage.code}: {tail(log)}")
        return Trial(usage, _reported(tool, folder, log), totals["runs"][RUN_ID], totals, server_cpu_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reported(tool: Tool, folder: Path, log: Path) -> dict[str, float]:
    try:
        return tool.reported(folder)
    except (OSError, LookupError, StopIteration, ValueError) as problem:
        raise RuntimeError(f"{tool.name} left no report that can be read: {tail(log)}") from problem


def tail(log: Path, lines: int = 20) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
