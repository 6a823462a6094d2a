"""CPU per append, late protocol, where a message costs seven frames: a reply, a push, an answer in pieces."""

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.contenders import K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.figures import append_cpu
from benchmarks.goal import Goal
from benchmarks.load import Load, even_ramp_s
from benchmarks.running.trial import run
from benchmarks.settings import Settings

INTERVAL_MS = 50


def load(settings: Settings) -> Load:
    """20 messages/s on each session: 140 frames."""
    early = append_cpu.load(settings)
    ramp_s = even_ramp_s(early.sessions, INTERVAL_MS, append_cpu.RAMP_S)
    return replace(early, interval_ms=INTERVAL_MS, ramp_s=ramp_s, protocol="late")


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run to its end."""
    return run(TOOLS[contender], load(settings)).values()


LATE_APPEND = Figure(
    name="late-append",
    title="CPU per append, late protocol",
    work="100 sessions × 20 messages/s for 60 s, each send gives a reply, a push, an answer in four pieces and whole",
    contenders=(K6_WS, OURS),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + append_cpu.OVERHEAD_S,
    columns=(
        Column("cpu_us_per_append", "CPU per append, µs", 1),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("said messages_appended", "appends (reported)"),
        Column("sleeps_per_append", "sleeps per append", 2),
        Column("core_share", "share of a core", 2),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
    ),
    goals=(Goal("≤ 0.50 of k6/ws", OURS, "cpu_us_per_append", K6_WS, at_most=0.50),),
)
