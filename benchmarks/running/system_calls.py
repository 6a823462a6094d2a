"""System calls and bytes per append, as seen by `strace` in a short separate run, because tracing slows a tool down.

It is a tenth of the usual rate, so that a traced tool keeps up; there less is done per wake-up than at the usual one.
"""

import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.load import Load, even_ramp_s
from benchmarks.running.server import Server
from benchmarks.running.trial import run
from benchmarks.tools.tool import Tool

TRACED_S: Final = 6.0
SLOWER: Final = 10
RAMP_S: Final = 2.0
CALL: Final = re.compile(r"\d+ +(?P<at_s>\d+\.\d+) (?:<\.\.\. )?(?P<name>\w+)(?:\(| resumed>)")
RETURNED: Final = re.compile(r"= (\d+)$")
MOVING: Final = frozenset(
    ("read", "readv", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "write", "writev")
)
"""The calls that return how many bytes they moved."""


@dataclass(frozen=True)
class Calls:
    """The observations between two moments: the number of calls, and the bytes moved by reads and writes of any
    kind.
    """

    count: int
    moved_bytes: int


class _Watch:
    """The server's count of appends at the first and the last moment at which all sessions were joined."""

    def __init__(self, sessions: int) -> None:
        self._sessions = sessions
        self.marks: list[tuple[float, int]] = []

    def __call__(self, server: Server, _pid: int) -> None:
        counted = server.counters()
        if counted["connections_now"] >= self._sessions and counted["joins_ok"] >= self._sessions:
            self.marks.append((time.time(), counted["messages_appended_user"]))


def per_append(tool: Tool, load: Load) -> dict[str, float]:
    """Run the load short and slow under `strace`. Empty where there is no strace, or it may not trace.

    Raises RuntimeError when the tool failed.
    """
    strace = shutil.which("strace")
    if strace is None:
        return {}
    slow_ms = load.interval_ms * SLOWER
    slow = replace(load, interval_ms=slow_ms, seconds=TRACED_S, ramp_s=even_ramp_s(load.sessions, slow_ms, RAMP_S))
    watch = _Watch(load.sessions)
    with tempfile.TemporaryDirectory(prefix="fleetlm-bench-") as folder:
        log = Path(folder) / "calls.txt"
        run(tool, slow, watch=watch, through=(strace, "-f", "-qq", "-ttt", "-e", "signal=none", "-o", str(log)))
        if len(watch.marks) < 2:
            return {}
        (first_s, before), (last_s, after) = watch.marks[0], watch.marks[-1]
        with log.open(encoding="utf-8", errors="replace") as lines:
            calls = seen(lines, first_s, last_s)
    appends = max(1, after - before)
    return {"calls_per_append": calls.count / appends, "bytes_per_append": calls.moved_bytes / appends}


def seen(lines: Iterable[str], first_s: float, last_s: float) -> Calls:
    """Count the calls of a log of `strace -f -ttt` that lie between two moments of the wall clock."""
    count = moved_bytes = 0
    for line in lines:
        call = CALL.match(line)
        if call is None or not first_s <= float(call["at_s"]) < last_s:
            continue
        if " resumed>" not in line:  # such a call was counted when it began
            count += 1
        returned = RETURNED.search(line.rstrip()) if call["name"] in MOVING else None
        if returned is not None:
            moved_bytes += int(returned[1])
    return Calls(count, moved_bytes)
