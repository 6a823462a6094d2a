"""The subcommands of `fleetlm-bench`, each imported on use.

All of them together import half of the package, gevent, Jinja2 and YAML: 0.3 s of CPU, for a `--help` that needs none
of it. So their help lines are repeated here; a test holds them equal to the commands' own.
"""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Final, NamedTuple

import click

HELP_NAMES: Final = ["-h", "--help"]


class Subcommand(NamedTuple):
    """The place of a command, and its line in the help of the group."""

    module: str
    attribute: str
    short_help: str


SUBCOMMANDS: Final = {
    "doctor": Subcommand(
        "fleetlm_users.cli.doctor.command",
        "doctor",
        "Is everything ready for a run? Ends with one message to the agent and back.",
    ),
    "smoke": Subcommand(
        "fleetlm_users.cli.smoke.command",
        "smoke_",
        "Run every benchmark for a few seconds: do they all work here?",
    ),
    "cleanup": Subcommand(
        "fleetlm_users.cli.cleanup.command", "cleanup", "Delete the sessions that benchmarks left in FleetLM."
    ),
    "compare": Subcommand(
        "fleetlm_users.cli.compare.command",
        "compare",
        "Is run B worse than run A? Every figure, with intervals and a verdict for CI.",
    ),
    "trend": Subcommand(
        "fleetlm_users.cli.trend.command",
        "trend",
        "Many runs over time: which figures changed, when, and is the newest run worse?",
    ),
    "list": Subcommand("fleetlm_users.cli.listing.command", "list_", "List benchmarks, presets, metrics and options."),
    "plan": Subcommand(
        "fleetlm_users.cli.plan.command",
        "plan",
        "Calculate what a load needs: workers, machines, ports, kernel settings.",
    ),
    "report": Subcommand(
        "fleetlm_users.cli.report.command", "report", "Write a run's report again: HTML, Markdown, JUnit or text."
    ),
    "control": Subcommand(
        "fleetlm_users.cli.control.command",
        "control",
        "Change a running test: rate, users, pause, resume, stop.",
    ),
    "schema": Subcommand(
        "fleetlm_users.cli.schema.command", "schema", "Print the JSON Schema of summary.json or run.json."
    ),
}


class Subcommands(MutableMapping[str, click.Command]):
    """The commands of a group by name: those of SUBCOMMANDS, imported on first use, and any added ones."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, attribute, _ = SUBCOMMANDS[name]
            self[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        # click reads the names of the help option from the context once and stores them with the command: a command
        # parsed on its own first would not accept `-h` afterwards.
        command.context_settings.setdefault("help_option_names", HELP_NAMES)
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("subcommands are added only")

    def __iter__(self) -> Iterator[str]:
        yield from SUBCOMMANDS
        yield from (name for name in self._loaded if name not in SUBCOMMANDS)

    def __len__(self) -> int:
        return len(SUBCOMMANDS.keys() | self._loaded.keys())

    def __repr__(self) -> str:
        return f"Subcommands({', '.join(self)})"

    def line_of(self, name: str) -> str:
        """Return a command's line in the help, without importing it."""
        return SUBCOMMANDS[name].short_help if name in SUBCOMMANDS else self[name].get_short_help_str(limit=100)
