"""Whatever is logged is printable: an exception of a behaviour may quote what a server sent, and Locust logs it."""

import logging
from typing import Final

from fleetlm_users.foreign_text import printable_lines

LOGGERS: Final = ("", "locust", "locust.stats_logger")
"""Those that Locust gives handlers (log.py setup_logging)."""

MAX_RECORD: Final = 20_000


class PrintableFormatter(logging.Formatter):
    """Formats as another formatter does, in lines that a terminal can be given."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines, without anything that moves the cursor."""
        return printable_lines(self._inner.format(record), MAX_RECORD)


def make_logs_printable() -> None:
    """Wraps the formatters of all handlers that there are. Safe to call again."""
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler.formatter, PrintableFormatter):
                handler.setFormatter(PrintableFormatter(handler.formatter or logging.Formatter()))
