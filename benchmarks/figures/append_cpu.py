"""CPU per append: the whole process's CPU time ÷ the user messages that the stand-in appended."""

from collections.abc import Mapping

from benchmarks.contenders import ARTILLERY, FLOOR, FLOOR_ON_TIME, K6_TOO, K6_WS, OURS, TOOLS, TSUNG
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load, even_ramp_s
from benchmarks.running import system_calls
from benchmarks.running.trial import run
from benchmarks.settings import Settings

SESSIONS = 100
INTERVAL_MS = 20
RAMP_S = 2
FULL_S, QUICK_S = 60, 10
OVERHEAD_S = 4  # starting and ending
TRACING_S = 15  # a short run under strace, its start and its end


def load(settings: Settings) -> Load:
    """50 messages/s on each session."""
    ramp_s = even_ramp_s(SESSIONS, INTERVAL_MS, RAMP_S)
    return Load(SESSIONS, settings.length_s(FULL_S, QUICK_S), interval_ms=INTERVAL_MS, ramp_s=ramp_s)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run to its end, and a short one under `strace`."""
    tool, work = TOOLS[contender], load(settings)
    return run(tool, work).values() | system_calls.per_append(tool, work)


APPEND_CPU = Figure(
    name="append-cpu",
    title="CPU per append",
    work="100 sessions × 50 messages/s for 60 s, each send gives 2 frames back",
    contenders=(*K6_TOO, TSUNG, ARTILLERY, FLOOR, FLOOR_ON_TIME, OURS),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + OVERHEAD_S + TRACING_S,
    columns=(
        Column("cpu_us_per_append", "CPU per append, µs", 1),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("said messages_appended", "appends (reported)"),
        Column("sleeps_per_append", "sleeps per append", 2),
        Column("calls_per_append", "system calls per append, traced at a tenth of the rate", 1),
        Column("bytes_per_append", "bytes read and written per append", 0),
        Column("core_share", "share of a core", 2),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
        Column("server_cpu_s", "CPU of the server, s", 1),
    ),
    goals=(
        Goal("≤ 0.50 of k6/ws", OURS, "cpu_us_per_append", K6_WS, at_most=0.50),
        Goal("≤ 1.8 of the floor", OURS, "cpu_us_per_append", FLOOR, at_most=1.8),
    ),
)
