import os
import subprocess
import sys

import pytest

from fleetlm_users import __version__
from fleetlm_users.cli import main as passthrough
from fleetlm_users.cli.main import cli
from fleetlm_users.cli.subcommands import SUBCOMMANDS
from tests.cli.summaries import summary, with_trend, written

EVEN = [50 + index / 100 for index in range(2000)]


def test_version(bench):
    """Ours, Locust's and Python's."""
    found = bench("--version")
    assert found.exit_code == 0
    assert found.output.startswith(f"fleetlm-bench {__version__} (locust ")


@pytest.mark.parametrize("command", ["", *(name for name in cli.commands if name not in ("standin", "echo-agent"))])
def test_help_has_examples_and_fits_80_columns(bench, command):
    """-h and --help, of the whole and of every subcommand."""
    found = bench(*command.split(), "--help", terminal_width=80)
    assert found.exit_code == 0
    assert "Example" in found.output
    assert max(map(len, found.output.splitlines())) <= 80
    assert bench(*command.split(), "-h").output == bench(*command.split(), "--help").output


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_a_line_of_the_help_is_the_commands_own(name):
    """It stands apart from the command, which the help does not import."""
    command = cli.commands[name]
    assert command.name == name
    assert cli.commands.line_of(name) == command.short_help


def test_the_help_of_the_whole_imports_no_command():
    """Nor does it import what they need: a start costs CPU, and people ask for the help often."""
    program = (
        "import sys; from fleetlm_users.cli.main import cli; cli(['--help'], standalone_mode=False);"
        "print([name for name in sys.modules if name.endswith('.command') or name.partition('.')[0] in"
        " ('gevent', 'jinja2', 'yaml', 'msgspec', 'requests')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_commands_are_a_mapping_that_only_grows():
    """click needs it."""
    assert "standin" in cli.commands
    assert "unknown" not in cli.commands
    assert len(list(cli.commands)) == len(cli.commands)
    assert "plan" in repr(cli.commands)
    with pytest.raises(TypeError):
        del cli.commands["plan"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("doctor", "-H", "localhost:4000"),
            "invalid value 'localhost:4000' for -H/--host: expected http://, https://, ws:// or wss://",
        ),
        (("doctor", "--timeout", "soon"), "a duration"),
        (("doctor", "--timeout", "0"), "above 0"),
        (("cleanup", "--run-id", "a b"), "invalid value 'a b' for --run-id (RUN_ID)"),
        (("cleanup", "--results", "nowhere"), "No such file"),
        (("cleanup", "--concurrency", "0"), "not in the range"),
        (("compare", "nowhere", "nowhere"), "No such file"),
        (("compare", "one"), "Missing argument"),
        (("unknown",), "No such command"),
    ],
)
def test_a_mistake_ends_with_2_and_says_what_is_accepted(bench, arguments, words):
    """Never a traceback."""
    found = bench(*arguments)
    assert found.exit_code == 2
    assert words in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    ("factor", "more", "code"),
    [(1.0, (), 0), (1.2, (), 3), (1.2, ("--tolerance", "25"), 0), (1.2, ("--markdown",), 3)],
)
def test_compare_ends_with_its_verdict(bench, tmp_path, factor, more, code):
    """0 or 3; 4 for what cannot be compared."""
    before = written(tmp_path / "a", with_trend(EVEN))
    after = written(tmp_path / "b", with_trend([value * factor for value in EVEN]))
    found = bench("compare", before, after, *more)
    assert found.exit_code == code, found.output
    assert bench("compare", before, before).exit_code == 4
    assert bench("compare", before, after, "--noise", after).exit_code == 0


def test_compare_of_another_load_needs_to_be_asked_for(bench, tmp_path):
    """4, and with --any-load the answer."""
    before = written(tmp_path / "a", summary())
    after = written(tmp_path / "b", summary(plan={"users": {"burst": 9}}))
    assert bench("compare", before, after).exit_code == 4
    assert bench("compare", before, after, "--any-load").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("standin", "--port", "0", "--help"), ["-m", "fleetlm_users.standin", "--port", "0", "--help"]),
        (("echo-agent", "-h", "--delay-ms", "5"), ["-m", "echo_agent", "-h", "--delay-ms", "5"]),
        (("standin",), ["-m", "fleetlm_users.standin"]),
    ],
)
def test_the_servers_get_all_their_flags(bench, monkeypatch, arguments, expected):
    """The process becomes theirs, with nothing of ours in between."""
    called = []
    monkeypatch.setattr(os, "execv", lambda *given: called.append(given))
    assert bench(*arguments).exit_code == 0
    assert called == [(sys.executable, [sys.executable, *expected])]
    assert passthrough.os is os
