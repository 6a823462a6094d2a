"""Rates of arrivals as people write them: `20`, or stages such as `30s:5,peak=2m:50`."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.rates import RateProfile, RateStage
from fleetlm_users.workload.stages.grammar import StageGrammar, WrittenStage

EXAMPLE: Final = "20, or up=30s:5,peak=2m:50,30s:0"
FORM: Final = "sessions per second, or stages DURATION:RATE with commas, each perhaps with a name, NAME=DURATION:RATE"

LEAST_PER_S: Final = 0.0001
MOST_PER_S: Final = 100_000.0
BOUNDS: Final = f"a rate from {LEAST_PER_S:g} to {MOST_PER_S:,.0f} sessions per second"

_RATE: Final = r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}"
GRAMMAR: Final = StageGrammar(_RATE, FORM, EXAMPLE)


def parse_rates(text: str, what: str) -> tuple[str, ...]:
    """Return a rate as one text, `20`, or stages of a rate as texts, each with its name: `stage1=30s:5`.

    Args:
        text: A rate in sessions per second, or stages with commas between them.
        what: The setting that an error names.

    Raises:
        UsageError: The text is neither, a rate is out of bounds, a length is not in whole seconds, a name occurs twice,
            there are more than MAX_STAGES stages, or nothing ever arrives or no time passes in them.
    """
    if re.fullmatch(_RATE, text.strip()):
        _check_rate(float(text), text, what)
        return (f"{float(text):.15g}",)
    stages = [_stage(written) for written in GRAMMAR.read(text, what)]
    _check_rate(max(stage.rate_per_s for stage in stages), text, what)
    if not math.isfinite(RateProfile(stages).when(1.0)):
        raise UsageError(what, text, "stages in which at least one session arrives", EXAMPLE)
    return tuple(f"{stage.name}={stage.length_s}s:{stage.rate_per_s:.15g}" for stage in stages)


def _check_rate(rate_per_s: float, text: str, what: str) -> None:
    if not LEAST_PER_S <= rate_per_s <= MOST_PER_S:
        raise UsageError(what, text, BOUNDS, EXAMPLE)


def _stage(written: WrittenStage) -> RateStage:
    return RateStage(written.name, written.length_s, float(written.amount))


@lru_cache(maxsize=8)
def profile_of(rates: Sequence[str]) -> RateProfile:
    """Return the profile of a text that `parse_rates` returned."""
    if len(rates) == 1 and ":" not in rates[0]:
        return RateProfile.constant(float(rates[0]))
    return RateProfile([_stage(GRAMMAR.read_one(piece, 0, piece, "rates")) for piece in rates])
