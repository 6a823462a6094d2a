"""The options of commands that compare runs: how much worse is too much, and which figures are shown."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fleetlm_users.measure.comparing.rows import Tolerances

PERCENT: Final = 100

Command = TypeVar("Command", bound=Callable[..., Any])


def comparing_options(what: str, percent: float, points: float) -> Callable[[Command], Command]:
    """Return a decorator that adds `--tolerance`, `--rate-tolerance` and `--by-scenario` to a click command.

    Args:
        what: The beginning of the help's sentence, the subject that may be worse: `A judged figure`.
        percent: The default of `--tolerance`, in percent.
        points: The default of `--rate-tolerance`, in percentage points.
    """
    options = (
        click.option(
            "--tolerance",
            type=click.FloatRange(0),
            default=percent,
            show_default=True,
            metavar="PERCENT",
            help=f"{what} may be this much worse, in percent of what it was.",
        ),
        click.option(
            "--rate-tolerance",
            type=click.FloatRange(0, 100),
            default=points,
            show_default=True,
            metavar="POINTS",
            help="The same for rates, in percentage points.",
        ),
        click.option("--by-scenario", is_flag=True, help="Show each scenario's figures too."),
    )

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def tolerances_of(tolerance: float, rate_tolerance: float, confidence: float = 99.0) -> Tolerances:
    """Return the tolerances; the options are given in percent or percentage points."""
    return Tolerances(tolerance / PERCENT, rate_tolerance / PERCENT, confidence / PERCENT)
