"""`--server-metrics` and `--server-pid`: the server's own figures, read every few seconds while a run goes on.

They come from its Prometheus endpoint, or from the system on which it runs as a local process.
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
    """A reading that failed; the text says why."""


class FigureSource(Protocol):
    """A source of figures by name, each with the source's own name for it."""

    @property
    def name(self) -> str:
        """The name that reports use."""

    def read(self) -> dict[str, Reading]:
        """Return the figures of this moment. Raise SourceError."""

    def close(self) -> None:
        """Free what it holds; it can still be read again."""


class PrometheusSource:
    """A Prometheus endpoint; `page` is read by the rules of the load: its CAs, no proxy, its limits."""

    def __init__(self, url: str, page: Page) -> None:
        self.name = url
        self._page = page

    def read(self) -> dict[str, Reading]:
        """Return what exposition.PATTERNS finds in the endpoint's answer. Raise SourceError."""
        try:
            readings = read_exposition(self._page.read())
        except (FleetlmError, ValueError) as problem:
            raise SourceError(str(problem)) from problem
        if not readings:
            raise SourceError("it answers, but with none of the metrics that docs/metrics.md lists")
        return readings

    def close(self) -> None:
        """Close the connection to the endpoint."""
        self._page.close()


class ProcessSource:
    """A process of this machine, by its id."""

    def __init__(self, pid: int) -> None:
        self.name = f"pid {pid}"
        self._pid = pid
        self._process: psutil.Process | None = None

    def read(self) -> dict[str, Reading]:
        """Return its resident memory, and the CPU it took since the reading before. Raise SourceError."""
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
        """Do nothing: nothing is held."""


INTERVAL_S = 2.0
"""PromEx itself samples the BEAM's memory every 5 s."""

NOTICE_S = 2.0
"""After this time a notice says what is being waited for."""


class ServerMetrics:
    """The sources of one run. `read_all` takes one reading; `begin` and `stop` bound the regular ones."""

    def __init__(self, sources: Sequence[FigureSource], interval_s: float = INTERVAL_S) -> None:
        self._sources = [(source, ServerFigures(source.name)) for source in sources]
        self._interval_s = interval_s
        self._sessions: Callable[[], int] = lambda: 0
        self._began_s = time.perf_counter()
        self._greenlet: gevent.Greenlet | None = None

    def read_all(self) -> list[str]:
        """Take one reading of each source; return a description of each failure."""
        sessions = self._sessions()
        problems = []
        for source, figures in self._sources:
            elapsed_s = max(0.0, time.perf_counter() - self._began_s)
            try:
                figures.add(elapsed_s, sessions, source.read())
            except SourceError as failed:
                problem = printable(str(failed))
                figures.fail(problem)
                problems.append(f"the server's figures ({source.name}): {problem}")
        return problems

    def first_reading(self, tell: Callable[[str], None]) -> list[str]:
        """Take the reading before the run; after NOTICE_S `tell` is called with what is being waited for."""
        names = " and ".join(source.name for source, _ in self._sources)
        notice = gevent.spawn_later(NOTICE_S, tell, f"waiting for the server's figures ({names})")
        try:
            return self.read_all()
        finally:
            notice.kill()

    def begin(self, sessions: Callable[[], int]) -> None:
        """Begin the regular readings; `sessions` returns how many sessions are joined."""
        self._began_s = time.perf_counter()
        self._sessions = sessions
        if self._sources:
            self._greenlet = gevent.spawn(self._watch)

    def stop(self) -> None:
        """Stop the regular readings."""
        if self._greenlet is not None:
            self._greenlet.kill()
        for source, _ in self._sources:
            source.close()

    def to_json(self) -> list[dict[str, Any]]:
        """Return the figures of each source, as in summary.json."""
        return [figures.to_json() for _, figures in self._sources]

    def _watch(self) -> None:
        while True:
            elapsed_s = time.perf_counter() - self._began_s
            # the next full interval: readings that a slow answer has made us miss are not made up for all at once
            gevent.sleep(self._interval_s - elapsed_s % self._interval_s)
            self.read_all()


def server_metrics_of(options: Options, metrics_page: Callable[[str, Options], Page]) -> ServerMetrics:
    """Return the sources that the options name; there may be none."""
    sources: list[FigureSource] = []
    if options.server_metrics is not None:
        sources.append(PrometheusSource(options.server_metrics, metrics_page(options.server_metrics, options)))
    if options.server_pid is not None:
        sources.append(ProcessSource(options.server_pid))
    return ServerMetrics(sources)
