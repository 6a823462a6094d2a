"""The limit of open files: raised to the number that users or workers need, as far as the hard limit allows."""

import resource

from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.workload.open_files import SPARE_FILES, files_for_users, files_for_workers


def allow_users(users: int, sockets: int = 1) -> None:
    """Allow this process the open files of `users` with `sockets` each. Raises StartupError that says what to set."""
    each = "a socket each" if sockets == 1 else f"{sockets:,} sockets each"
    _allow(files_for_users(users, sockets), f"{users:,} users in one process", f"{each}, REST connections")


def allow_workers(workers: int) -> None:
    """Allow a master the open files that `workers` need. Raises StartupError that says what to set."""
    _allow(files_for_workers(workers), f"a master of {workers:,} workers", "a connection each")


def _allow(needed: int, who: str, for_what: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise StartupError(_advice(who, for_what, needed, hard), USAGE_EXIT)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as problem:  # macOS has another limit besides, kern.maxfilesperproc
        raise StartupError(_advice(who, for_what, needed, soft), USAGE_EXIT) from problem


def _advice(who: str, for_what: str, needed: int, limit: int) -> str:
    return (
        f"Open files: {who} may need {needed} ({for_what}, {SPARE_FILES} to spare), but the limit is {limit}.\n"
        f"Allow more: `ulimit -n {needed}` in the shell that starts it (where that is refused: in "
        f"/etc/security/limits.conf, then log in again), `LimitNOFILE={needed}` in a systemd unit, or\n"
        f"`ulimits: {{nofile: {needed}}}` of a compose service. Or spread the users: --processes, more workers, or -u."
    )
