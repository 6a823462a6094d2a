"""What a person sees while a run goes on: one live line on a terminal, a line now and then in a log."""

import sys
from typing import TextIO

TERMINAL_INTERVAL_S = 1.0
LOG_INTERVAL_S = 10.0

ERASE_LINE = "\r\x1b[2K"


class Console:
    """Writes to `stream` (stderr: stdout belongs to results); rewrites one line where that is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._open_line = False
        self.is_terminal = self._stream.isatty()
        self.interval_s = TERMINAL_INTERVAL_S if self.is_terminal else LOG_INTERVAL_S

    def progress(self, line: str) -> None:
        """Shows the newest state of the run."""
        if self.is_terminal:
            self._write(f"{ERASE_LINE}{line}")
            self._open_line = True
        else:
            self._write(f"{line}\n")

    def say(self, text: str) -> None:
        """Writes lines that stay."""
        self.clear()
        self._write(text if text.endswith("\n") else f"{text}\n")

    def clear(self) -> None:
        """Takes the live line away, so that what comes next begins on a line of its own."""
        if self._open_line:
            self._write(ERASE_LINE)
            self._open_line = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return  # the terminal is gone; the run goes on
