"""Counts are exact, scaling is in proportion, and contradictions are told."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.counts import count_flag, settle, share

LIGHT = {"long_lived": 10, "burst": 5, "churn": 3}
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
    assert tuple(share(total, LIGHT).values()) == shares


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
    assert list(settle(LIGHT, total, given_counts).items()) == list(zip(LIGHT, counts, strict=True))


@given(st.integers(1, 5000), st.dictionaries(st.sampled_from([*LIGHT]), st.integers(0, 5000)))
def test_a_settled_total_is_exact_or_refused(total, given_counts):
    """Whatever is given: the total holds, the given counts hold, or there is an error."""
    try:
        counts = settle(LIGHT, total, given_counts)
    except UsageError:
        left = total - sum(given_counts.values())
        assert left < 0 or (left > 0 and len(given_counts) == len(LIGHT))
        return
    assert sum(counts.values()) == total
    assert given_counts.items() <= counts.items()


@pytest.mark.parametrize(
    ("total", "given_counts", "message"),
    [
        (
            20,
            {"long_lived": 4, "burst": 4, "churn": 4},
            "-u/--vus (VUS): got 20; accepted is exactly 12, the sum of --long-lived-vus 4 --burst-vus 4 "
            "--churn-vus 4, for example -u 12, or one of them left out",
        ),
        (
            3,
            {"burst": 5},
            "-u/--vus (VUS): got 3; accepted is at least 5, the sum of --burst-vus 5, for example -u 5, "
            "or one of them left out",
        ),
        (
            7,
            {"long_lived": 0, "burst": 0, "churn": 0},
            "-u/--vus (VUS): got 7; accepted is exactly 0, the sum of --long-lived-vus 0 --burst-vus 0 --churn-vus 0, "
            "for example one of them left out",
        ),
        (0, {}, "-u/--vus (VUS): got 0; accepted is a whole number, 1 or more, for example 18"),
        (
            10**8,
            {},
            "-u/--vus (VUS): got 100000000; accepted is at most 10,000,000 users in all, for example -u 1000000",
        ),
        (None, {"burst": -1}, "--burst-vus: got -1; accepted is a whole number, 0 or more, for example 5"),
        (
            None,
            {"bursts": 1},
            "--bursts-vus: got 'bursts'; accepted is a behaviour: long_lived, burst, churn, for example long_lived",
        ),
        (
            None,
            {"long_lived": 0, "burst": 0, "churn": 0},
            "--long-lived-vus 0 --burst-vus 0 --churn-vus 0: got 0; accepted is at least one user in all, "
            "for example -u 18",
        ),
    ],
)
def test_contradictions_are_told(total, given_counts, message):
    """Each error names the flags that disagree and a way out."""
    with pytest.raises(UsageError) as raised:
        settle(LIGHT, total, given_counts)
    assert str(raised.value) == message


def test_a_total_has_somebody_to_go_to():
    """A preset of one behaviour whose count is given leaves nobody for the rest."""
    with pytest.raises(UsageError, match="accepted is exactly 2, the sum of --burst-vus 2"):
        settle({"long_lived": 0, "burst": 5}, 7, {"burst": 2})


def test_a_flag_is_the_behaviour_with_hyphens():
    """`long_lived` is `--long-lived-vus` on the command line."""
    assert count_flag("long_lived") == "--long-lived-vus"
