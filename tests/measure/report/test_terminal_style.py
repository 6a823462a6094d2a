"""Text fits its width, with and without colours."""

import pytest

from fleetlm_users.measure.report.terminal_style import Style, Table


def test_paint_is_nothing_without_colour():
    """A log file holds no escape sequences."""
    assert Style(colour=False).paint("x", "red") == "x"
    assert Style(colour=True).paint("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    assert Style(colour=True).paint("", "red") == ""


def test_a_table_drops_what_it_can_spare_until_it_fits():
    """Columns go in the given order; the rest is never cut."""
    table = Table(("name", "a", "b", "c"), (("first", "1111111111", "2222222222", "3333333333"),), ("c", "a"))
    wide, narrow, narrowest = (table.lines(Style(width)) for width in (80, 36, 10))
    assert wide[1].split() == ["first", "1111111111", "2222222222", "3333333333"]
    assert narrow[1].split() == ["first", "1111111111", "2222222222"]
    assert narrowest[1].split() == ["first", "2222222222"]
    assert len(narrow[1]) <= 36


def test_columns_are_aligned_right_and_names_left():
    """Numbers are compared from the right."""
    head, one, two = Table(("n", "value"), (("a", "5"), ("longer", "12345")), indent=2).lines(Style())
    assert (head, one, two) == ("  n       value", "  a           5", "  longer  12345")


def test_finished_text_has_no_trailing_blanks():
    """Diffs of reports show what changed."""
    assert Style().finish(["a  ", "", "b"]) == "a\n\nb\n"


def test_wrapped_text_keeps_its_indent():
    """Reasons may be long."""
    lines = Style(30).wrapped("one two three four five six seven eight", "  - ", "    ")
    assert all(len(line) <= 30 for line in lines)
    assert lines[1].startswith("    ")
    assert Style().wrapped("", "  - ", "    ") == ["  - "]


@pytest.mark.parametrize("colour", [False, True])
def test_only_our_own_colours_reach_a_terminal(colour):
    """A preset's description or a label of a report cannot move the cursor, no matter who wrote it."""
    style = Style(colour=colour)
    text = style.finish([style.paint("name", "bold") + " \x1b[2J\x1b]0;title\x07\r\u202e ✓"])
    painted = "\x1b[1mname\x1b[0m" if colour else "name"
    assert text == painted + r" \x1b[2J\x1b]0;title\x07\r\u202e ✓" + "\n"
