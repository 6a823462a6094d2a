"""CPU of a process from its start to its first message, and of `fleetlm-bench --help` to its end."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.contenders import K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.child import Child
from benchmarks.running.cores import split
from benchmarks.running.server import Server
from benchmarks.running.trial import run, tail
from benchmarks.settings import Settings
from benchmarks.tools.tool import clean_env

HELP = "fleetlm-bench --help"
SECONDS = 2.0
WITHIN_S = 30.0
OVERHEAD_S = 3


class FirstMessage:
    """The CPU time of a process when its first message has been appended, checked some 20 times a second."""

    def __init__(self) -> None:
        self.cpu_s: float | None = None

    def __call__(self, server: Server, pid: int) -> None:
        """Check, until it has been seen."""
        if self.cpu_s is None and server.counters()["messages_appended_user"]:
            used = psutil.Process(pid).cpu_times()
            self.cpu_s = used.user + used.system


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One session that sends a message every half second; or the command, which makes no load."""
    del settings
    if contender == HELP:
        return {"cpu_s": _help_cpu_s()}
    first = FirstMessage()
    trial = run(TOOLS[contender], Load(1, SECONDS, interval_ms=500, ramp_s=0), watch=first)
    if first.cpu_s is None:
        raise RuntimeError(f"{contender} ended before its first message was seen")
    return {"cpu_s": first.cpu_s, "whole_cpu_s": trial.usage.cpu_s}


def _help_cpu_s() -> float:
    command = (str(Path(sys.executable).parent / "fleetlm-bench"), "--help")
    with tempfile.TemporaryDirectory(prefix="fleetlm-bench-") as folder:
        output = Path(folder) / "output.txt"
        with Child(command, cores=split()[0], log=output, env=clean_env()) as child:
            usage = child.finish(WITHIN_S)
        if usage.code:
            raise RuntimeError(f"{HELP} ended with {usage.code}: {tail(output)}")
    return usage.cpu_s


START = Figure(
    name="start",
    title="Start",
    work="From the start of a process to its first message, on one session; and a command from start to end",
    contenders=(K6_WS, OURS, HELP),
    measure=measure,
    seconds=lambda _settings: SECONDS + OVERHEAD_S,
    columns=(
        Column("cpu_s", "CPU, s", 2),
        Column("whole_cpu_s", "CPU with the end of the process, s", 2),
    ),
    goals=(
        Goal("to the first message ≤ 0.5 s", OURS, "cpu_s", at_most=0.5),
        Goal("the command's help ≤ 0.25 s", HELP, "cpu_s", at_most=0.25),
    ),
)
