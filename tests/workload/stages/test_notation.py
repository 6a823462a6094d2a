"""Stages as text."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.metric import STAGE_PREFIX
from fleetlm_users.workload.stages.grammar import MAX_STAGES
from fleetlm_users.workload.stages.notation import parse_stages, timetable_of
from fleetlm_users.workload.stages.timetable import PHASE_PREFIX


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("30s:10", ("stage1=30s:10",)),
        ("30s:10,2m:100, 1h:0", ("stage1=30s:10", "stage2=120s:100", "stage3=3600s:0")),
        ("up = 1m30s : 4 ,peak=0s:9", ("up=90s:4", "peak=0s:9")),
        ("10:3", ("stage1=10s:3",)),
    ],
)
def test_stages_are_read(text, stages):
    """Names are optional, and the result can be read again."""
    assert parse_stages(text, "--stages") == stages
    assert parse_stages(",".join(stages), "--stages") == stages
    assert len(timetable_of(stages).stages) == len(stages)


@pytest.mark.parametrize(
    "text",
    [
        *("", "30s", "10", "30s:", ":10", "30s:-1", "30s:1.5", "30x:1", "30s:10,,1s:1", "30s:10;1s:1"),
        *("1.5s:3", "500ms:3", "a=1s:1,a=1s:2", "1=1s:1", "a b=1s:1", "stage2=1s:1,1s:1", "x:y=1s:1"),
        *("30s:0", "0s:10", "8d:1", "200h:1", "30s:99999999", ",".join(["1s:1"] * (MAX_STAGES + 1))),
    ],
)
def test_what_is_no_stage_is_refused_with_an_example(text):
    """The error is a sentence that names the setting."""
    with pytest.raises(UsageError, match=r"for --stages .*expected .*") as refused:
        parse_stages(text, "--stages (STAGES)")
    assert ":" in refused.value.example or "s" in refused.value.example


def test_a_stage_is_the_same_phase_in_the_plan_and_in_the_books():
    """The pure packages do not know each other."""
    assert PHASE_PREFIX == STAGE_PREFIX
