"""CPU per append and read over REST, late protocol: the append's answer says where the read begins."""

from collections.abc import Mapping

from benchmarks.contenders import K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.trial import run
from benchmarks.settings import Settings

SESSIONS = 20
RAMP_S = 1.0
FULL_S, QUICK_S = 30, 8
OVERHEAD_S = 4  # starting and ending


def load(settings: Settings) -> Load:
    """Append and read in turn, without a pause."""
    return Load(
        SESSIONS, settings.length_s(FULL_S, QUICK_S), ramp_s=RAMP_S, warm_up_s=RAMP_S, protocol="late", rest=True
    )


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run to its end."""
    trial = run(TOOLS[contender], load(settings))
    return trial.values() | {"rounds_per_s": trial.counted["messages_appended_user"] / trial.usage.wall_s}


REST_MIX = Figure(
    name="rest-mix",
    title="REST appends and reads",
    work="20 sessions, each appends a message and reads the newest 50, in turn and without a pause; late protocol",
    contenders=(K6_WS, OURS),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + OVERHEAD_S,
    columns=(
        Column("cpu_us_per_append", "CPU per append and read, µs", 1),
        Column("rounds_per_s", "appends and reads per second"),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("core_share", "share of a core", 2),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
    ),
    goals=(Goal("≤ 0.50 of k6", OURS, "cpu_us_per_append", K6_WS, at_most=0.50),),
)
