"""Where a server's own figures come from: its Prometheus endpoint, or the system that it runs on as a local process."""

from typing import Protocol

import psutil
import requests

from fleetlm_users.measure.exposition import MEMORY, Reading, read_exposition

TIMEOUT_S = 2.0


class SourceFailed(Exception):
    """A source gave nothing; the text says why."""


class Source(Protocol):
    """Gives figures by name, each with the source's own name for it."""

    @property
    def name(self) -> str:
        """As reports name it."""

    def read(self) -> dict[str, Reading]:
        """The figures of this moment. Raises SourceFailed."""


class PrometheusSource:
    """A Prometheus endpoint. It is control work, so `requests` asks and not the client of the load."""

    def __init__(self, url: str, *, insecure: bool) -> None:
        self.name = url
        self._session = requests.Session()
        self._session.verify = not insecure

    def read(self) -> dict[str, Reading]:
        """What exposition.PATTERNS finds in the endpoint's answer. Raises SourceFailed."""
        try:
            answer = self._session.get(self.name, timeout=TIMEOUT_S)
            answer.raise_for_status()
            found = read_exposition(answer.text)
        except (requests.RequestException, ValueError) as problem:
            raise SourceFailed(str(problem)) from problem
        if not found:
            raise SourceFailed("it answers, but with none of the metrics that docs/metrics.md lists")
        return found


class ProcessSource:
    """A process of this machine, by its id."""

    def __init__(self, pid: int) -> None:
        self.name = f"pid {pid}"
        self._pid = pid
        self._process: psutil.Process | None = None

    def read(self) -> dict[str, Reading]:
        """Its resident memory, and the CPU it took since the reading before. Raises SourceFailed."""
        try:
            if self._process is None:
                self._process = psutil.Process(self._pid)
            with self._process.oneshot():
                memory_bytes = float(self._process.memory_info().rss)
                cpu_percent = self._process.cpu_percent()
        except psutil.Error as problem:
            raise SourceFailed(str(problem)) from problem
        return {MEMORY: Reading(memory_bytes, "RSS"), "cpu_percent": Reading(cpu_percent, "CPU")}
