"""Make the audit of a run from its options: the reader for the chosen way, and how many read at once."""

from collections.abc import Callable
from typing import Final

from fleetlm_users.client import MessageTable, PhoenixSocket, Profile, RestApi
from fleetlm_users.measure.audit.memory import AuditMemory
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.audit.audit import Audit
from fleetlm_users.users.audit.reader import DatabaseReader, ReplayReader, RestReader, StoredReader
from fleetlm_users.workload.options.audit import DATABASE, REST, is_audited, way_of
from fleetlm_users.workload.options.model import Options

PARALLEL: Final = 16
"""How many sessions one process reads at once: enough to use the time that answers take, too few to be load."""

OVER_ONE_SOCKET: Final = 16
"""The most sessions in one batch of a reader; those of the same participant share a socket."""

IN_ONE_QUERY: Final = 200


def audit_of(run: Run, profile: Profile, connect: Callable[[str], PhoenixSocket], rest: RestApi) -> Audit | None:
    """Return the audit of a run; None if the run is not audited.

    Args:
        run: The run.
        profile: The protocol in use.
        connect: Returns an unconnected socket of a participant.
        rest: The run's REST API.
    """
    options = run.options
    if not is_audited(options):
        return None
    memory = AuditMemory(options.audit_messages, run.started_s)
    is_database = way_of(options) == DATABASE
    return Audit(
        run,
        memory,
        lambda: _reader(options, profile, connect, rest),
        parallel=1 if is_database else PARALLEL,
        batch=IN_ONE_QUERY if is_database else OVER_ONE_SOCKET,
    )


def table_of(options: Options) -> MessageTable:
    """Return the table that an audit of the database reads."""
    return MessageTable(options.audit_database or "", options.connect_timeout_s)


def _reader(options: Options, profile: Profile, connect: Callable[[str], PhoenixSocket], rest: RestApi) -> StoredReader:
    if way_of(options) == DATABASE:
        return DatabaseReader(table_of(options))
    if way_of(options) == REST:
        return RestReader(rest)
    listing = RestReader(rest) if profile.lists_messages else None
    return ReplayReader(connect, options.join_timeout_s, resumes=profile.resumes, rest=listing)
