"""Keep control characters out of the log: an exception of a behaviour may quote the server, and Locust logs it."""

import logging
from typing import Final

from fleetlm_users.foreign_text import printable_lines

LOGGERS: Final = ("", "locust", "locust.stats_logger")
"""The loggers that Locust gives handlers."""

MAX_RECORD: Final = 20_000


class PrintableFormatter(logging.Formatter):
    """A formatter around another one, which makes its lines safe for a terminal."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, without any character that moves the cursor."""
        return printable_lines(self._inner.format(record), MAX_RECORD)


def make_logs_printable() -> None:
    """Wrap the formatters of all present handlers. Safe to call again."""
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler.formatter, PrintableFormatter):
                handler.setFormatter(PrintableFormatter(handler.formatter or logging.Formatter()))
