import pytest

from fleetlm_users.cli.doctor.check_result import CheckResult
from fleetlm_users.measure.report.terminal_style import Style


@pytest.mark.parametrize(("outcome", "sign"), [("ok", "✓"), ("bad", "✗"), ("doubtful", "!"), ("skipped", "–")])
def test_a_line_says_how_it_went(outcome, sign):
    """Sign, name, detail."""
    assert CheckResult(outcome, "join", "in 1 ms").lines(Style(width=80)) == [f"  {sign} join                in 1 ms"]


def test_long_words_go_on_below_themselves():
    """Nothing is wider than the terminal, and the remedy is marked."""
    lines = CheckResult("bad", "join", "word " * 30, "do this " * 20).lines(Style(width=60))
    assert max(map(len, lines)) <= 60
    assert sum("→" in line for line in lines) == 1
    assert all(line.startswith(" " * 24) for line in lines[1:])


def test_what_a_server_said_is_printable():
    """It came out of an answer."""
    (line,) = CheckResult("bad", "join\x1b[2J", "no \x1b]0;title\x07\nINJECTED").lines(Style(width=100))
    assert line == "  ✗ join\\x1b[2J" + " " * 9 + r"no \x1b]0;title\x07\nINJECTED"
