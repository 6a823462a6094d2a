"""Foreign data is refused with the place and the expected form, in few words whatever it holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import ShapeError
from fleetlm_users.shape import each, either, flag, lines, nothing_or, number, one_of, record, row, table, text, whole

RUN = record(
    {
        "counts": each(row(text(10), whole(0, 100)), 3),
        "mode": one_of("a", "b"),
        "by_name": table(text(5), number(0), 2),
        "final": flag,
    },
    {"note": nothing_or(lines(20)), "value": either("a number or text", number(), text(5))},
)
SOUND = {"counts": [["x", 1]], "mode": "a", "by_name": {"k": 0.5}, "final": True, "unknown": object()}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


def test_what_is_sound_passes():
    """Entries that nobody asks for are not looked at."""
    RUN(SOUND)
    RUN(SOUND | {"note": "two\nlines", "value": 1.5})
    RUN(SOUND | {"note": None, "counts": ()})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"counts": [["x", 1], ["y", -5]]}, "counts[1][1] is -5; expected a whole number from 0 to 100"),
        ({"counts": [["x", True]]}, "counts[0][1] is True; expected a whole number"),
        ({"counts": [["x", 1.0]]}, "counts[0][1] is 1.0; expected a whole number"),
        ({"counts": [["x"]]}, "counts[0] has 1 entries; expected 2"),
        ({"counts": [None]}, "counts[0] is None; expected a list"),
        ({"counts": [["x", 1]] * 1_000}, "counts has 1,000 entries; expected at most 3"),
        ({"counts": {}}, "counts is an object; expected a list"),
        ({"counts": [["x\x1b[2J", 1]]}, r"counts[0][0] is 'x\x1b[2J'; expected text without control characters"),
        ({"counts": [["x" * 11, 1]]}, "counts[0][0] has 11 characters; expected 0 to 10"),
        ({"mode": "c"}, "mode is 'c'; expected one of 'a', 'b'"),
        ({"mode": ["a"]}, "mode is a list; expected one of"),
        ({"by_name": {"k": math.nan}}, "by_name['k'] is nan; expected a number from 0"),
        ({"by_name": {"k": math.inf}}, "by_name['k'] is inf"),
        ({"by_name": {"k": 10**400}}, "by_name['k'] is <a whole number of 1,329 bits>"),
        ({"by_name": {7: 1}}, "by_name has a key that is 7; expected text"),
        ({"by_name": {"a": 1, "b": 1, "c": 1}}, "by_name has 3 entries; expected at most 2"),
        ({"final": 1}, "final is 1; expected true or false"),
        ({"note": "a\rb"}, r"note is 'a\rb'; expected lines without control characters"),
        ({"value": []}, "value is a list; expected a number or text"),
    ],
)
def test_what_is_not_is_named(changed, words):
    """The error has the place, the value, and the expected form."""
    with pytest.raises(ShapeError) as problem:
        RUN(SOUND | changed)
    assert words in str(problem.value)


def test_what_is_missing_is_named():
    """So is a value that is not an object."""
    with pytest.raises(ShapeError, match=r"^mode is missing$"):
        RUN({name: value for name, value in SOUND.items() if name != "mode"})
    with pytest.raises(ShapeError, match=r"^it is None; expected an object$"):
        RUN(None)


@given(ANYTHING, st.sampled_from(sorted(SOUND)))
def test_a_check_raises_nothing_else_and_quotes_little(value, name):
    """It holds for any value."""
    told = ""
    try:
        RUN(SOUND | {name: value})
    except ShapeError as problem:
        told = str(problem)
    assert len(told) < 300
    assert told.isprintable()
