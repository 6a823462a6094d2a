"""The terminal of the command line: the style of standard output, and a progress line."""

import sys

from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.output import LiveLine, wants_colour, width_of

WIDEST = 110
"""Lines longer than this are harder to read, not easier."""


def style() -> Style:
    """Return the style for standard output."""
    return Style(width=min(width_of(sys.stdout), WIDEST), colour=wants_colour(sys.stdout))


class Progress:
    """One line on standard error that is overwritten; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._line = LiveLine(sys.stderr)

    def tell(self, text: str) -> None:
        """Show the text in place of the last one."""
        self._line.show(f"  {text}")

    def clear(self) -> None:
        """Remove the line."""
        self._line.clear()
