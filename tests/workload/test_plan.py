"""A plan is the preset with the requested changes, scaled sensibly and free of contradictions."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.plan import count_flag, make_plan, settle, share
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
    """A message due at the mark itself is judged."""
    assert make_plan(LIGHT).phase_at(elapsed_s) == phase


def test_without_warm_up_everything_is_judged():
    """A warm-up of 0 keeps nothing apart."""
    assert make_plan(LIGHT, warm_up_s=0).phase_at(0.0) == "main"


def test_from_a_moment_on_there_is_one_phase_unless_there_are_stages():
    """A run asks for the phase of each frame, and so asks for this moment once."""
    plan = make_plan(LIGHT, warm_up_s=3.0)
    assert (plan.main_from_s, plan.phase_at(2.999), plan.phase_at(plan.main_from_s)) == (3.0, "warm_up", "main")
    staged = replace(plan, stages=("a=10s:5", "b=10s:9"))
    rated = replace(plan, session_rate=("a=10s:5",))
    assert [other.main_from_s for other in (staged, rated)] == [math.inf, math.inf]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"warm_up_s": 120},
            "invalid value '2m' for --warm-up (WARM_UP): expected less than the run's 2m, or nothing is left to judge, "
            "for example --warm-up 0",
        ),
        (
            {"duration_s": 20, "ramp_up_s": 30},
            "invalid value '30s' for --ramp-up (RAMP_UP): expected a ramp-up shorter than the run's 20s, "
            "or the users never all run, for example --ramp-up 0",
        ),
        (
            {"duration_s": 18, "spawn_rate": 1},
            "invalid value '18s' for -r/--spawn-rate: expected a ramp-up shorter than the run's 18s, "
            "or the users never all run, for example --ramp-up 0",
        ),
        (
            {"spawn_rate": 2.0, "ramp_up_s": 9},
            "invalid value 2.0 for -r/--spawn-rate: "
            "expected either this or --ramp-up (RAMP_UP), which say the same thing; "
            "both were given, for example --ramp-up 9s alone",
        ),
        (
            {"spawn_rate": 0},
            "invalid value 0 for -r/--spawn-rate: expected a number of users per second above 0, for example 2.5",
        ),
        (
            {"spawn_rate": 1e300},
            "invalid value 1e+300 for -r/--spawn-rate: expected at most 10,000,000 users per second, for example 2.5",
        ),
        (
            {"duration_s": 1e300},
            "invalid value 1e+300 for -t/--duration (DURATION): "
            "expected a duration of at most 10,000 hours, for example 2m",
        ),
        (
            {"spawn_rate": 1e-320},
            "invalid value 1e-320 for -r/--spawn-rate: "
            "expected a rate at which all 18 users are running within 10,000 hours, for example 2.5",
        ),
        (
            {"duration_s": -1},
            "invalid value -1 for -t/--duration (DURATION): expected a duration, 0 or more, for example 2m",
        ),
        (
            {"ramp_up_s": float("nan")},
            "invalid value nan for --ramp-up (RAMP_UP): expected a duration, 0 or more, for example 5s",
        ),
        (
            {"warm_up_s": float("inf")},
            "invalid value inf for --warm-up (WARM_UP): expected a duration, 0 or more, for example 10s",
        ),
    ],
)
def test_contradictions_are_reported(asked, message):
    """Each error names the setting, its value, the accepted form and a way out."""
    with pytest.raises(UsageError) as raised:
        make_plan(LIGHT, **asked)
    assert str(raised.value) == message


LIGHT_COUNTS = {"long_lived": 10, "burst": 5, "churn": 3}
weights = st.dictionaries(st.text("abcdefgh", min_size=1), st.integers(0, 10_000), min_size=1).filter(
    lambda by_name: any(by_name.values())
)


@given(st.integers(0, 1_000_000), weights)
def test_shares_sum_exactly_and_are_proportional_within_one(total, by_name):
    """No user is lost or invented, and none is further than one from its quota."""
    shares = share(total, by_name)
    assert sum(shares.values()) == total
    weight_sum = sum(by_name.values())
    for name, weight in by_name.items():
        assert abs(shares[name] - Fraction(total * weight, weight_sum)) < 1


@given(weights)
def test_a_preset_at_its_own_size_is_unchanged(by_name):
    """Asking for what the preset has changes nothing."""
    assert share(sum(by_name.values()), by_name) == by_name


@pytest.mark.parametrize(
    ("total", "shares"),
    [(18, (10, 5, 3)), (36, (20, 10, 6)), (1, (1, 0, 0)), (2, (1, 1, 0)), (3, (2, 1, 0)), (4, (2, 1, 1))],
)
def test_light_scales(total, shares):
    """Largest remainders first."""
    assert tuple(share(total, LIGHT_COUNTS).values()) == shares


def test_equal_remainders_go_to_the_first():
    """Ties are settled by the order of the preset, the same in every process."""
    assert share(2, {"a": 1, "b": 1, "c": 1}) == {"a": 1, "b": 1, "c": 0}


def test_nothing_can_be_shared_by_no_weight():
    """The caller has to look first."""
    with pytest.raises(ValueError, match="nothing to share 3"):
        share(3, {"a": 0})
    assert share(0, {"a": 0}) == {"a": 0}


@pytest.mark.parametrize(
    ("total", "given_counts", "counts"),
    [
        (None, {}, (10, 5, 3)),
        (None, {"burst": 50}, (10, 50, 3)),
        (None, {"burst": 0}, (10, 0, 3)),
        (36, {}, (20, 10, 6)),
        (20, {"burst": 7}, (10, 7, 3)),
        (20, {"long_lived": 0, "churn": 0}, (0, 20, 0)),
        (12, {"long_lived": 4, "burst": 4, "churn": 4}, (4, 4, 4)),
        (5, {"long_lived": 5}, (5, 0, 0)),
    ],
)
def test_given_counts_are_exact_and_the_others_share_the_rest(total, given_counts, counts):
    """The order of the preset is kept."""
    assert list(settle(LIGHT_COUNTS, total, given_counts).items()) == list(zip(LIGHT_COUNTS, counts, strict=True))


@given(st.integers(1, 5000), st.dictionaries(st.sampled_from([*LIGHT_COUNTS]), st.integers(0, 5000)))
def test_a_settled_total_is_exact_or_refused(total, given_counts):
    """In all cases the total holds, the given counts hold, or there is an error."""
    try:
        counts = settle(LIGHT_COUNTS, total, given_counts)
    except UsageError:
        left = total - sum(given_counts.values())
        assert left < 0 or (left > 0 and len(given_counts) == len(LIGHT_COUNTS))
        return
    assert sum(counts.values()) == total
    assert given_counts.items() <= counts.items()


@pytest.mark.parametrize(
    ("total", "given_counts", "message"),
    [
        (
            20,
            {"long_lived": 4, "burst": 4, "churn": 4},
            "invalid value 20 for -u/--vus (VUS): expected exactly 12, the sum of --long-lived-vus 4 --burst-vus 4 "
            "--churn-vus 4, for example -u 12, or one of them left out",
        ),
        (
            3,
            {"burst": 5},
            "invalid value 3 for -u/--vus (VUS): expected at least 5, the sum of --burst-vus 5, for example -u 5, "
            "or one of them left out",
        ),
        (
            7,
            {"long_lived": 0, "burst": 0, "churn": 0},
            "invalid value 7 "
            "for -u/--vus (VUS): expected exactly 0, the sum of --long-lived-vus 0 --burst-vus 0 --churn-vus 0, "
            "for example one of them left out",
        ),
        (0, {}, "invalid value 0 for -u/--vus (VUS): expected a whole number, 1 or more, for example 18"),
        (
            10**8,
            {},
            "invalid value 100000000 "
            "for -u/--vus (VUS): expected at most 10,000,000 users in all, for example -u 1000000",
        ),
        (None, {"burst": -1}, "invalid value -1 for --burst-vus: expected a whole number, 0 or more, for example 5"),
        (
            None,
            {"bursts": 1},
            "invalid value 'bursts' "
            "for --bursts-vus: expected a behaviour: long_lived, burst, churn, for example long_lived",
        ),
        (
            None,
            {"long_lived": 0, "burst": 0, "churn": 0},
            "invalid value 0 for --long-lived-vus 0 --burst-vus 0 --churn-vus 0: expected at least one user in all, "
            "for example -u 18",
        ),
    ],
)
def test_contradicting_counts_are_refused(total, given_counts, message):
    """Each error names the flags that disagree and a way out."""
    with pytest.raises(UsageError) as raised:
        settle(LIGHT_COUNTS, total, given_counts)
    assert str(raised.value) == message


def test_a_total_has_somebody_to_go_to():
    """A preset of one behaviour whose count is given leaves nobody for the rest."""
    with pytest.raises(UsageError, match="expected exactly 2, the sum of --burst-vus 2"):
        settle({"long_lived": 0, "burst": 5}, 7, {"burst": 2})


def test_a_flag_is_the_behaviour_with_hyphens():
    """`long_lived` is `--long-lived-vus` on the command line."""
    assert count_flag("long_lived") == "--long-lived-vus"
