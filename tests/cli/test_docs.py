"""docs/cli.md says what the command can do: its examples are understood, its numbers are true."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fleetlm_users.cli.main import cli
from fleetlm_users.measure.comparing.statistics import quantile_ranks

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^fleetlm-bench .*$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_understood(line):
    """Every option in it exists and takes that value; nothing is run."""
    name, *arguments = shlex.split(line.partition(" >")[0])[1:]
    # commands keep the help option of their first context, so it must be the one that the group gives
    parent = click.Context(cli, **cli.context_settings)
    context = cli.commands[name].make_context(name, arguments, parent=parent)
    assert context.params


def test_every_command_has_its_section():
    """The command of every section exists, too."""
    headings = {name for line in re.findall(r"^## (.+)$", TEXT, re.MULTILINE) for name in line.split(", ")}
    assert headings == set(cli.commands)


@pytest.mark.parametrize(("fraction", "needed"), [(0.95, 104), (0.99, 528)])
def test_how_many_samples_an_upper_end_needs(fraction, needed):
    """The numbers that the page gives for 99 %."""
    assert str(needed) in TEXT
    assert quantile_ranks(needed - 1, fraction, 0.99)[1] is None
    assert quantile_ranks(needed, fraction, 0.99)[1] is not None
