"""Characters that an output lacks are replaced one by one; widths are counted as a terminal draws them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.output_characters import cut, fit, to_ascii


def test_ascii_keeps_the_columns():
    """One character for one character."""
    text = "✓ ✗ – · µ → … é"
    assert to_ascii(text) == "+ x - | u > ~ ?"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        (None, "✓ · µs é 漢"),
        ("utf-8", "✓ · µs é 漢"),
        ("latin-1", "+ · µs é ?"),
        ("cp1252", "+ · µs é ?"),
        ("gbk", "+ · us é 漢"),
        ("ascii", "+ | us ? ?"),
        ("no such encoding", "+ | us ? ?"),
    ],
)
def test_what_an_encoding_has_is_used(encoding, shown):
    """Only missing characters are replaced."""
    assert fit("✓ · µs é 漢", encoding) == shown


@given(st.text(), st.sampled_from(["ascii", "latin-1", "gbk", "euc-jp", "utf-8"]))
def test_what_is_replaced_can_be_written(text, encoding):
    """It includes lone surrogates, as in a non-UTF-8 file name."""
    fit(text + "\udcc3", encoding).encode(encoding)


@pytest.mark.parametrize(
    ("text", "columns", "encoding", "shown"),
    [
        ("append 120.5", 12, None, "append 120.5"),
        ("append 120.5", 10, None, "append 12~"),
        ("漢漢漢", 6, None, "漢漢漢"),
        ("漢漢漢", 5, None, "漢漢~"),
        ("e\u0301e\u0301", 2, None, "e\u0301e\u0301"),
        ("1 · 2", 5, "utf-8", "1 · 2"),
        ("1 · 2", 5, "gbk", "1 ·~"),
        ("ab", 1, None, "~"),
    ],
)
def test_a_cut_line_fits_and_shows_that_it_was_cut(text, columns, encoding, shown):
    """Wide characters count twice, combining ones not at all, ambiguous ones as the terminal's encoding has them."""
    assert cut(text, columns, encoding) == shown
