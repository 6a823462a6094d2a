"""The stand-in with its built-in agent, on a core of its own, and its own counts."""

import json
import re
import subprocess
import sys
import urllib.request
from typing import Any, Self

import psutil

from benchmarks.running.child import ROOT
from benchmarks.running.cores import Cores, become_child

READY = re.compile(r"ready on http://(\S+)")
TIMEOUT_S = 30


class Server:
    """A stand-in that lives as long as the block."""

    def __init__(self, cores: Cores, *flags: str) -> None:
        command = [sys.executable, "-m", "fleetlm_users.standin", "--port", "0", "--builtin-agent"]
        self._popen = subprocess.Popen(
            [*command, "--exit-with-parent", *flags],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
            preexec_fn=lambda: become_child(cores),  # noqa: PLW1509  # the bench has one thread
        )
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        ready = READY.search(line)
        if ready is None:
            self._popen.kill()
            raise RuntimeError(f"the stand-in did not start: {line!r}")
        self.address = ready[1]
        self._process = psutil.Process(self._popen.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.terminate()
        self._popen.communicate()

    @property
    def cpu_s(self) -> float:
        """User and system time so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def counters(self) -> dict[str, Any]:
        """Everything it counted, of all runs together."""
        with urllib.request.urlopen(f"http://{self.address}/standin/counters", timeout=TIMEOUT_S) as answer:
            counted: dict[str, Any] = json.load(answer)
        return counted
