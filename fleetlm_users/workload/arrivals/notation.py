"""Rates of arrivals as people write them: `20`, or stages such as `30s:5,peak=2m:50`."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.rates import RateProfile, RateStage
from fleetlm_users.workload.duration import parse_duration
from fleetlm_users.workload.stages.notation import MAX_STAGES, MAX_TOTAL_S

EXAMPLE: Final = "20, or up=30s:5,peak=2m:50,30s:0"
FORM: Final = "sessions per second, or stages DURATION:RATE with commas, each perhaps with a name, NAME=DURATION:RATE"

LEAST_PER_S: Final = 0.0001
MOST_PER_S: Final = 100_000.0
BOUNDS: Final = f"a rate from {LEAST_PER_S:g} to {MOST_PER_S:,.0f} sessions per second"

_RATE: Final = r"\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}"
_STAGE: Final = re.compile(
    r"(?:(?P<name>[A-Za-z][A-Za-z0-9_-]{0,29})\s*=\s*)?(?P<length>[0-9.]+[0-9a-z.]*)\s*:\s*(?P<rate>" + _RATE + ")"
)


def parse_rates(text: str, what: str) -> tuple[str, ...]:
    """Return a rate as one text, `20`, or stages of a rate as texts, each with its name: `stage1=30s:5`.

    Args:
        text: A rate in sessions per second, or stages with commas between them.
        what: The setting that an error names.

    Raises:
        UsageError: For what is neither, a rate out of bounds, a length that is not of whole seconds, a name that comes
            twice, more than MAX_STAGES, and stages in which nothing ever arrives or no time passes.
    """
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) == 1 and re.fullmatch(_RATE, pieces[0]):
        _check_rate(float(pieces[0]), text, what)
        return (f"{float(pieces[0]):.15g}",)
    if len(pieces) > MAX_STAGES:
        raise UsageError(what, f"{len(pieces)} stages", f"at most {MAX_STAGES} stages", EXAMPLE)
    stages = [_stage(piece, number, text, what) for number, piece in enumerate(pieces, 1)]
    names = [stage.name for stage in stages]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(what, text, f"each name once; {name} comes twice", EXAMPLE)
    if not 1 <= sum(stage.length_s for stage in stages) <= MAX_TOTAL_S:
        raise UsageError(what, text, "stages of 1 s to a week in all", EXAMPLE)
    _check_rate(max(stage.rate_per_s for stage in stages), text, what)
    if not math.isfinite(RateProfile(stages).when(1.0)):
        raise UsageError(what, text, "stages in which at least one session arrives", EXAMPLE)
    return tuple(f"{stage.name}={stage.length_s}s:{stage.rate_per_s:.15g}" for stage in stages)


def _check_rate(rate_per_s: float, text: str, what: str) -> None:
    if not LEAST_PER_S <= rate_per_s <= MOST_PER_S:
        raise UsageError(what, text, BOUNDS, EXAMPLE)


def _stage(piece: str, number: int, text: str, what: str) -> RateStage:
    match = _STAGE.fullmatch(piece)
    if match is None:
        raise UsageError(what, text, FORM, EXAMPLE)
    length_s = parse_duration(match["length"], what)
    if length_s != int(length_s):
        raise UsageError(what, text, "lengths of whole seconds", EXAMPLE)
    return RateStage(match["name"] or f"stage{number}", int(length_s), float(match["rate"]))


@lru_cache(maxsize=8)
def profile_of(rates: Sequence[str]) -> RateProfile:
    """Return the profile of what `parse_rates` returned."""
    if len(rates) == 1 and ":" not in rates[0]:
        return RateProfile.constant(float(rates[0]))
    return RateProfile([_stage(piece, 0, piece, "rates") for piece in rates])
