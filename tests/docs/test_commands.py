"""Every command line in the documentation is taken by the program's own parser."""

import pytest

from tests.docs.commands import FOREIGN, OURS, check, commands_of
from tests.docs.pages import page, pages

COMMANDS = [(each, command) for each in pages() for command in commands_of(each)]


def test_commands_were_found():
    """Many, of every program; else this file tests nothing."""
    programs = {command.program for _, command in COMMANDS}
    assert len(COMMANDS) > 50
    assert programs >= {"locust", "fleetlm-bench", "make", "python"}


@pytest.mark.parametrize(("each", "command"), COMMANDS, ids=[f"{c.where} {c.text}"[:100] for _, c in COMMANDS])
def test_a_command_line_is_taken(each, command, tmp_path):
    """Parsed, resolved and checked as before a run; foreign programs are only known by name."""
    page("docs/presets-and-thresholds.md").save(tmp_path)  # what others refer to
    each.save(tmp_path)
    if command.program in OURS:
        check(command)
    else:
        assert command.program in FOREIGN, command.text
