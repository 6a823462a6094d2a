"""How long a process was ready to run while its core was busy with others: the effect of a busy machine on a figure."""

import time
from pathlib import Path

EVERY_S = 1.0
NS_PER_S = 1_000_000_000


class RunQueue:
    """The waiting of all threads of one process, read while it lives. Its children, and threads that ended, are not in.

    The second number of /proc/<pid>/task/<tid>/schedstat (Linux, Documentation/scheduler/sched-stats.rst).
    """

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._next_s = 0.0
        self.waited_s = 0.0

    def look(self) -> None:
        """Read it once a second has passed; do nothing if the process has gone."""
        if time.perf_counter() < self._next_s:
            return
        self._next_s = time.perf_counter() + EVERY_S
        try:
            waits_ns = [int(stat.read_text(encoding="utf-8").split()[1]) for stat in self._tasks.glob("*/schedstat")]
        except (OSError, IndexError):
            return
        self.waited_s = max(self.waited_s, sum(waits_ns) / NS_PER_S)
