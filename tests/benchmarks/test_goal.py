"""Goals are judged on the median of the pairs, and a ratio is taken within each pair."""

import pytest

from benchmarks.goal import Goal


def pairs(*values):
    """Pairs of (ours, theirs)."""
    return [{"ours": {"cpu": own}, "theirs": {"cpu": other}} for own, other in values]


@pytest.mark.parametrize(
    ("bound", "value", "outcome"),
    [
        ({"at_most": 10.0}, 8.0, "met"),
        ({"at_most": 10.0}, 10.0, "met"),
        ({"at_most": 10.0}, 12.0, "missed by 20 %"),
        ({"at_least": 10.0}, 12.0, "met"),
        ({"at_least": 10.0}, 5.0, "missed by 50 %"),
        ({"at_most": 10.0}, 176.0, "missed 17.6-fold"),
        ({"at_least": 10.0}, 2.5, "missed 4.0-fold"),
        ({"at_least": 10.0}, 0.0, "missed"),
        ({"at_most": 0.0}, 0.0, "met"),
        ({"at_most": 0.0}, 3.0, "missed"),
        ({"at_most": 10.0}, -12.0, "missed by 20 %"),
    ],
)
def test_a_bound_on_the_value_itself(bound, value, outcome):
    """The size counts, not the sign; a bound of nothing has no percentage."""
    assert Goal("", "ours", "cpu", **bound).judge(pairs((value, 1.0))).outcome == outcome


def test_a_ratio_is_the_median_of_the_pairs_own_ratios():
    """It is not the ratio of the medians, which here would be 10 ÷ 20."""
    goal = Goal("", "ours", "cpu", "theirs", at_most=0.5)
    judged = goal.judge(pairs((10.0, 100.0), (10.0, 20.0), (90.0, 20.0)))
    assert judged.value == 0.5
    goal = Goal("", "ours", "cpu", "theirs", at_least=3.0)
    assert goal.judge(pairs((30.0, 5.0), (10.0, 10.0), (10.0, 20.0))).value == 1.0


@pytest.mark.parametrize("found", [[], [{}], [{"ours": {}}], [{"ours": {"cpu": 1.0}}], pairs((1.0, 0.0))])
def test_what_was_not_measured_is_not_judged(found):
    """A goal without a measurement is not met."""
    assert Goal("", "ours", "cpu", "theirs", at_most=0.5).judge(found) is None
