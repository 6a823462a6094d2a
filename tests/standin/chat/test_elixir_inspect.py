"""Elixir's print of values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.chat.elixir_inspect import inspect

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "nil"),
        (True, "true"),
        (5, "5"),
        (2.5, "2.5"),
        ("str", '"str"'),
        ('a"b\\\n#{x}', '"a\\"b\\\\\\n\\#{x}"'),
        ([], "[]"),
        ([1, 2], "[1, 2]"),
        ([104, 105], '~c"hi"'),
        ({}, "%{}"),
        ({"content": {"kind": "text"}}, '%{"content" => %{"kind" => "text"}}'),
        ({"b": 1, "a": None}, '%{"a" => nil, "b" => 1}'),
        ("x" * 5000, '"' + "x" * 4096 + '" <> ...'),
    ],
)
def test_inspect(value, expected):
    """The results are those of `inspect/1`, including the recorded ones."""
    assert inspect(value) == expected


def test_long_lists_are_cut():
    """After 50 items."""
    assert inspect([1000] * 60).endswith("1000, ...]")
    assert inspect({str(i): i for i in range(60)}).endswith(", ...}")


def test_deep_values_are_cut():
    """Recursion is bounded."""
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert "..." in inspect(deep)


@given(JSON)
def test_anything_can_be_printed(value):
    """One line of text."""
    assert "\n" not in inspect(value)
