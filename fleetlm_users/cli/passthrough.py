"""`fleetlm-bench standin` and `echo-agent`: the two servers under one name, with all their own flags."""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

_AS_THEY_ARE: Final[dict[str, Any]] = {"ignore_unknown_options": True, "help_option_names": []}


@click.command(short_help="Run the embedded FleetLM; all flags are its own.", context_settings=_AS_THEY_ARE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def standin(arguments: Sequence[str]) -> None:
    """Run the embedded FleetLM, the same as python -m fleetlm_users.standin."""
    become("fleetlm_users.standin", arguments)


@click.command("echo-agent", short_help="Run the echo agent; all flags are its own.", context_settings=_AS_THEY_ARE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def echo_agent(arguments: Sequence[str]) -> None:
    """Run the echo agent, the same as python -m echo_agent."""
    become("echo_agent", arguments)


def become(module: str, arguments: Sequence[str]) -> None:
    """Replaces this process by a Python module's: signals, exit code and output are then its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
