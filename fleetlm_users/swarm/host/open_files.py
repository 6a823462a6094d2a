"""Open files: whether this process may have as many as it needs; raised as far as its hard limit allows."""

import math
import resource
from typing import Final

from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, Refused

REST_CONNECTIONS: Final = 1024
"""What the REST pool of a process holds at most; fewer users than that hold one each at most."""

SPARE_FILES: Final = 200
"""For what a process has open besides: libraries, log, Locust's own connections, its web page, a report."""


def files_for(users: int) -> int:
    """How many open files a process with so many users needs: a socket each, REST connections, and some to spare."""
    return users + min(users, REST_CONNECTIONS) + SPARE_FILES


def share_of(users: int, processes: int) -> int:
    """How many of the users the busiest of so many processes gets, as Locust spreads them evenly."""
    return math.ceil(users / max(1, processes))


def allow_users(users: int) -> None:
    """Lets this process have the open files that so many users need. Raises Refused, saying what to set."""
    _allow(files_for(users), f"{users:,} users in one process", "a socket each, REST connections")


def allow_workers(workers: int) -> None:
    """Lets a master have the open files that so many workers need. Raises Refused, saying what to set."""
    _allow(workers + SPARE_FILES, f"a master of {workers:,} workers", "a connection each")


def _allow(needed: int, who: str, for_what: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Refused(_advice(who, for_what, needed, hard), USAGE_EXIT)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as problem:  # macOS has another limit besides, kern.maxfilesperproc
        raise Refused(_advice(who, for_what, needed, soft), USAGE_EXIT) from problem


def _advice(who: str, for_what: str, needed: int, limit: int) -> str:
    return (
        f"Open files: {who} may need {needed} ({for_what}, {SPARE_FILES} to spare), but the limit is {limit}.\n"
        f"Allow more: `ulimit -n {needed}` in the shell that starts it (where that is refused: in "
        f"/etc/security/limits.conf, then log in again), `LimitNOFILE={needed}` in a systemd unit, or\n"
        f"`ulimits: {{nofile: {needed}}}` of a compose service. Or spread the users: --processes, more workers, or -u."
    )
