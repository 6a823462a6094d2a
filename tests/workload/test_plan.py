"""A plan is the preset with what was asked for, scaled sensibly and free of contradictions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.plan import make_plan
from fleetlm_users.workload.presets.preset import Preset

LIGHT = Preset(
    benchmark="mixed",
    name="light",
    users={"long_lived": 10, "burst": 5, "churn": 3},
    duration_s=120.0,
    ramp_up_s=5.0,
    warm_up_s=10.0,
    thresholds=("append_latency_ms: p(95)<1000",),
)
ENDLESS = Preset("session_lifecycle", "default", {"lifecycle": 10}, None, ramp_up_s=2.0)


def test_nothing_asked_for_is_the_preset():
    """Every field comes from the preset."""
    plan = make_plan(LIGHT)
    assert (plan.benchmark, plan.preset) == ("mixed", "light")
    assert plan.users == {"long_lived": 10, "burst": 5, "churn": 3}
    assert (plan.duration_s, plan.ramp_up_s, plan.warm_up_s) == (120.0, 5.0, 10.0)
    assert plan.thresholds == ("append_latency_ms: p(95)<1000",)
    assert plan.total_users == 18
    assert plan.spawn_rate == 18 / 5


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ({"duration_s": 30}, (30.0, 1.25, 2.5)),
        ({"duration_s": 600}, (600.0, 5.0, 10.0)),
        ({"duration_s": 0}, (None, 5.0, 10.0)),
        ({"duration_s": 30, "warm_up_s": 0}, (30.0, 1.25, 0.0)),
        ({"duration_s": 30, "ramp_up_s": 20, "warm_up_s": 29}, (30.0, 20.0, 29.0)),
        ({"spawn_rate": 9.0}, (120.0, 2.0, 10.0)),
    ],
)
def test_a_shorter_run_has_a_shorter_ramp_and_warm_up(asked, times):
    """A quarter of the duration is a quarter of both; longer runs and explicit values are left alone."""
    plan = make_plan(LIGHT, **asked)
    assert (plan.duration_s, plan.ramp_up_s, plan.warm_up_s) == times


def test_a_run_without_an_end_can_be_given_one():
    """A preset that runs until its users are done has nothing to scale by."""
    assert make_plan(ENDLESS).duration_s is None
    plan = make_plan(ENDLESS, duration_s=30)
    assert (plan.duration_s, plan.ramp_up_s) == (30.0, 2.0)


def test_counts_thresholds_and_total_are_taken():
    """Thresholds given replace the preset's; counts go through counts.settle."""
    plan = make_plan(LIGHT, total=20, counts={"burst": 7}, thresholds=["messages_lost: count==0"])
    assert plan.users == {"long_lived": 10, "burst": 7, "churn": 3}
    assert plan.thresholds == ("messages_lost: count==0",)


@given(st.integers(1, 10_000), st.floats(0, 119))
def test_the_ramp_lasts_as_long_as_asked(total, ramp_up_s):
    """Locust gets a positive rate that starts all users within the ramp."""
    plan = make_plan(LIGHT, total=total, ramp_up_s=ramp_up_s)
    assert plan.spawn_rate > 0
    if ramp_up_s:
        assert plan.total_users / plan.spawn_rate == pytest.approx(ramp_up_s)
    else:
        assert plan.spawn_rate == total


@pytest.mark.parametrize(("elapsed_s", "phase"), [(0, "warm_up"), (9.999, "warm_up"), (10, "main"), (1e6, "main")])
def test_the_phase_changes_at_the_end_of_the_warm_up(elapsed_s, phase):
    """What is due at the mark itself is judged."""
    assert make_plan(LIGHT).phase_at(elapsed_s) == phase


def test_without_warm_up_everything_is_judged():
    """A warm-up of 0 keeps nothing apart."""
    assert make_plan(LIGHT, warm_up_s=0).phase_at(0.0) == "main"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"warm_up_s": 120},
            "--warm-up (WARM_UP): got '2m'; accepted is less than the run's 2m, or nothing is left to judge, "
            "for example --warm-up 0",
        ),
        (
            {"duration_s": 20, "ramp_up_s": 30},
            "--ramp-up (RAMP_UP): got '30s'; accepted is a ramp-up shorter than the run's 20s, "
            "or the users never all run, for example --ramp-up 0",
        ),
        (
            {"duration_s": 18, "spawn_rate": 1},
            "-r/--spawn-rate: got '18s'; accepted is a ramp-up shorter than the run's 18s, "
            "or the users never all run, for example --ramp-up 0",
        ),
        (
            {"spawn_rate": 2.0, "ramp_up_s": 9},
            "-r/--spawn-rate: got 2.0; accepted is one of it and --ramp-up (RAMP_UP), which say the same thing; "
            "both were given, for example --ramp-up 9s alone",
        ),
        (
            {"spawn_rate": 0},
            "-r/--spawn-rate: got 0; accepted is a number of users per second above 0, for example 2.5",
        ),
        (
            {"duration_s": -1},
            "-t/--duration (DURATION): got -1; accepted is a duration, 0 or more, for example 2m",
        ),
        (
            {"ramp_up_s": float("nan")},
            "--ramp-up (RAMP_UP): got nan; accepted is a duration, 0 or more, for example 5s",
        ),
        (
            {"warm_up_s": float("inf")},
            "--warm-up (WARM_UP): got inf; accepted is a duration, 0 or more, for example 10s",
        ),
    ],
)
def test_contradictions_are_told(asked, message):
    """Each error names the setting, its value, what is accepted and a way out."""
    with pytest.raises(UsageError) as raised:
        make_plan(LIGHT, **asked)
    assert str(raised.value) == message
