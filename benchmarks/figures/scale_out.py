"""The cost of spreading a load over two worker processes and a master: CPU per append, compared with one process."""

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.contenders import OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.figures import append_cpu
from benchmarks.goal import Goal
from benchmarks.running.trial import run
from benchmarks.settings import Settings

ONE, TWO = "1 process", "2 processes"
PROCESSES = {ONE: 1, TWO: 2}


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """The load of "CPU per append"; the CPU is that of master and workers together."""
    load = replace(append_cpu.load(settings), processes=PROCESSES[contender])
    return run(TOOLS[OURS], load).values()


SCALE_OUT = Figure(
    name="scale-out",
    title="Scale-out",
    work="the load of append-cpu with `--processes 2`, server on a core of its own",
    contenders=(ONE, TWO),
    measure=measure,
    seconds=append_cpu.APPEND_CPU.seconds,
    columns=(
        Column("cpu_us_per_append", "CPU per append, µs", 1),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("said messages_appended", "appends (reported)"),
    ),
    goals=(Goal("≤ 1.1 × one process", TWO, "cpu_us_per_append", ONE, at_most=1.1),),
)
