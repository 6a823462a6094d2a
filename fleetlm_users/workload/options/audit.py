"""The audit's options taken together: its method, its source and its waiting time. Pure, apart from one file."""

from dataclasses import replace
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described
from fleetlm_users.workload.local_file import UnreadableFile, read_text
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.parsing import clean
from fleetlm_users.workload.urls import DATABASE_EXAMPLE, check_database_url

OFF: Final = "off"
AUTO: Final = "auto"
"""Audits over REST if the protocol lets messages be read so, else not at all; settled once the protocol is known."""

REPLAY: Final = "replay"
REST: Final = "rest"
DATABASE: Final = "database"

FLUSH_PERIODS: Final = 2
"""How many flush periods the audit waits: a message appended during a flush is stored with the next one."""

MAX_FILE_BYTES: Final = 16 * 1024

_FLAG: Final = "--audit-database (AUDIT_DATABASE)"
_FILE_FLAG: Final = "--audit-database-file (AUDIT_DATABASE_FILE)"


def way_of(options: Options) -> str:
    """Return the way in which the run is audited; `off` if it is not."""
    return options.audit or OFF


def is_audited(options: Options) -> bool:
    """Return whether the run is audited."""
    return way_of(options) != OFF


def settle_s(options: Options, flush_period_s: float) -> float:
    """Return the seconds between the last message and the audit, for a server that flushes with that period."""
    return FLUSH_PERIODS * flush_period_s if options.audit_after_s is None else options.audit_after_s


def check_audit(options: Options) -> None:
    """Raise UsageError for options of the audit that contradict each other."""
    if way_of(options) == DATABASE and options.audit_database is None:
        accepted = "the address of FleetLM's PostgreSQL, as --audit database needs it"
        raise UsageError(_FLAG, Described("nothing"), accepted, DATABASE_EXAMPLE)


def with_database_file(options: Options) -> Options:
    """Return the options with the database's address from its file, if one is named. Raises UsageError."""
    path = options.audit_database_file
    if path is None or options.audit_database is not None or way_of(options) != DATABASE:
        return options
    try:
        address = clean(read_text(path, MAX_FILE_BYTES))
    except UnreadableFile as problem:
        accepted = f"a file that holds the address of a PostgreSQL ({problem})"
        raise UsageError(_FILE_FLAG, str(path), accepted, "/run/secrets/fleetlm_database") from problem
    return replace(options, audit_database=check_database_url(address, f"the address in {_FILE_FLAG}"))
