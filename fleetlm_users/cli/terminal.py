"""What standard output can show: its width, colours, signs."""

import os
import shutil
import sys

from fleetlm_users.measure.console import Style, can_show

WIDEST = 110
"""Lines longer than this are harder to read, not easier."""


def style() -> Style:
    """Return the style for standard output: colour only on a terminal, and not where NO_COLOR is set."""
    is_terminal = sys.stdout.isatty()
    return Style(
        width=min(shutil.get_terminal_size((80, 24)).columns, WIDEST),
        colour=is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        unicode=can_show(sys.stdout.encoding),
    )


class Progress:
    """One line on standard error that is written over again and again; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def tell(self, text: str) -> None:
        """Shows the text in place of the last one."""
        if self._is_shown:
            width = shutil.get_terminal_size((80, 24)).columns
            sys.stderr.write(f"\r\x1b[K  {text}"[: width + 4])
            sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
