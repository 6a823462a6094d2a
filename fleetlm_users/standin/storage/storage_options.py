"""The options for storing messages, and the source of the database's address."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

DATABASE_VARIABLE: Final = "STANDIN_DATABASE"
DATABASE_EXAMPLE: Final = "postgresql://fleetlm@localhost/fleetlm"
SCHEMES: Final = ("postgresql://", "postgres://")

FLUSH_MS: Final = 300.0  # FleetLM at 13a5558 (wire record, section Storage)
LATE_FLUSH_MS: Final = 5_000.0  # at 0b7208e
FLUSH_US_PER_MESSAGE: Final = 150.0


class StorageUnusable(Exception):
    """A file or a database cannot be used as storage; the text says why, without the database's address."""


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """The settings for storing messages. With `flush_ms` 0 they are stored at once, so nothing is ever unflushed."""

    flush_ms: float = 0.0
    lose_during_flush: bool = False
    flush_us_per_message: float = FLUSH_US_PER_MESSAGE
    groups: int = 0
    file: Path | None = None
    journal: Path | None = None
    database: str | None = field(default=None, repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether everything is kept in memory and nothing is lost."""
        return not (self.flush_ms or self.file)


class OptionsClash(Exception):
    """Storage options contradict each other, or name nothing; the text says why."""


def storage_of(
    given: dict[str, Any], *, has_quirks: bool, is_late: bool, environment: Mapping[str, str] = os.environ
) -> StorageOptions:
    """Take the storage options out of `given`, and return the storage they describe. Raises OptionsClash."""
    flush_ms, groups = given.pop("flush_ms"), given.pop("storage_groups")
    loses = given.pop("lose_during_flush") or has_quirks
    database = database_address(given.pop("database"), given.pop("database_file"), environment)
    needs_flushes = given.pop("flush_as_recorded") or groups or loses or database
    if flush_ms is None:
        flush_ms = 0.0 if not needs_flushes else LATE_FLUSH_MS if groups or is_late else FLUSH_MS
    options = StorageOptions(
        flush_ms=flush_ms,
        lose_during_flush=loses and flush_ms > 0,
        flush_us_per_message=given.pop("flush_us_per_message"),
        groups=groups,
        file=given.pop("storage_file"),
        journal=given.pop("journal"),
        database=database,
    )
    if options.journal is not None and options.file is None:
        raise OptionsClash("--journal needs --storage-file: it records which messages of the file a crash lost")
    for flag, is_given in (("--storage-groups", groups), ("--database", database)):
        if is_given and not flush_ms:
            raise OptionsClash(f"{flag} needs a --flush-ms above 0, for example --flush-ms {FLUSH_MS:g}")
    return options


def database_address(given: str | None, file: Path | None, environment: Mapping[str, str]) -> str | None:
    """Return the address of the database: from a flag, the first line of a file, or STANDIN_DATABASE.

    Raises OptionsClash, which never shows the address.
    """
    where, address = "--database", given
    if address is None and file is not None:
        where, address = f"--database-file {file}", _first_line(file)
    if address is None:
        where, address = DATABASE_VARIABLE, environment.get(DATABASE_VARIABLE) or None
    if address is not None and not address.startswith(SCHEMES):
        raise OptionsClash(f"{where}: expected the address of a PostgreSQL, for example {DATABASE_EXAMPLE}")
    return address


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not text"
        raise OptionsClash(f"--database-file {file} cannot be read: {reason}") from problem
