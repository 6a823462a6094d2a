"""CPU per heartbeat: of a process that holds joined sessions and nothing else, less that of one holding one session.

The other process has everything that a tool does without sessions: its clocks, its reports, its garbage collector.
"""

from collections.abc import Mapping
from functools import partial

from benchmarks.contenders import FLOOR, K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.tape import Stretch, Tape
from benchmarks.running.trial import run
from benchmarks.settings import Settings

FULL, MANY, QUICK = 5_000, 15_000, 500
FULL_S, QUICK_S = 60, 15
OPENED_PER_S = 200
SETTLING_S = 5  # after the last join: what the ramp left to do
OVERHEAD_S = 4  # starting and ending
US_PER_S = 1e6


def held(settings: Settings, sessions: int) -> Load:
    """All are there together for the length wanted, though the first came a ramp earlier than the last."""
    ramp_s = sessions / OPENED_PER_S if sessions > 1 else 0.0
    return Load(sessions, ramp_s + SETTLING_S + settings.length_s(FULL_S, QUICK_S), ramp_s=ramp_s)


def measure(contender: str, settings: Settings, *, full: int) -> Mapping[str, float]:
    """Two runs. Only heartbeats that the server counted within the stretch count."""
    sessions = settings.size(full, QUICK)
    base = _stretch(contender, held(settings, 1))
    many = _stretch(contender, held(settings, sessions))
    cpu_s = (many.core_share - base.core_share) * many.length_s
    return {
        "cpu_us_per_heartbeat": cpu_s / many.heartbeats * US_PER_S,
        "all_us_per_heartbeat": many.core_share * many.length_s / many.heartbeats * US_PER_S,
        "base_share": base.core_share,
        "held_share": many.core_share,
        "heartbeats_per_s": many.heartbeats / many.length_s,
    }


def _stretch(contender: str, load: Load) -> Stretch:
    tape = Tape()
    run(TOOLS[contender], load, watch=tape)
    return tape.all_joined(load.sessions, SETTLING_S)


def seconds(settings: Settings, *, full: int) -> float:
    """Both runs."""
    return sum(held(settings, sessions).lasts_s + OVERHEAD_S for sessions in (1, settings.size(full, QUICK)))


def _figure(name: str, sessions: int, contenders: tuple[str, ...], goals: tuple[Goal, ...]) -> Figure:
    return Figure(
        name=name,
        title=f"CPU per heartbeat, {sessions:,} sessions",
        work=f"{sessions:,} sessions joined for 60 s, heartbeats every 30 s, no messages",
        contenders=contenders,
        measure=partial(measure, full=sessions),
        seconds=partial(seconds, full=sessions),
        columns=(
            Column("cpu_us_per_heartbeat", "CPU per heartbeat, µs", 1),
            Column("all_us_per_heartbeat", "with what the process costs anyway, µs", 1),
            Column("base_share", "share of a core with 1 session", 4),
            Column("held_share", "share of a core with all", 4),
            Column("heartbeats_per_s", "heartbeats per second (counted by the server)"),
        ),
        goals=goals,
    )


MOST_US = Goal("≤ 40 µs", OURS, "cpu_us_per_heartbeat", at_most=40.0)
OF_K6 = Goal("≤ 0.25 of k6/ws", OURS, "cpu_us_per_heartbeat", K6_WS, at_most=0.25)
IDLE_CPU = _figure("idle-cpu", FULL, (K6_WS, FLOOR, OURS), (MOST_US, OF_K6))
IDLE_CPU_MANY = _figure("idle-cpu-many", MANY, (OURS,), (MOST_US,))  # k6 takes 300 KiB a session
