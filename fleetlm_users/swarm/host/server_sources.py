"""Where a server's own figures come from: its Prometheus endpoint, or the system that it runs on as a local process."""

from typing import Protocol

import psutil

from fleetlm_users.errors import FleetlmError
from fleetlm_users.measure.server.exposition import MEMORY, Reading, read_exposition
from fleetlm_users.swarm.benchmark import Page


class SourceFailed(Exception):
    """A source gave nothing; the text says why."""


class Source(Protocol):
    """Gives figures by name, each with the source's own name for it."""

    @property
    def name(self) -> str:
        """As reports name it."""

    def read(self) -> dict[str, Reading]:
        """The figures of this moment. Raises SourceFailed."""

    def close(self) -> None:
        """Frees what it holds; it can be read again all the same."""


class PrometheusSource:
    """A Prometheus endpoint; `page` is read by the client of the load, so by the same CAs, proxies and limits."""

    def __init__(self, url: str, page: Page) -> None:
        self.name = url
        self._page = page

    def read(self) -> dict[str, Reading]:
        """What exposition.PATTERNS finds in the endpoint's answer. Raises SourceFailed."""
        try:
            found = read_exposition(self._page.read())
        except (FleetlmError, ValueError) as problem:
            raise SourceFailed(str(problem)) from problem
        if not found:
            raise SourceFailed("it answers, but with none of the metrics that docs/metrics.md lists")
        return found

    def close(self) -> None:
        """Closes the connection to the endpoint."""
        self._page.close()


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

    def close(self) -> None:
        """Nothing is held."""
