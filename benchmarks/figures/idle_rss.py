"""RSS per idle joined session: the memory of a process that holds them, less that of the same process holding one.

The other process is not the same one earlier, because k6 makes all its JavaScript machines before it opens a session.
"""

from collections.abc import Mapping

from benchmarks.contenders import ARTILLERY, K6_TOO, K6_WS, OURS, TOOLS, TSUNG
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.tape import Tape
from benchmarks.running.trial import run
from benchmarks.settings import Settings

FULL, QUICK = 5_000, 500
FULL_S, QUICK_S = 60, 8
OPENED_PER_S = 200
SLACK_S = 15  # a session stays so much longer than it must, for ramps that take longer than planned
ONE_S = 6
OVERHEAD_S = 4  # starting and ending


def held(settings: Settings) -> Load:
    """All are there together for the length wanted, though the first came a ramp earlier than the last."""
    sessions = settings.size(FULL, QUICK)
    ramp_s = sessions / OPENED_PER_S
    return Load(sessions, ramp_s + settings.length_s(FULL_S, QUICK_S) + SLACK_S, ramp_s=ramp_s)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """Two runs; the memory is read after all have been joined for the length wanted."""
    one, many, load = Tape(), Tape(), held(settings)
    run(TOOLS[contender], Load(1, ONE_S, ramp_s=0), watch=one)
    trial = run(TOOLS[contender], load, watch=many)
    base_bytes = one.all_joined(1).last.rss_bytes
    stretch = many.all_joined(load.sessions)
    due_s = stretch.first.at_s + settings.length_s(FULL_S, QUICK_S)
    after = [reading for reading in many.readings if due_s <= reading.at_s <= stretch.last.at_s]
    if not after:
        raise RuntimeError(f"{contender} held {load.sessions} sessions for {stretch.length_s:.0f} s only")
    return trial.values() | {
        "rss_kib_per_session": (after[0].rss_bytes - base_bytes) / (load.sessions - 1) / 1024,
        "base_rss_mib": base_bytes / 2**20,
        "rss_mib": after[0].rss_bytes / 2**20,
        "held_share": stretch.core_share,
        "heartbeats": float(trial.totals["heartbeats"]),
    }


def seconds(settings: Settings) -> float:
    """The run with one session, the ramp, and the time from the last session's join to its end."""
    return held(settings).lasts_s + ONE_S + 2 * OVERHEAD_S


IDLE_RSS = Figure(
    name="idle-rss",
    title="RSS per idle joined session",
    work="5,000 sessions joined for 60 s, heartbeats every 30 s, no messages",
    contenders=(*K6_TOO, TSUNG, ARTILLERY, OURS),
    measure=measure,
    seconds=seconds,
    columns=(
        Column("rss_kib_per_session", "RSS per session, KiB", 1),
        Column("base_rss_mib", "RSS with 1 session, MiB"),
        Column("rss_mib", "RSS with all, MiB"),
        Column("heartbeats", "heartbeats (counted by the server)"),
        Column("held_share", "share of a core meanwhile", 3),
    ),
    goals=(
        Goal("≤ 25 KiB", OURS, "rss_kib_per_session", at_most=25.0),
        Goal("≤ 0.12 of k6/ws", OURS, "rss_kib_per_session", K6_WS, at_most=0.12),
    ),
)
