"""Appends per second of a closed loop: a core that never waits, read off the server's counts while all are joined."""

from collections.abc import Mapping

from benchmarks.contenders import ARTILLERY, K6_TOO, K6_WS, OURS, TOOLS, TSUNG
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.tape import Tape
from benchmarks.running.trial import run
from benchmarks.settings import Settings

SESSIONS = 100
DEPTH = 5
FULL_S, QUICK_S = 30, 8
OVERHEAD_S = 4  # starting and ending


def load(settings: Settings) -> Load:
    """Five messages in flight on each session."""
    return Load(SESSIONS, settings.length_s(FULL_S, QUICK_S), depth=DEPTH)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run, and how busy it and the server were."""
    tape = Tape()
    trial = run(TOOLS[contender], load(settings), watch=tape)
    stretch = tape.all_joined(SESSIONS)
    return trial.values() | {
        "appends_per_s": stretch.appends_per_s,
        "appends_per_cpu_s": 1 / stretch.cpu_s_per_append,
        "core_share": stretch.core_share,
        "server_core_share": trial.server_cpu_s / trial.usage.wall_s,
    }


SATURATION = Figure(
    name="saturation",
    title="Appends/s at saturation, one core",
    work="100 sessions with 5 messages in flight each",
    contenders=(*K6_TOO, OURS),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + OVERHEAD_S,
    columns=(
        Column("appends_per_s", "appends/s"),
        Column("appends_per_cpu_s", "appends per CPU second"),
        Column("core_share", "share of a core", 2),
        Column("server_core_share", "server's share of its core", 2),
        Column("said append_latency_ms p99", "append p99 as reported, ms", 1),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
    ),
    cannot={
        TSUNG: "a request waits for the next bytes or for nothing, and not for one of several messages in flight",
        ARTILLERY: "a send waits for no answer, so the server's pace cannot set its own",
    },
    goals=(Goal("≥ 3 × k6/ws", OURS, "appends_per_s", K6_WS, at_least=3.0),),
    more_is_better=True,
)
