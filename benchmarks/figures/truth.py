"""What a tool reports against what was true: the stand-in holds each broadcast for 20 ms and times that itself.

Error = reported append latency − the same percentile of the holds. The loads are those that keep the tool's own process
at a tenth, a half and four fifths of a core, so each tool is measured while it is as busy as the others.
"""

from collections.abc import Mapping

from benchmarks.contenders import K6_TOO, K6_WS, OURS, TOOLS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import MS_PER_S, Load, even_ramp_s
from benchmarks.publishing.table import WAITED_SHARE
from benchmarks.running.tape import Tape
from benchmarks.running.trial import Trial, run
from benchmarks.settings import Settings

SESSIONS = 100
RAMP_S = 2
HELD = ("--broadcast-delay-ms", "20")
PERCENTS = (10, 50, 80)
QUANTILES = ("p50", "p99")
GUESS_PER_S = 500.0  # the first load that is tried
FULL_S, QUICK_S = 20, 8
TRIED_S = 5
OVERHEAD_S = 4  # starting and ending


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """For each share a short run to find the load that takes it, then the one that counts."""
    found: dict[str, float] = {}
    cpu_s = _cpu_s_per_append(contender, GUESS_PER_S)
    for percent in PERCENTS:
        cpu_s = _cpu_s_per_append(contender, percent / 100 / cpu_s)
        per_s = percent / 100 / cpu_s
        tape = Tape()
        trial = run(TOOLS[contender], _load(per_s, settings.length_s(FULL_S, QUICK_S)), server_flags=HELD, watch=tape)
        found[WAITED_SHARE] = max(found.get(WAITED_SHARE, 0.0), trial.values()[WAITED_SHARE])
        found[f"share@{percent}"] = tape.all_joined(SESSIONS).core_share
        found[f"appends_per_s@{percent}"] = tape.all_joined(SESSIONS).appends_per_s
        found |= {f"{name}@{percent}": value for name, value in errors(trial).items()}
    return found


def errors(trial: Trial) -> dict[str, float]:
    """Reported − true in milliseconds; from sent as well, where the tool tells it."""
    true, said = trial.totals["broadcasts_held_ms"], trial.reported
    found = {}
    for quantile in QUANTILES:
        found[f"true_{quantile}_ms"] = true[quantile]
        found[f"{quantile}_error_ms"] = said[f"append_latency_ms {quantile}"] - true[quantile]
        if f"append_service_ms {quantile}" in said:
            found[f"{quantile}_service_error_ms"] = said[f"append_service_ms {quantile}"] - true[quantile]
    return found


def _cpu_s_per_append(contender: str, per_s: float) -> float:
    tape = Tape()
    run(TOOLS[contender], _load(per_s, TRIED_S), server_flags=HELD, watch=tape)
    return tape.all_joined(SESSIONS).cpu_s_per_append


def _load(per_s: float, seconds: float) -> Load:
    interval_ms = SESSIONS / per_s * MS_PER_S
    ramp_s = even_ramp_s(SESSIONS, interval_ms, RAMP_S)
    return Load(SESSIONS, ramp_s + seconds, interval_ms=interval_ms, ramp_s=ramp_s)


def _seconds(settings: Settings) -> float:
    around_s = 2 * RAMP_S + OVERHEAD_S
    counts_s = settings.length_s(FULL_S, QUICK_S)
    return (len(PERCENTS) + 1) * (TRIED_S + around_s) + len(PERCENTS) * (counts_s + around_s)


def _columns(percent: int) -> tuple[Column, ...]:
    at = f"at {percent} %"
    return (
        Column(f"p99_error_ms@{percent}", f"p99 error {at}, ms", 2),
        Column(f"p50_error_ms@{percent}", f"p50 error {at}, ms", 2),
        Column(f"p99_service_error_ms@{percent}", f"p99 error from sent {at}, ms", 2),
        Column(f"p50_service_error_ms@{percent}", f"p50 error from sent {at}, ms", 2),
        Column(f"true_p99_ms@{percent}", f"true p99 {at}, ms", 2),
        Column(f"true_p50_ms@{percent}", f"true p50 {at}, ms", 2),
        Column(f"share@{percent}", f"share of a core {at}", 2),
        Column(f"appends_per_s@{percent}", f"appends/s {at}"),
    )


def _beside_k6(quantile: str, percent: int) -> Goal:
    text = f"{quantile} error ≤ a fifth of k6/ws's at {percent} %"
    return Goal(text, OURS, f"{quantile}_error_ms@{percent}", K6_WS, at_most=0.2)


TRUTH = Figure(
    name="truth",
    title="Truth",
    work="100 sessions, each broadcast held for 20 ms, at 10, 50 and 80 % of one core of each tool's own",
    contenders=(*K6_TOO, OURS),
    measure=measure,
    seconds=_seconds,
    columns=tuple(column for percent in (50, 10, 80) for column in _columns(percent)),
    goals=(
        Goal("p50 error ≤ 0.2 ms at 50 %", OURS, "p50_error_ms@50", at_most=0.2),
        Goal("p99 error ≤ 1 ms at 50 %", OURS, "p99_error_ms@50", at_most=1.0),
        *(_beside_k6(quantile, percent) for percent in PERCENTS for quantile in QUANTILES),
    ),
)
