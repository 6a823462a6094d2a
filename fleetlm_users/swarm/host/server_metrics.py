"""`--server-metrics` and `--server-pid`: the server's own figures, read every few seconds during a run.

They come from its Prometheus endpoint, or from the system on which it runs as a local process.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gevent
import psutil
from msgspec import structs

from fleetlm_users.errors import FleetlmError
from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.judging.over_time.growth_rate import growth_rate
from fleetlm_users.measure.judging.over_time.server_figures import judge_server, wanted_of
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold
from fleetlm_users.measure.server.exposition import MEMORY, Reading, names_in, read_exposition
from fleetlm_users.measure.server.figures import ReadingHistory, ServerFigures
from fleetlm_users.measure.server.series import ServerSeries
from fleetlm_users.swarm.benchmark import Page
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.server_sources import source_of


class SourceError(Exception):
    """A reading failed; the text says why."""


class FigureSource(Protocol):
    """A source of figures by name, each with the source's own name for it."""

    @property
    def name(self) -> str:
        """The name that reports use."""

    def read(self, wanted: Sequence[ServerSeries]) -> dict[str, Reading]:
        """Return the current figures, and the wanted series by their text. Raise SourceError."""

    def has(self, series: ServerSeries) -> bool:
        """Return whether the last reading had a series of that name, whatever its labels."""

    def close(self) -> None:
        """Free its resources; it can still be read again."""


class PrometheusSource:
    """A Prometheus endpoint; `page` is read by the load's own rules: its CAs, no proxy, its limits."""

    def __init__(self, url: str, page: Page) -> None:
        self.name = url
        self._page = page
        self._text = ""

    def read(self, wanted: Sequence[ServerSeries]) -> dict[str, Reading]:
        """Return the figures that exposition.PATTERNS finds in the endpoint's answer, and the wanted series. Raise
        SourceError.
        """
        try:
            self._text = self._page.read()
            readings = read_exposition(self._text, wanted)
        except (FleetlmError, ValueError) as problem:
            raise SourceError(str(problem)) from problem
        if not readings:
            raise SourceError("it answers, but with none of the metrics listed in docs/metrics.md")
        return readings

    def has(self, series: ServerSeries) -> bool:
        """Return whether the last answer had a sample of that name; one with other labels may still come."""
        return series.name in names_in(self._text)

    def close(self) -> None:
        """Close the connection to the endpoint."""
        self._page.close()


class ProcessSource:
    """A process of this machine, by its id."""

    def __init__(self, pid: int) -> None:
        self.name = f"pid {pid}"
        self._pid = pid
        self._process: psutil.Process | None = None

    def read(self, wanted: Sequence[ServerSeries]) -> dict[str, Reading]:
        """Return its resident memory, and its CPU time since the previous reading. Raise SourceError."""
        try:
            if self._process is None:
                self._process = psutil.Process(self._pid)
            with self._process.oneshot():
                memory_bytes = float(self._process.memory_info().rss)
                cpu_percent = self._process.cpu_percent()
        except psutil.Error as problem:
            raise SourceError(str(problem)) from problem
        return {MEMORY: Reading(memory_bytes, "RSS"), "cpu_percent": Reading(cpu_percent, "CPU")}

    def has(self, _series: ServerSeries) -> bool:
        """Return False: a process has figures but no series."""
        return False

    def close(self) -> None:
        """Do nothing: nothing is held."""


INTERVAL_S = 2.0
"""PromEx itself samples the BEAM's memory every 5 s."""

NOTICE_S = 2.0
"""After this time, a notice says what is being waited for."""


class _Watched:
    """A source with its name, its wanted series, and its readings."""

    def __init__(self, name: str, source: FigureSource, wanted: Sequence[ServerSeries]) -> None:
        self.name = name
        self.source = source
        self.wanted = wanted
        self.figures = ServerFigures(source.name, name, map(str, wanted))

    @property
    def is_read(self) -> bool:
        """Whether its last reading succeeded."""
        return not self.figures.failed

    def offers(self, series: ServerSeries) -> bool:
        """Return whether it has a figure or series of that name."""
        return self.figures.offers(str(series)) or self.source.has(series)

    def to_json(self) -> dict[str, Any]:
        """Return its figures as in summary.json, with the growth of its memory."""
        memory = self.figures.history(MEMORY)
        growth = growth_rate(memory.kept) if memory is not None else None
        return {**self.figures.to_json(), "memory_growth": None if growth is None else structs.asdict(growth)}


class ServerMetrics:
    """The sources of one run. `read_all` takes one reading; `begin` and `stop` bound the regular ones."""

    def __init__(
        self,
        sources: Mapping[str, FigureSource],
        interval_s: float = INTERVAL_S,
        bounded: Sequence[Threshold] = (),
    ) -> None:
        self._sources = [_Watched(name, source, tuple(wanted_of(bounded, name))) for name, source in sources.items()]
        self._interval_s = interval_s
        self._sessions: Callable[[], int] = lambda: 0
        self._began_s = time.perf_counter()
        self._judged_from_s: float | None = None
        self._greenlet: gevent.Greenlet | None = None

    def read_all(self) -> list[str]:
        """Take one reading of each source; return a description of each failure."""
        sessions = self._sessions()
        problems = []
        for watched in self._sources:
            elapsed_s = max(0.0, time.perf_counter() - self._began_s)
            is_judged = self._judged_from_s is not None and elapsed_s >= self._judged_from_s
            try:
                readings = watched.source.read(watched.wanted)
                watched.figures.add(elapsed_s, sessions, readings, is_judged=is_judged)
            except SourceError as failed:
                problem = printable(str(failed))
                watched.figures.fail(problem, is_judged=is_judged)
                problems.append(f"the server's figures ({watched.source.name}): {problem}")
        return problems

    def offered(self) -> dict[str, Callable[[ServerSeries], bool] | None]:
        """Return, by source, whether it has a series; None for a source that could not be read."""
        return {watched.name: watched.offers if watched.is_read else None for watched in self._sources}

    def judge(self, threshold: Threshold) -> Judgement:
        """Return whether a figure kept its threshold in the judged part of the run so far."""
        return judge_server(threshold, self._history)

    def _history(self, source: str | None, series: ServerSeries) -> ReadingHistory | None:
        for watched in self._sources:
            if source in (None, watched.name):
                return watched.figures.history(str(series))
        return None

    def first_reading(self, tell: Callable[[str], None]) -> list[str]:
        """Take the reading before the run; after NOTICE_S, call `tell` with what is being waited for."""
        names = " and ".join(watched.source.name for watched in self._sources)
        notice = gevent.spawn_later(NOTICE_S, tell, f"waiting for the server's figures ({names})")
        try:
            return self.read_all()
        finally:
            notice.kill()

    def begin(self, sessions: Callable[[], int], judged_from_s: float = 0.0) -> None:
        """Begin the regular readings.

        Args:
            sessions: Returns how many sessions are joined.
            judged_from_s: The start of the judged part, in seconds of the run.
        """
        self._began_s = time.perf_counter()
        self._sessions = sessions
        self._judged_from_s = judged_from_s
        if self._sources:
            self._greenlet = gevent.spawn(self._watch)

    def reset(self) -> None:
        """Restart the judged part at this moment, unless it is still to come: the statistics were reset."""
        for watched in self._sources:
            watched.figures.forget_judged()

    def stop(self) -> None:
        """Stop the regular readings."""
        if self._greenlet is not None:
            self._greenlet.kill()
        for watched in self._sources:
            watched.source.close()

    def to_json(self) -> list[dict[str, Any]]:
        """Return the figures of each source, as in summary.json."""
        return [watched.to_json() for watched in self._sources]

    def _watch(self) -> None:
        while True:
            elapsed_s = time.perf_counter() - self._began_s
            # the next full interval: readings missed because of a slow answer are not caught up all at once
            gevent.sleep(self._interval_s - elapsed_s % self._interval_s)
            self.read_all()


def server_metrics_of(
    options: Options, metrics_page: Callable[[str, Options], Page], bounded: Sequence[Threshold] = ()
) -> ServerMetrics:
    """Return the sources that the options name; there may be none. `bounded` are the thresholds on their figures."""
    sources: dict[str, FigureSource] = {}
    for name, url in map(source_of, options.server_metrics):
        sources[name] = PrometheusSource(url, metrics_page(url, options))
    for name, pid in map(source_of, options.server_pid):
        sources[name] = ProcessSource(int(pid))
    return ServerMetrics(sources, bounded=bounded)
