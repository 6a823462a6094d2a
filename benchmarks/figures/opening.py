"""CPU to open sessions: the whole process, from start to end, that opens them and closes each after a second."""

from collections.abc import Mapping

from benchmarks.contenders import K6_TOO, K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.trial import run
from benchmarks.settings import Settings

FULL, QUICK = 5_000, 500
OPENED_PER_S = 200
OPEN_S = 1.0
OVERHEAD_S = 4  # starting and ending


def load(sessions: int) -> Load:
    """The given number of sessions, one after the other."""
    return Load(sessions, OPEN_S, ramp_s=sessions / OPENED_PER_S)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """A run with all sessions, and one with a single session, to know what starting the tool takes."""
    one = run(TOOLS[contender], load(1))
    many = run(TOOLS[contender], load(settings.size(FULL, QUICK)))
    opened = many.counted["joins_ok"]
    if opened != settings.size(FULL, QUICK):
        raise RuntimeError(f"{contender} opened {opened} sessions only")
    return many.values() | {
        "start_cpu_s": one.usage.cpu_s,
        "cpu_us_per_session": (many.usage.cpu_s - one.usage.cpu_s) / (opened - 1) * 1e6,
    }


OPENING = Figure(
    name="opening",
    title="CPU to open sessions",
    work="5,000 × (POST session + connect + join), 200/s, each closed a second later",
    contenders=(*K6_TOO, OURS),
    measure=measure,
    seconds=lambda settings: load(settings.size(FULL, QUICK)).lasts_s + 2 * (OPEN_S + OVERHEAD_S),
    columns=(
        Column("cpu_s", "CPU of the process, s", 2),
        Column("start_cpu_s", "of it to start and end, s", 2),
        Column("cpu_us_per_session", "CPU per session beyond that, µs"),
        Column("counted joins_ok", "joins (counted by the server)"),
    ),
    goals=(Goal("≤ 0.40 of k6/ws, without the start", OURS, "cpu_us_per_session", K6_WS, at_most=0.40),),
)
