"""One run as data: how many users of which behaviour, how long, and which part of it is judged.

First the counts of users (exact ones, shares in proportion, contradictions refused), then the plan around them.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from fleetlm_users.errors import UsageError
from fleetlm_users.units import S_PER_HOUR
from fleetlm_users.workload.arrivals.notation import profile_of
from fleetlm_users.workload.arrivals.process import EVEN
from fleetlm_users.workload.arrivals.rates import RateProfile
from fleetlm_users.workload.arrivals.visit_plan import DEFAULT_MAX_USERS, RATE_FLAG, users_of
from fleetlm_users.workload.duration import MAX_S, format_duration
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.stages.notation import timetable_of
from fleetlm_users.workload.stages.timetable import Timetable

TOTAL_FLAG: Final = "-u/--vus (VUS)"
CLASSES: Final = "user classes (LOCUST_USER_CLASSES)"


def count_flag(behaviour: str) -> str:
    """Return the flag that sets one behaviour's count: `--long-lived-vus`."""
    return f"--{behaviour.replace('_', '-')}-vus"


def share(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return `total` shared in proportion to the weights by the largest-remainder method.

    The shares sum to `total` exactly, and each is within 1 of its exact quota; of equal remainders the one that
    stands first in `weights` wins. Raises ValueError when there is something to share and no positive weight.
    """
    weight_sum = sum(weights.values())
    if total and not weight_sum:
        raise ValueError(f"nothing to share {total} by: {dict(weights)}")
    quotas = {name: divmod(total * weight, weight_sum or 1) for name, weight in weights.items()}
    shares = {name: whole for name, (whole, _) in quotas.items()}
    # sorted is stable, so equal remainders keep the order of the weights
    by_remainder = sorted(quotas, key=lambda name: quotas[name][1], reverse=True)
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def settle(preset_users: Mapping[str, int], total: int | None, given: Mapping[str, int]) -> dict[str, int]:
    """Return the count of every behaviour, in the preset's order.

    Given counts are exact. The others come from the preset; with a total, they share the rest of it in proportion to
    the preset. Raises UsageError for contradictions, unknown behaviours and a run without users.
    """
    _check(preset_users, total, given)
    open_users = {name: count for name, count in preset_users.items() if name not in given}
    if total is not None:
        open_users = _share_rest(total, open_users, given)
    counts = {name: given[name] if name in given else open_users[name] for name in preset_users}
    if not any(counts.values()):
        raise UsageError(_flags(given) or TOTAL_FLAG, 0, "at least one user in all", "-u 18")
    if sum(counts.values()) > VUS_PER_BLOCK:
        accepted = f"at most {VUS_PER_BLOCK:,} users in all"
        raise UsageError(_flags(given) or TOTAL_FLAG, sum(counts.values()), accepted, "-u 1000000")
    return counts


def narrow(
    preset_users: Mapping[str, int], given: Mapping[str, int], total: int | None, chosen: Collection[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return preset and given counts for a run of the chosen behaviours only; the others get no users.

    If the preset has no users of any of them, a total is shared evenly. Raises UsageError for users of a behaviour that
    is not chosen, and for a chosen one that would get none.
    """
    for name, count in given.items():
        if count and name not in chosen:
            accepted = (
                f"a count of a chosen behaviour; the user classes that were named are those of {', '.join(chosen)}"
            )
            raise UsageError(count_flag(name), count, accepted, "its user class among them, or no class at all")
    users = {name: count if name in chosen else 0 for name, count in preset_users.items()}
    if total is not None and not any(users.values()):
        users = {name: int(name in chosen) for name in preset_users}
    for name in chosen:
        if not given.get(name, users[name]):
            raise UsageError(
                CLASSES, name, "a behaviour with users; the preset has none of this one", f"{count_flag(name)} 5"
            )
    return users, {**given, **{name: 0 for name in preset_users if name not in chosen}}


def _check(preset_users: Mapping[str, int], total: int | None, given: Mapping[str, int]) -> None:
    for name, count in given.items():
        if name not in preset_users:
            known = ", ".join(preset_users)
            raise UsageError(count_flag(name), name, f"a behaviour: {known}", next(iter(preset_users)))
        if count < 0:
            raise UsageError(count_flag(name), count, "a whole number, 0 or more", "5")
    if total is not None and total < 1:
        raise UsageError(TOTAL_FLAG, total, "a whole number, 1 or more", "18")


def _share_rest(total: int, open_users: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    rest = total - sum(given.values())
    if rest < 0 or (rest and not any(open_users.values())):
        taken = sum(given.values())
        bound = "at least" if any(open_users.values()) else "exactly"
        example = f"-u {taken}, or one of them left out" if taken else "one of them left out"
        raise UsageError(TOTAL_FLAG, total, f"{bound} {taken}, the sum of {_flags(given)}", example)
    return share(rest, open_users)


def _flags(given: Mapping[str, int]) -> str:
    return " ".join(f"{count_flag(name)} {count}" for name, count in given.items())


Phase = Literal["warm_up", "main"]

DURATION_FLAG: Final = "-t/--duration (DURATION)"
RAMP_UP_FLAG: Final = "--ramp-up (RAMP_UP)"
SPAWN_RATE_FLAG: Final = "-r/--spawn-rate"
WARM_UP_FLAG: Final = "--warm-up (WARM_UP)"
STAGES_FLAG: Final = "--stages (STAGES)"


@dataclass(frozen=True)
class Plan:
    """The plan of one run. `duration_s` None runs until stopped, or until the users have nothing left to do.

    Ramp-up and warm-up both begin with the run: messages due before `warm_up_s` are kept apart and not judged. A
    `shape` is the name of a LoadTestShape of Locust, which decides how many users run and until when; `users` then give
    the proportion of the behaviours.

    With `stages`, as `parse_stages` returns them, `users` are those of the peak, and each stage is a phase of its own.

    With a `session_rate`, as `parse_rates` returns it, sessions arrive at that rate, in the proportion of `mix`.
    `users` is how many may be in one at once, and stages of the rate are phases of their own. `arrivals` is `even` or
    `poisson`, for sessions and for messages that arrive at a rate.
    """

    benchmark: str
    preset: str
    users: Mapping[str, int]
    duration_s: float | None
    ramp_up_s: float
    warm_up_s: float
    thresholds: tuple[str, ...]
    shape: str = ""
    stages: tuple[str, ...] = ()
    session_rate: tuple[str, ...] = ()
    arrivals: str = EVEN
    mix: Mapping[str, int] = field(default_factory=dict)

    @property
    def total_users(self) -> int:
        """The users of all behaviours together."""
        return sum(self.users.values())

    @property
    def timetable(self) -> Timetable | None:
        """How many users run at each moment; None without stages."""
        return timetable_of(self.stages) if self.stages else None

    @property
    def rates(self) -> RateProfile | None:
        """The session rate over time; None if users stay."""
        return profile_of(self.session_rate) if self.session_rate else None

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The names of the stages in which time passes, of users or of a rate."""
        profile = self.timetable or self.rates
        return () if profile is None else tuple(stage.name for _, _, stage in profile.spans())

    @property
    def spawn_rate(self) -> float:
        """Users per second, above 0 as Locust requires, so that the ramp lasts `ramp_up_s`; at 0 s all at once."""
        return self.total_users / self.ramp_up_s if self.ramp_up_s else float(self.total_users)

    def begins_s(self, n: int) -> float:
        """Return when the n-th user (from 1) begins, in seconds after the run's start: evenly over the ramp.

        A user beyond the plan begins at once.
        """
        return self.ramp_up_s * (n - 1) / self.total_users if n <= self.total_users else 0.0

    @property
    def main_from_s(self) -> float:
        """The second after the run's start from which every moment's phase is the main one; never with stages."""
        return self.warm_up_s if self.timetable is None and self.rates is None else math.inf

    def phase_at(self, elapsed_s: float) -> str:
        """Return the phase of what is due `elapsed_s` seconds after the run's start: a stage's, if there are stages."""
        if elapsed_s < self.warm_up_s:
            return "warm_up"
        profile = self.timetable or self.rates
        return "main" if profile is None else profile.phase_at(elapsed_s)


def make_plan(  # noqa: PLR0913  # each is one option of its own; bundling them would only move the list
    preset: Preset,
    *,
    total: int | None = None,
    counts: Mapping[str, int] | None = None,
    duration_s: float | None = None,
    ramp_up_s: float | None = None,
    warm_up_s: float | None = None,
    spawn_rate: float | None = None,
    thresholds: Sequence[str] = (),
) -> Plan:
    """Return the preset with the values given in place of its own; None and empty mean "as in the preset".

    `total` scales the preset in proportion, `counts` are exact (see `settle`). `duration_s` 0 runs until
    stopped. A shorter run than the preset's shortens the preset's own ramp-up and warm-up in proportion; a longer one
    leaves them. `spawn_rate` in users per second is another way to say `ramp_up_s`. Thresholds replace the preset's.
    Raises UsageError for values out of range and for values that contradict each other.
    """
    _check_length(DURATION_FLAG, duration_s, "2m")
    _check_length(RAMP_UP_FLAG, ramp_up_s, "5s")
    _check_length(WARM_UP_FLAG, warm_up_s, "10s")
    users = settle(preset.users, total, counts or {})
    if spawn_rate is not None:
        ramp_up_s = _ramp_of(spawn_rate, sum(users.values()), ramp_up_s)
    duration_s = preset.duration_s if duration_s is None else duration_s
    shrink = _shrink(preset.duration_s, duration_s)
    plan = Plan(
        benchmark=preset.benchmark,
        preset=preset.name,
        users=users,
        duration_s=float(duration_s) if duration_s else None,
        ramp_up_s=preset.ramp_up_s * shrink if ramp_up_s is None else ramp_up_s,
        warm_up_s=preset.warm_up_s * shrink if warm_up_s is None else warm_up_s,
        thresholds=tuple(thresholds) or preset.thresholds,
    )
    _check_fits(plan, RAMP_UP_FLAG if spawn_rate is None else SPAWN_RATE_FLAG)
    return plan


def check_beside_stages(said: Mapping[str, float | None], stages_flag: str = STAGES_FLAG) -> None:
    """Raise UsageError for a setting that stages already decide; `said` are the settings, None if not set."""
    for setting, value in said.items():
        if value is not None:
            accepted = f"no value with {stages_flag}, of the preset or given, whose stages say what runs until when"
            raise UsageError(setting, value, accepted, "the stages alone, or a run without them")


def staged(
    preset: Preset,
    stages: tuple[str, ...],
    *,
    counts: Mapping[str, int] | None = None,
    warm_up_s: float | None = None,
) -> Plan:
    """Return the plan of a run in stages, with the proportions, thresholds and name of the preset.

    Args:
        preset: The preset; of its users only the proportions are used; its length, ramp-up and warm-up are not.
        stages: The stages that `parse_stages` returned.
        counts: Exact counts of behaviours at the peak.
        warm_up_s: The seconds kept apart at the beginning; None for none.

    Raises:
        UsageError: The counts contradict the peak, or the warm-up leaves nothing to judge.
    """
    _check_length(WARM_UP_FLAG, warm_up_s, "10s")
    timetable = timetable_of(stages)
    plan = Plan(
        benchmark=preset.benchmark,
        preset=preset.name,
        users=settle(preset.users, timetable.peak, counts or {}),
        duration_s=float(timetable.total_s),
        ramp_up_s=0.0,
        warm_up_s=warm_up_s or 0.0,
        thresholds=preset.thresholds,
        stages=stages,
    )
    _check_fits(plan, RAMP_UP_FLAG)
    return plan


def visited(  # noqa: PLR0913  # as make_plan
    preset: Preset,
    rates: tuple[str, ...],
    *,
    arrivals: str | None = None,
    max_users: int | None = None,
    counts: Mapping[str, int] | None = None,
    duration_s: float | None = None,
    warm_up_s: float | None = None,
) -> Plan:
    """Return the plan of a run in which sessions arrive at a rate.

    Args:
        preset: The preset, whose thresholds and name the plan takes. Its counts of users, or `counts` in their place,
            give the proportion in which the behaviours arrive. Its length and warm-up apply to a rate without stages.
        rates: The rates that `parse_rates` returned.
        arrivals: `even` or `poisson`; None for `even`.
        max_users: How many may be in a session at once; None for DEFAULT_MAX_USERS.
        counts: Counts of behaviours in place of the preset's.
        duration_s: The length of the run, 0 until stopped; None for the preset's. Stages say it themselves.
        warm_up_s: The seconds kept apart at the beginning; None for the preset's, or for none with stages.

    Raises:
        UsageError: There are fewer users than behaviours, or the warm-up leaves nothing to judge.
    """
    profile = profile_of(rates)
    if profile.stages:
        check_beside_stages({DURATION_FLAG: duration_s}, RATE_FLAG)
        duration_s, warm_up_s = profile.total_s, warm_up_s or 0.0
    plan = make_plan(preset, counts=counts, duration_s=duration_s, ramp_up_s=0.0, warm_up_s=warm_up_s)
    users = users_of(plan.users, max_users or DEFAULT_MAX_USERS)
    return replace(plan, users=users, session_rate=rates, arrivals=arrivals or EVEN, mix=plan.users)


def shaped(plan: Plan, shape: str, *, keeps_warm_up: bool = False) -> Plan:
    """Return the plan under a load shape: its end is the shape's, and a user begins as soon as it is spawned.

    The preset's warm-up belongs to its own ramp and does not apply, as in `staged`; one that a person gave does.
    """
    warm_up_s = plan.warm_up_s if keeps_warm_up else 0.0
    return replace(plan, shape=shape, duration_s=None, ramp_up_s=0.0, warm_up_s=warm_up_s)


def _check_length(what: str, value: float | None, example: str) -> None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise UsageError(what, value, "a duration, 0 or more", example)
    if value is not None and value > MAX_S:
        raise UsageError(what, value, f"a duration of at most {MAX_S / S_PER_HOUR:,.0f} hours", example)


def _ramp_of(spawn_rate: float, total: int, ramp_up_s: float | None) -> float:
    if not (math.isfinite(spawn_rate) and spawn_rate > 0):
        raise UsageError(SPAWN_RATE_FLAG, spawn_rate, "a number of users per second above 0", "2.5")
    if spawn_rate > VUS_PER_BLOCK:
        raise UsageError(SPAWN_RATE_FLAG, spawn_rate, f"at most {VUS_PER_BLOCK:,} users per second", "2.5")
    if ramp_up_s is not None:
        accepted = f"either this or {RAMP_UP_FLAG}, which say the same thing; both were given"
        raise UsageError(SPAWN_RATE_FLAG, spawn_rate, accepted, f"--ramp-up {format_duration(ramp_up_s)} alone")
    if total / spawn_rate > MAX_S:
        accepted = f"a rate at which all {total:,} users are running within 10,000 hours"
        raise UsageError(SPAWN_RATE_FLAG, spawn_rate, accepted, "2.5")
    return total / spawn_rate


def _shrink(preset_s: float | None, asked_s: float | None) -> float:
    """Return the factor for the preset's own ramp-up and warm-up: below 1 for a shorter run, else 1."""
    if not preset_s or not asked_s:
        return 1.0
    return min(1.0, asked_s / preset_s)


def _check_fits(plan: Plan, ramp_flag: str) -> None:
    if plan.duration_s is None:
        return
    length = format_duration(plan.duration_s)
    if plan.warm_up_s >= plan.duration_s:
        accepted = f"less than the run's {length}, or nothing is left to judge"
        raise UsageError(WARM_UP_FLAG, format_duration(plan.warm_up_s), accepted, "--warm-up 0")
    if plan.ramp_up_s >= plan.duration_s:
        accepted = f"a ramp-up shorter than the run's {length}, or the users never all run"
        raise UsageError(ramp_flag, format_duration(plan.ramp_up_s), accepted, "--ramp-up 0")
