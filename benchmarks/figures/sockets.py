"""Ten thousand joined sessions with a little traffic in one process of ours: does it work, and how late is its loop."""

from collections.abc import Mapping

from benchmarks.contenders import OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load, even_ramp_s
from benchmarks.running.tape import Tape
from benchmarks.running.trial import run
from benchmarks.settings import Settings

FULL, QUICK = 10_000, 1_000
FULL_S, QUICK_S = 60, 20
OPENED_PER_S = 150
INTERVAL_MS = 10_000
OVERHEAD_S = 6  # starting and ending


def load(settings: Settings) -> Load:
    """A message every ten seconds on each; events during the opening are kept apart."""
    sessions = settings.size(FULL, QUICK)
    ramp_s = even_ramp_s(sessions, INTERVAL_MS, sessions / OPENED_PER_S)
    lives_s = ramp_s + settings.length_s(FULL_S, QUICK_S)
    return Load(sessions, lives_s, interval_ms=INTERVAL_MS, ramp_s=ramp_s, warm_up_s=ramp_s)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run; the tape's highest count of joined sessions is how many there were at once."""
    tape = Tape()
    trial = run(TOOLS[contender], load(settings), watch=tape)
    lost = trial.counted["messages_appended_user"] - trial.reported["messages_appended"]
    return trial.values() | {
        "together": float(max(min(reading.open_now, reading.joined) for reading in tape.readings)),
        "unaccounted": lost + trial.reported["messages_lost"],
        "loop_lag_p99_ms": trial.reported["event_loop_lag_ms p99"],
    }


SOCKETS = Figure(
    name="sockets",
    title="Sockets in one process",
    work="10,000 joined sessions with a message every 10 s each",
    contenders=(OURS,),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + OVERHEAD_S,
    columns=(
        Column("loop_lag_p99_ms", "event loop lag p99, ms", 1),
        Column("together", "sessions joined together"),
        Column("counted messages_appended_user", "appends (counted by the server)"),
        Column("said messages_appended", "appends (reported)"),
        Column("unaccounted", "messages unaccounted for"),
        Column("said append_latency_ms p99", "append p99 as reported, ms", 1),
        Column("core_share", "share of a core", 2),
        Column("peak_rss_mib", "peak RSS, MiB"),
    ),
    goals=(
        Goal("10,000 joined together", OURS, "together", at_least=10_000),
        Goal("no message unaccounted for", OURS, "unaccounted", at_most=0),
        Goal("loop lag p99 ≤ 20 ms", OURS, "loop_lag_p99_ms", at_most=20.0),
    ),
)
