"""Locust's own files, `--html`, `--json-file`, `--csv` and `--logfile`: tried at the start, written without side
effects.

Locust opens them too late, or where an error with one file would lose the reports in all others.
"""

import contextlib
import io
import json
import logging
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.html import get_html_report, process_html_filename
from locust.stats import StatsCSVFileWriter

from fleetlm_users.quoting import quote
from fleetlm_users.swarm.locust_internals import (
    action_of,
    csv_files,
    csv_flushes,
    intercept_csv_writer,
    skip_json_file,
)
from fleetlm_users.swarm.results.output_file import try_file, write_file

Lost = tuple[str, str, OSError]
"""A missing file: its flag, its path and the reason."""

CSV_FILES: Final = ("_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv")

_NAMES: Final[dict[str, Callable[[str], list[str]]]] = {
    "--html": lambda text: [text.replace("{u}", "1").replace("{r}", "1").replace("{t}", "1")],
    "--json-file": lambda text: [f"{text}.json"],
    "--csv": lambda text: [text + end for end in CSV_FILES],
    "--logfile": lambda text: [text],
}


def try_when_parsed(parser: LocustArgumentParser) -> None:
    """Make the parser refuse a file that cannot be written: all processes parse, and each writes its own."""
    for flag, names in _NAMES.items():
        action_of(parser, flag).type = _checker(names)


def _checker(names: Callable[[str], list[str]]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not text.isprintable():  # except lone surrogates, which stand for bytes outside the locale (PEP 383)
            raise ArgumentTypeError(
                f"invalid value {quote(text)}: expected a path in the locale's printable characters"
            )
        for name in names(text) if text else ():
            try:
                try_file(Path(name))
            except OSError as problem:
                why = problem.strerror or str(problem)
                raise ArgumentTypeError(
                    f"invalid value {quote(name)}: expected a file that can be written ({why})"
                ) from problem
        return text

    return check


class LocustFiles:
    """The files of a coordinator: `write` returns those that cannot be written, which does not affect the others."""

    def __init__(self, environment: Environment, parsed: Namespace) -> None:
        self._environment = environment
        self._parsed = parsed
        self._csv: StatsCSVFileWriter | None = None
        self._lost: list[Lost] = []
        self._html, parsed.html_file = parsed.html_file, None  # Locust would write it where an error ends the process
        if parsed.json_file:
            skip_json_file()  # as above; written by then
        if parsed.csv_prefix:
            self._guard_csv()
        if parsed.logfile:
            self._guard_log(parsed.logfile)

    def write(self) -> list[Lost]:
        """Write them and return the missing ones. Call it after the run, before its exit code is decided."""
        runner, prefix = self._environment.runner, self._parsed.json_file
        if self._html:
            self._write("--html", self._html_path(), self._html_report)
        if prefix and runner is not None:
            self._write("--json-file", f"{prefix}.json", lambda: json.dumps(runner.stats.serialize_stats(), indent=4))
        if self._csv is not None:
            for flush in csv_flushes(self._csv):
                self._guarded_csv(flush)
        return self._lost

    def _write(self, flag: str, path: str, text: Callable[[], str]) -> None:
        try:
            write_file(Path(path), text())
        except OSError as problem:
            self._lost.append((flag, path, problem))

    def _html_path(self) -> str:
        self._parsed.html_file = self._html
        process_html_filename(self._parsed)
        path, self._parsed.html_file = self._parsed.html_file, None
        return str(path)

    def _html_report(self) -> str:
        return str(get_html_report(self._environment, show_download_link=False))

    def _guard_csv(self) -> None:
        def write(writer: StatsCSVFileWriter, write_rows: Callable[[], None]) -> None:
            self._csv = writer
            for file in csv_files(writer):
                # Locust opens them with the locale's encoding, and a server may say anything
                file.reconfigure(encoding="utf-8", errors="backslashreplace")
            self._guarded_csv(write_rows)

        def close(_writer: StatsCSVFileWriter, close_files: Callable[[], None]) -> None:
            with contextlib.suppress(OSError):  # already reported
                close_files()

        intercept_csv_writer(write, close)

    def _guarded_csv(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as problem:
            if self._csv is not None:
                self._lost.append(("--csv", self._parsed.csv_prefix, problem))
            self._csv = None

    def _guard_log(self, name: str) -> None:
        """Report once that a log cannot be written, not with a traceback per line as logging.Handler does."""

        def handle_error(_record: logging.LogRecord) -> None:
            problem = sys.exc_info()[1]
            if isinstance(problem, OSError) and all(flag != "--logfile" for flag, _, _ in self._lost):
                self._lost.append(("--logfile", name, problem))

        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handleError = handle_error  # type: ignore[assignment, method-assign]  # of this one
                if isinstance(handler.stream, io.TextIOWrapper):
                    handler.stream.reconfigure(errors="backslashreplace")
