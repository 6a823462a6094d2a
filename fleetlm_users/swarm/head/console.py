"""What a person sees while a run goes on: one live line on a terminal, a line now and then in a log."""

import sys
from typing import TextIO

from fleetlm_users.foreign_text import printable_lines
from fleetlm_users.output import LiveLine, tell

TERMINAL_INTERVAL_S = 1.0
LOG_INTERVAL_S = 10.0

MAX_SAID = 20_000


class Console:
    """Writes to `stream` (stderr: stdout belongs to results); rewrites one line where that is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = LiveLine(self._stream)
        self.is_terminal = self._live.is_possible
        self.interval_s = TERMINAL_INTERVAL_S if self.is_terminal else LOG_INTERVAL_S

    def fits(self, line: str) -> bool:
        """Whether a line of progress can be shown whole, at the width that the terminal has now."""
        return not self.is_terminal or self._live.fits(line)

    def progress(self, line: str) -> None:
        """Shows the newest state of the run."""
        if self.is_terminal:
            self._live.show(line)
        else:
            tell(self._stream, f"{line}\n")

    def say(self, text: str) -> None:
        """Writes lines that stay."""
        self.clear()
        text = printable_lines(text, MAX_SAID)
        tell(self._stream, text if text.endswith("\n") else f"{text}\n")

    def clear(self) -> None:
        """Takes the live line away, so that what comes next begins on a line of its own."""
        self._live.clear()
