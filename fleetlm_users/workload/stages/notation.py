"""The notation of stages of users: `30s:10,2m:100,30s:0`, each optionally with a name, `peak=2m:100`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.stages.grammar import StageGrammar, WrittenStage
from fleetlm_users.workload.stages.timetable import Stage, Timetable

EXAMPLE: Final = "ramp=30s:10,peak=2m:100,30s:0"
FORM: Final = "stages DURATION:USERS with commas, each perhaps with a name before it, NAME=DURATION:USERS"

GRAMMAR: Final = StageGrammar(r"[0-9]{1,9}", FORM, EXAMPLE)


def parse_stages(text: str, what: str) -> tuple[str, ...]:
    """Return the stages of a text as texts, each with its name: `stage1=30s:10` for the first that has none.

    Args:
        text: Stages with commas between them, such as `30s:10,peak=2m:100`.
        what: The setting that an error names.

    Raises:
        UsageError: A part is not a stage, a length is not in whole seconds, a name occurs twice, there are more than 40
            stages, or no user ever runs or no time passes in them.
    """
    stages = [_stage(written) for written in GRAMMAR.read(text, what)]
    peak = max(stage.users for stage in stages)
    if not 1 <= peak <= VUS_PER_BLOCK:
        raise UsageError(what, text, f"a stage with users, and at most {VUS_PER_BLOCK:,} of them", EXAMPLE)
    return tuple(f"{stage.name}={stage.length_s}s:{stage.users}" for stage in stages)


def _stage(written: WrittenStage) -> Stage:
    return Stage(written.name, written.length_s, int(written.amount))


@lru_cache(maxsize=8)
def timetable_of(stages: Sequence[str]) -> Timetable:
    """Return the timetable of stages that `parse_stages` returned."""
    return Timetable([_stage(GRAMMAR.read_one(piece, 0, piece, "stages")) for piece in stages])
