"""How many open files the processes of a run need: one formula for `fleetlm-bench plan` and for the run. Pure."""

import math
from typing import Final

REST_CONNECTIONS: Final = 1024
"""The most connections that a process's REST pool holds; with fewer users it holds at most one for each."""

SPARE_FILES: Final = 200
"""The allowance for everything else a process has open: libraries, the log, Locust's own connections, its web page, a
report.
"""


def users_per_process(users: int, processes: int) -> int:
    """Return the number of `users` in the busiest of `processes`, spread evenly as Locust does."""
    return math.ceil(users / max(1, processes))


def files_for_users(users: int, sockets: int = 1) -> int:
    """Return the open files of a process with `users`: their `sockets` each, REST connections, and some to spare."""
    return users * sockets + rest_connections(users) + SPARE_FILES


def files_for_workers(workers: int) -> int:
    """Return the open files of a master with `workers`: a connection each, and some to spare."""
    return workers + SPARE_FILES


def rest_connections(users: int) -> int:
    """Return the most REST connections that a process with `users` opens."""
    return min(users, REST_CONNECTIONS)
