"""The outputs of the command line: standard output with its style, a progress line, and files that the user names."""

import sys
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Final

import click

from fleetlm_users.earlier_runs.result_folders import is_record
from fleetlm_users.errors import FleetlmError, UsageError
from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.output import LiveLine, wants_colour, width_of
from fleetlm_users.swarm.results.output_file import share_a_file, write_file

STANDARD_OUTPUT: Final = Path("-")
FILE: Final = click.Path(path_type=Path, allow_dash=True)
"""The type of an option that names a file to write: a path, or - for standard output."""

WIDEST = 110
"""The longest line: longer ones are harder to read, not easier."""


def style() -> Style:
    """Return the style for standard output."""
    return Style(width=min(width_of(sys.stdout), WIDEST), colour=wants_colour(sys.stdout))


class Progress:
    """One line on standard error that is overwritten; empty if that is not a terminal."""

    def __init__(self) -> None:
        self._line = LiveLine(sys.stderr)

    def tell(self, text: str) -> None:
        """Show the text in place of the last one."""
        self._line.show(f"  {text}")

    def clear(self) -> None:
        """Remove the line."""
        self._line.clear()


def check_distinct(paths: Mapping[str, Path]) -> None:
    """Raise UsageError if the outputs of two flags would replace each other; standard output takes several."""
    for (_, one), (flag, other) in combinations(paths.items(), 2):
        if other != STANDARD_OUTPUT and share_a_file(one, other):
            raise UsageError(flag, str(other), "a file that no other option writes", f"{flag} another-{other.name}")


def check_spares(paths: Mapping[str, Path], read: Iterable[Path]) -> None:
    """Raise UsageError if the output of a flag would replace a file that is `read`, or the record of any run."""
    files = list(read)
    for flag, path in paths.items():
        if path != STANDARD_OUTPUT and (is_record(path) or any(share_a_file(path, file) for file in files)):
            raise UsageError(flag, str(path), "a file that is not a run's own record", f"{flag} {path.stem}-report")


def write_output(path: Path, text: str) -> None:
    """Write a text to a path, creating folders as needed, or to standard output. Raise FleetlmError."""
    if path == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    try:
        write_file(path, text)
    except OSError as problem:
        raise FleetlmError(f"{path} cannot be written: {problem.strerror or problem}") from problem
