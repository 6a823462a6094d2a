"""Rates of arrivals over time: how many are expected, and when the n-th is due."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.notation import parse_rates, profile_of
from fleetlm_users.workload.arrivals.rates import RateProfile, RateStage

RATES = st.floats(0, 1000, allow_nan=False).map(lambda rate: round(rate, 3))
STAGES = st.lists(st.tuples(st.integers(0, 60), RATES), min_size=1, max_size=6).filter(
    lambda stages: any(length for length, _ in stages)
)


def profile(*stages):
    return RateProfile([RateStage(f"s{n}", length_s, rate) for n, (length_s, rate) in enumerate(stages)])


def test_one_rate():
    """Goes on for ever, all of it in the main phase."""
    steady = RateProfile.constant(20)
    assert steady.expected_by(3.5) == 70
    assert steady.when(70) == 3.5
    assert (steady.total_s, steady.peak, steady.phase_at(1e6)) == (math.inf, 20, "main")
    assert list(steady.spans()) == []
    assert repr(steady) == "RateProfile(0 stages, at most 20/s)"


@pytest.mark.parametrize(
    ("stages", "seconds"),
    [
        ([(4, 8)], [0, 1, 4, 9, 16, 16]),
        ([(0, 5), (2, 5), (2, 0)], [0, 5, 10, 13.75, 15, 15]),
        ([(0, 2), (1, 2), (1, 0), (1, 0), (0, 4), (1, 4)], [0, 2, 3, 3, 7]),
    ],
)
def test_what_is_expected_by_each_second(stages, seconds):
    """The rate goes evenly from one to the next; a stage of no length is a jump."""
    assert [profile(*stages).expected_by(second) for second in range(len(seconds))] == seconds


@given(STAGES, st.floats(0.0001, 0.9999))
def test_when_is_the_inverse_of_what_is_expected(stages, share):
    """It holds at every arrival, in order."""
    rates = profile(*stages)
    total = rates.expected_by(rates.total_s)
    expected = total * share
    if expected < 1e-6:
        return
    moment_s = rates.when(expected)
    assert 0 <= moment_s <= rates.total_s
    assert rates.expected_by(moment_s) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert rates.when(expected / 2) <= moment_s
    assert rates.when(total * 1.001 + 1) == math.inf


def test_a_moment_belongs_to_the_stage_that_it_lies_in():
    """Before the beginning and after the end to the nearest one."""
    rates = profile_of(parse_rates("up=2s:4,0s:9,2s:9", "it"))
    assert [rates.phase_at(at_s) for at_s in (-1, 0, 1.9, 2, 3.9, 9)] == ["main:up"] * 3 + ["main:stage3"] * 3
    assert [(begins_s, before, stage.name) for begins_s, before, stage in rates.spans()] == [
        (0, 0, "up"),
        (2, 9, "stage3"),
    ]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("20", ("20",)),
        ("0.50", ("0.5",)),
        (" 20. ", ("20",)),
        ("30s:5,peak=2m:50, 30s:0", ("stage1=30s:5", "peak=120s:50", "stage3=30s:0")),
        ("0s:2.5,1m:2.5", ("stage1=0s:2.5", "stage2=60s:2.5")),
    ],
)
def test_notation(text, parsed):
    """It is read back as written."""
    assert parse_rates(text, "it") == parsed
    assert parse_rates(",".join(parsed), "it") == parsed
    assert profile_of(parsed).peak == profile_of(parse_rates(text, "it")).peak


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "-1", "0", "1e3", "nan", "200001", "20,30", "30s", "30s:", ":5", "1s:x", "1.5s:5", "20/s"),
        *("0s:5", "30s:0", "a=1s:5,a=1s:5", "200h:5", "1s:0.1", "1s:900000", ",".join(["1s:5"] * 41)),
    ],
)
def test_what_is_no_rate_is_refused(text):
    """The error has the setting, the value, the accepted form and an example."""
    with pytest.raises(UsageError, match=r"for it: expected .*30s"):
        parse_rates(text, "it")
