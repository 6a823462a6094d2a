"""`--server-metrics` and `--server-pid`: asks the server's own figures every few seconds while a run goes on.

Where a server's own figures come from: its Prometheus endpoint, or the system that it runs on as a local process.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gevent
import psutil

from fleetlm_users.errors import FleetlmError
from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.server.exposition import MEMORY, Reading, read_exposition
from fleetlm_users.measure.server.figures import ServerFigures
from fleetlm_users.swarm.benchmark import Page
from fleetlm_users.workload.options.model import Options


class SourceError(Exception):
    """A source gave nothing; the text says why."""


class FigureSource(Protocol):
    """Gives figures by name, each with the source's own name for it."""

    @property
    def name(self) -> str:
        """As reports name it."""

    def read(self) -> dict[str, Reading]:
        """The figures of this moment. Raises SourceError."""

    def close(self) -> None:
        """Frees what it holds; it can be read again all the same."""


class PrometheusSource:
    """A Prometheus endpoint; `page` is read by the rules of the load: its CAs, no proxy, its limits."""

    def __init__(self, url: str, page: Page) -> None:
        self.name = url
        self._page = page

    def read(self) -> dict[str, Reading]:
        """What exposition.PATTERNS finds in the endpoint's answer. Raises SourceError."""
        try:
            found = read_exposition(self._page.read())
        except (FleetlmError, ValueError) as problem:
            raise SourceError(str(problem)) from problem
        if not found:
            raise SourceError("it answers, but with none of the metrics that docs/metrics.md lists")
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
        """Its resident memory, and the CPU it took since the reading before. Raises SourceError."""
        try:
            if self._process is None:
                self._process = psutil.Process(self._pid)
            with self._process.oneshot():
                memory_bytes = float(self._process.memory_info().rss)
                cpu_percent = self._process.cpu_percent()
        except psutil.Error as problem:
            raise SourceError(str(problem)) from problem
        return {MEMORY: Reading(memory_bytes, "RSS"), "cpu_percent": Reading(cpu_percent, "CPU")}

    def close(self) -> None:
        """Nothing is held."""


INTERVAL_S = 2.0
"""PromEx itself looks at the BEAM's memory every 5 s."""

TOLD_S = 2.0
"""A person is told what is waited for when it takes longer than that."""


class ServerMetrics:
    """The sources of one run. `look` takes one reading, before the run too; `begin` and `stop` the regular ones."""

    def __init__(self, sources: Sequence[FigureSource], interval_s: float = INTERVAL_S) -> None:
        self._sources = [(source, ServerFigures(source.name)) for source in sources]
        self._interval_s = interval_s
        self._sessions: Callable[[], int] = lambda: 0
        self._began_s = time.perf_counter()
        self._greenlet: gevent.Greenlet | None = None

    def look(self) -> list[str]:
        """Takes one reading of each source; returns what went wrong, in words."""
        sessions = self._sessions()
        problems = []
        for source, told in self._sources:
            elapsed_s = max(0.0, time.perf_counter() - self._began_s)
            try:
                told.add(elapsed_s, sessions, source.read())
            except SourceError as failed:
                problem = printable(str(failed))
                told.fail(problem)
                problems.append(f"the server's figures ({source.name}): {problem}")
        return problems

    def first_look(self, tell: Callable[[str], None]) -> list[str]:
        """`look` before the run; after 2 s `tell` hears what is waited for."""
        names = " and ".join(source.name for source, _ in self._sources)
        notice = gevent.spawn_later(TOLD_S, tell, f"waiting for the server's figures ({names})")
        try:
            return self.look()
        finally:
            notice.kill()

    def begin(self, sessions: Callable[[], int]) -> None:
        """The run begins; `sessions` says how many are joined."""
        self._began_s = time.perf_counter()
        self._sessions = sessions
        if self._sources:
            self._greenlet = gevent.spawn(self._watch)

    def stop(self) -> None:
        """The run ends: no more readings."""
        if self._greenlet is not None:
            self._greenlet.kill()
        for source, _ in self._sources:
            source.close()

    def to_json(self) -> list[dict[str, Any]]:
        """What each source told, as in summary.json."""
        return [told.to_json() for _, told in self._sources]

    def _watch(self) -> None:
        while True:
            elapsed_s = time.perf_counter() - self._began_s
            # the next full interval: what a slow answer has made us miss is missed, and not made up for all at once
            gevent.sleep(self._interval_s - elapsed_s % self._interval_s)
            self.look()


def server_metrics_of(options: Options, metrics_page: Callable[[str, Options], Page]) -> ServerMetrics:
    """The watch that the options ask for; without sources where they ask for none."""
    sources: list[FigureSource] = []
    if options.server_metrics is not None:
        sources.append(PrometheusSource(options.server_metrics, metrics_page(options.server_metrics, options)))
    if options.server_pid is not None:
        sources.append(ProcessSource(options.server_pid))
    return ServerMetrics(sources)
