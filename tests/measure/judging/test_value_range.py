"""Ranges of numbers say the same as trying numbers out."""

import operator

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.value_range import ValueRange

OPERATORS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
halves = st.integers(-8, 24).map(lambda number: number / 2)
cuts = st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">=", "=="]), halves), max_size=4)
TRIED = [number / 4 for number in range(-20, 60)]


def cut_by(found, bounds):
    for sign, bound in bounds:
        found = found.cut(sign, bound)
    return found


@given(cuts, st.booleans(), st.sets(halves, max_size=3))
def test_a_range_is_empty_when_no_number_fits(bounds, whole, without):
    """Tried with open ends, whole numbers and excluded single points: a search confirms the answer."""
    found = cut_by(ValueRange(0, 10, whole=whole), bounds)
    fits = [
        number
        for number in TRIED
        if 0 <= number <= 10
        and (not whole or number == int(number))
        and all(OPERATORS[sign](number, bound) for sign, bound in bounds)
        and number not in without
    ]
    assert found.is_empty(without) == (not fits)


@given(cuts, cuts)
def test_a_range_is_above_another_when_all_its_numbers_are(first, second):
    """It includes ranges that meet in a point which one of them excludes."""
    one, other = cut_by(ValueRange(0, 10), first), cut_by(ValueRange(0, 10), second)
    if one.is_empty() or other.is_empty():
        return
    highs, lows = fitting(first), fitting(second)
    # a fine step between the numbers that are tried: open ends that meet have room for none
    assert one.is_above(other) == (min(highs) > max(lows))


def fitting(bounds):
    """Numbers that keep all bounds, including those next to a bound."""
    tried = [number + step for number in TRIED for step in (-1e-6, 0, 1e-6)]
    return [number for number in tried if 0 <= number <= 10 and all(OPERATORS[sign](number, at) for sign, at in bounds)]
