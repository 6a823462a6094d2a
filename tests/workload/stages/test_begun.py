"""The stages that a load shape's ticks make as a run proceeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.stages.begun import LEAST_STEP_S, BegunStage, BegunStages, StageChange, StagePhases
from fleetlm_users.workload.stages.grammar import MAX_STAGES

TICKS = st.lists(
    st.tuples(st.floats(0.5, 30), st.integers(0, 50), st.sampled_from(["", "", "up", "peak", "down"])), max_size=150
)


def begun(*ticks):
    stages = BegunStages()
    for tick in ticks:
        stages.tick(*tick)
    return stages


def test_a_shape_that_names_its_stages_has_those():
    """However its users change meanwhile: a stage's users are those at its end."""
    stages = begun((0, 5, "ramp"), (1, 9, "ramp"), (2, 10, "peak"), (30, 10, "peak"), (31, 0, "down"))
    assert stages.stages == [
        BegunStage("ramp", 0, 0, 9),
        BegunStage("peak", 2, 9, 10),
        BegunStage("down", 31, 10, 0),
    ]


def test_a_name_that_comes_again_is_told_apart():
    """Two stages of one name would be one."""
    stages = begun((0, 5, "low"), (10, 50, "high"), (20, 5, "low"), (30, 50, "high"), (40, 5, "low"))
    assert [stage.name for stage in stages.stages] == ["low", "high", "low_2", "high_2", "low_3"]


def test_without_names_each_number_of_users_is_a_stage():
    """One that lasts: a ramp that changes every second makes stages of LEAST_STEP_S."""
    assert [stage.at_s for stage in begun((0, 10), (60, 20), (120, 20), (180, 10)).stages] == [0, 60, 180]
    ramp = begun(*((second, second) for second in range(1, 35)))
    assert [stage.at_s for stage in ramp.stages] == [1, 11, 21, 31]
    assert [stage.name for stage in ramp.stages] == ["step1", "step2", "step3", "step4"]
    assert LEAST_STEP_S == 10


@pytest.mark.parametrize("name", ["two words", "1st", "x" * 31, "a,b", "é"])
def test_a_name_that_no_threshold_could_hold_is_refused(name):
    """The error has the form of a name."""
    with pytest.raises(ValueError, match="a name is a letter, then up to 29 letters"):
        BegunStages().tick(0, 5, name)


@given(TICKS)
def test_stages_are_bounded_and_their_names_differ(ticks):
    """They follow each other from the first tick on, and each moment belongs to one."""
    stages, now_s = BegunStages(), 0.0
    for gap_s, users, name in ticks:
        now_s += gap_s
        stages.tick(now_s, users, name)
    names = [stage.name for stage in stages.stages]
    assert len(names) == len(set(names)) <= MAX_STAGES
    assert all(len(name) <= 30 for name in names)
    assert [stage.at_s for stage in stages.stages] == sorted(stage.at_s for stage in stages.stages)
    if ticks:
        phases = StagePhases(stages.changes)
        assert phases.phase_at(now_s) == f"main:{names[-1]}"
        assert phases.phase_at(-1.0) == f"main:{names[0]}"


def test_a_moment_belongs_to_the_stage_that_began_last():
    """It does so from its first moment."""
    phases = StagePhases([StageChange(0, "a"), StageChange(5, "b")])
    assert [phases.phase_at(at_s) for at_s in (0, 4.999, 5, 9)] == ["main:a", "main:a", "main:b", "main:b"]
