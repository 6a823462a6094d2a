"""A process on cores of its own whose CPU time and memory the kernel accounts."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.running.cores import Cores, become_child
from benchmarks.running.run_queue import RunQueue

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.05
KIB = 1024


@dataclass(frozen=True)
class Usage:
    """What a finished child used, its own children that it waited for included (wait4).

    `peak_rss_bytes` is the largest of any one of these processes, and never less than the bench's own some 20 MiB,
    which the kernel passes on over exec. `waited_s` is how long it was ready to run and had no core. `sleeps` is how
    often one of its threads gave up its core to wait, and so had to be woken.
    """

    code: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    waited_s: float
    sleeps: int = 0


class Child:
    """A started process; killed with its whole group if the block is left before its end."""

    def __init__(self, command: Sequence[str], *, cores: Cores, log: Path, env: Mapping[str, str]) -> None:
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the bench alone
                preexec_fn=lambda: become_child(cores),  # noqa: PLW1509  # the bench has one thread
            )
        self._name = command[0]
        self._began_s = time.perf_counter()
        self.pid = self._popen.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()

    def finish(self, within_s: float, meanwhile: Callable[[], None] = lambda: None) -> Usage:
        """Wait for its end, calling `meanwhile` some 20 times a second. Raises TimeoutError after `within_s`."""
        deadline_s = self._began_s + within_s
        queue = RunQueue(self.pid)
        while time.perf_counter() < deadline_s:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                wall_s = time.perf_counter() - self._began_s
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                cpu_s, peak_bytes = used.ru_utime + used.ru_stime, used.ru_maxrss * KIB
                return Usage(self._popen.returncode, wall_s, cpu_s, peak_bytes, queue.waited_s, used.ru_nvcsw)
            queue.look()
            meanwhile()
            time.sleep(POLL_S)
        raise TimeoutError(f"{self._name} did not end within {within_s:.0f} s")
