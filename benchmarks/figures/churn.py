"""Whole journeys per CPU second: create, connect, join, three questions each awaited, leave, delete."""

from collections.abc import Mapping

from benchmarks.contenders import K6_TOO, K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.trial import run
from benchmarks.settings import Settings

USERS = 20
FULL, QUICK = 400, 50  # journeys of each user
MESSAGES = 3
EXPECTED_PER_S = 350.0
OVERHEAD_S = 4  # starting and ending


def load(settings: Settings) -> Load:
    """Users that begin again as soon as they are done."""
    return Load(USERS, messages=MESSAGES, journeys=settings.size(FULL, QUICK), ramp_s=1.0)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run to its end; only journeys whose session was deleted count, and all must have been."""
    asked = load(settings)
    trial = run(TOOLS[contender], asked)
    journeys = trial.counted["sessions_deleted"]
    if journeys != asked.sessions * asked.journeys:
        raise RuntimeError(f"{contender} finished {journeys} of {asked.sessions * asked.journeys} journeys")
    return trial.values() | {
        "journeys_per_cpu_s": journeys / trial.usage.cpu_s,
        "journeys_per_s": journeys / trial.usage.wall_s,
    }


CHURN = Figure(
    name="churn",
    title="Churn",
    work="20 users × 400 × (create → join → 3 messages, each answered → leave → delete), one after the other",
    contenders=(*K6_TOO, OURS),
    measure=measure,
    seconds=lambda settings: USERS * settings.size(FULL, QUICK) / EXPECTED_PER_S + OVERHEAD_S,
    columns=(
        Column("journeys_per_cpu_s", "journeys per CPU second"),
        Column("journeys_per_s", "journeys per second"),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
    ),
    goals=(Goal("≥ 1.7 × k6/ws", OURS, "journeys_per_cpu_s", K6_WS, at_least=1.7),),
    more_is_better=True,
)
