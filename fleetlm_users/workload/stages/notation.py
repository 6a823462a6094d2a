"""Stages as people write them: `30s:10,2m:100,30s:0`, each perhaps with a name, `peak=2m:100`."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.duration import parse_duration
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.stages.timetable import Stage, Timetable

EXAMPLE: Final = "ramp=30s:10,peak=2m:100,30s:0"
FORM: Final = "stages DURATION:USERS with commas, each perhaps with a name before it, NAME=DURATION:USERS"

MAX_STAGES: Final = 40
"""Each stage has distributions of its own, of up to 190 kB for a metric and scenario."""

MAX_TOTAL_S: Final = 7 * 86_400

_STAGE: Final = re.compile(
    r"(?:(?P<name>[A-Za-z][A-Za-z0-9_-]{0,29})\s*=\s*)?(?P<length>[0-9.]+[0-9a-z.]*)\s*:\s*(?P<users>\d{1,9})"
)


def parse_stages(text: str, what: str) -> tuple[str, ...]:
    """Return the stages of a text as texts, each with its name: `stage1=30s:10` for the first that has none.

    Args:
        text: Stages with commas between them, such as `30s:10,peak=2m:100`.
        what: The setting that an error names.

    Raises:
        UsageError: For what is no stage, a length that is not of whole seconds, a name that comes twice, more than
            MAX_STAGES, and stages in which no user ever runs or no time passes.
    """
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) > MAX_STAGES:
        raise UsageError(what, f"{len(pieces)} stages", f"at most {MAX_STAGES} stages", EXAMPLE)
    stages = [_stage(piece, number, text, what) for number, piece in enumerate(pieces, 1)]
    names = [stage.name for stage in stages]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(what, text, f"each name once; {name} comes twice", EXAMPLE)
    total_s, peak = sum(stage.length_s for stage in stages), max(stage.users for stage in stages)
    if not 1 <= total_s <= MAX_TOTAL_S:
        raise UsageError(what, text, "stages of 1 s to a week in all", EXAMPLE)
    if not 1 <= peak <= VUS_PER_BLOCK:
        raise UsageError(what, text, f"a stage with users, and at most {VUS_PER_BLOCK:,} of them", EXAMPLE)
    return tuple(f"{stage.name}={stage.length_s}s:{stage.users}" for stage in stages)


def _stage(piece: str, number: int, text: str, what: str) -> Stage:
    match = _STAGE.fullmatch(piece)
    if match is None:
        raise UsageError(what, text, FORM, EXAMPLE)
    length_s = parse_duration(match["length"], what)
    if length_s != int(length_s):
        raise UsageError(what, text, "lengths of whole seconds", EXAMPLE)
    return Stage(match["name"] or f"stage{number}", int(length_s), int(match["users"]))


@lru_cache(maxsize=8)
def timetable_of(stages: Sequence[str]) -> Timetable:
    """Return the timetable of stages that `parse_stages` returned."""
    return Timetable([_stage(piece, 0, piece, "stages") for piece in stages])
