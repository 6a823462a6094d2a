import sys

import pytest

from fleetlm_users.cli import terminal
from fleetlm_users.output import ERASE_LINE


@pytest.mark.parametrize(
    ("is_terminal", "environment", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals(monkeypatch, is_terminal, environment, colour):
    """It is not for terminals whose user does not want it (https://no-color.org)."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert terminal.style().colour is colour


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("80", 80), ("300", terminal.WIDEST)])
def test_the_width_is_the_terminals_up_to_a_limit(monkeypatch, columns, width):
    """Very long lines are hard to read."""
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.style().width == width


def test_progress_is_for_terminals(monkeypatch, capsys):
    """One line over and over, taken away at the end; nothing in a file."""
    terminal.Progress().tell("a")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "10")
    progress = terminal.Progress()
    progress.tell("a" * 50)
    progress.clear()
    assert capsys.readouterr().err == f"{ERASE_LINE}  aaaaaa~\r{ERASE_LINE}"
