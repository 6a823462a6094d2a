"""A quote in an error is one line of at most 200 characters, whatever the value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import MAX_QUOTED, Described, described, quote

LAUGHS = ["lol"] * 9
for _ in range(9):
    LAUGHS = [LAUGHS] * 9  # 31 billion words, told in full; ten lists in memory

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner))


@pytest.mark.parametrize("value", ["short", "it's", b"bytes", 5, -1.5, None, True, [1, "a"], {"burst": 0}, ("a", "b")])
def test_what_is_short_is_quoted_as_it_is(value):
    """It is in Python's notation, so that 5 and "5" differ."""
    assert quote(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("x" * 1_000_000, "… (1,000,000 characters)"),
        ("\U0010ffff" * 100, "… (100 characters)"),
        (b"\0" * 1000, "… (1,000 bytes)"),
        (LAUGHS, "…"),
        ({str(n): LAUGHS for n in range(9)}, "…"),
        (16**5000, "<a whole number of 20,001 bits>"),
        ([16**5000], "[<a whole number of 20,001 bits>]"),
    ],
    ids=["text", "escapes", "bytes", "list", "mapping", "number", "number in a list"],  # pytest would write them out
)
def test_what_is_long_is_cut_and_its_length_told(value, end):
    """Nothing is written out in full before it is cut."""
    assert len(quote(value)) <= MAX_QUOTED
    assert quote(value).endswith(end)


@given(values)
def test_a_quote_is_one_printable_line_within_bounds(value):
    """No control character, no bidi mark and no line break of a value reaches a terminal."""
    assert len(quote(value)) <= MAX_QUOTED
    assert quote(value).isprintable()


@given(st.text(), values, st.text(), st.text())
def test_an_error_is_bounded_whatever_it_is_about(what, value, accepted, example):
    """Its name, its example and the accepted form may hold words from a file as well."""
    assert len(str(UsageError(what, value, accepted, example))) < 1700


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "nothing"),
        (True, "a truth value"),
        (5, "a number"),
        (1.5, "a number"),
        ("secret", "a text of 6 characters"),
        (b"s", "binary data of 1 byte"),
        ([1], "a list of 1 entry"),
        ({1, 2}, "a list of 2 entries"),
        ({"secret": 1}, "a mapping of 1 key"),
        (object(), "a object"),
    ],
)
def test_a_description_tells_type_and_length_alone(value, told):
    """An error quotes it without quotation marks."""
    assert quote(described(value)) == told
    assert str(UsageError("file", Described("a text"), "YAML", "x")).startswith(
        "invalid value for file: a text; expected "
    )
