"""The data on the runs of this process for web pages: the current or last run, and those before it.

The history of a run is kept here and not in the browser, so a page that is opened late or reloaded shows all of it.
Expensive figures are computed on request, at most every REFRESH_S, and less often if they take long.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from fleetlm_users.measure.judging.backlog.keeping_up import QUEUES
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.report.content.storm import storm_so_far
from fleetlm_users.measure.report.live import (
    accounting_of,
    accountings_of,
    counter_rows,
    kinds_of,
    rate_rows,
    threshold_rows,
    trend_rows,
    worker_rows,
)
from fleetlm_users.measure.timeline.history import SETTLED_S, LiveHistory
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.coordinator.conclusion.conclusion import RunResult
from fleetlm_users.swarm.coordinator.run_view import RunSource, RunView
from fleetlm_users.swarm.runtime.health import yield_to_loop

REFRESH_S = 1.5
"""A page asks every two seconds, as Locust's own does, and finds something new each time."""

PAUSE_FACTOR = 4
"""Figures are kept this many times as long as they took: the histograms of 200 workers take over a second."""

TICK_S = 5.0
"""How often the history is updated without a request: a fraction of SETTLED_S, after which rows are settled."""

PAST_SHOWN = 20
REPORT = "report.html"

Json = dict[str, Any]


class LivePage:
    """The history of the current run, and the document that pages show.

    A capacity search judges its steps one by one. Its thresholds say nothing about all steps together, so they are left
    out while it goes on.
    """

    def __init__(self, source: RunSource, *, is_search: bool) -> None:
        self._source = source
        self._is_search = is_search
        self._lock = BoundedSemaphore()
        self._series = LiveHistory()
        self._key = ""
        self._concluded: RunResult | None = None
        self._refreshed_s = 0.0
        self._pause_s = REFRESH_S
        self._document: Json = {"state": "ready", "key": ""}
        self._past: list[Json] = []
        self._folders: dict[str, Path] = {}

    def watch(self) -> gevent.Greenlet:
        """Keep the history up to date without requests. Call it once, after Locust has forked."""
        return gevent.spawn(self._watch)

    def document(self, key: str = "", since: int = 0) -> Json:
        """Return everything that a page shows.

        Args:
            key: The key of the page's last document; for a different run's key the whole history is returned.
            since: The second up to which the page has the history. Points from `from` on replace those it has.
        """
        document = self.figures()
        first = max(0, since - SETTLED_S) if key == document["key"] else 0
        points = self._series.since(first)
        series = {"from": points[0].second if points else first, **self._series.table(points)}
        return document | {"series": series, "past": self._past[:PAST_SHOWN]}

    def figures(self) -> Json:
        """Return the document without its history; it may be moments old, but never from before the end of the run."""
        with self._lock:
            view = self._source.view()
            is_new = view is not None and (view.key, view.result) != (self._key, self._concluded)
            if is_new or time.monotonic() - self._refreshed_s >= self._pause_s:
                self._refresh(is_watched=True)
                self._pause_s = max(REFRESH_S, PAUSE_FACTOR * (time.monotonic() - self._refreshed_s))
            return self._document

    def folder(self, name: str) -> Path | None:
        """Return the result folder of a run of this process; None for any other name."""
        return self._folders.get(name)

    def _watch(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            if time.monotonic() - self._refreshed_s >= TICK_S:
                with self._lock:
                    self._refresh(is_watched=False)

    def _refresh(self, *, is_watched: bool) -> None:
        self._source.refresh()
        view = self._source.view()
        self._refreshed_s = time.monotonic()
        if view is None:
            self._document, self._key, self._series = {"state": "ready", "key": ""}, "", LiveHistory()
            return
        if view.key != self._key:
            self._key, self._series, self._concluded = view.key, LiveHistory(view.merge.catalogue), None
        if view.result is None:
            self._series.absorb(view.merge.timeline)
        elif view.result is not self._concluded:
            self._series.finish(view.merge.timeline)
            self._conclude(view, view.result)
        if is_watched:
            self._document = _document_of(view, self._links(), is_search=self._is_search)

    def _conclude(self, view: RunView, result: RunResult) -> None:
        self._concluded = result
        if result.folder is not None:
            self._folders[result.folder.name] = result.folder
        links = self._links()
        report = next((link["href"] for link in links if link["name"] == REPORT), None)
        entry = {
            "run_id": view.options.run_id,
            "preset": view.options.plan.preset,
            "started_at": view.started_at,
            "verdict": result.verdict.kind,
            "report": report,
        }
        self._past.insert(0, entry)

    def _links(self) -> list[Json]:
        """Return the result files of the judged run, the report first, each with its address relative to the page's."""
        folder = self._concluded.folder if self._concluded is not None else None
        if folder is None or not folder.is_dir():
            return []
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        names.sort(key=lambda name: name != REPORT)
        return [{"name": name, "href": f"fleetlm/runs/{folder.name}/{name}"} for name in names]


def _document_of(view: RunView, links: list[Json], *, is_search: bool) -> Json:
    is_over = view.result is not None
    totals = view.totals(yield_to_loop)
    _warm(totals, view.phase)
    judgements = () if is_search and not is_over else view.judgements(totals)
    phase_s = view.judged_s or view.elapsed_s
    return {
        "state": view.state,
        "key": view.key,
        "phase": view.phase,
        "run": _run(view, kinds_of(totals)),
        "sends": kinds_of(totals),
        "accounting": accounting_of(totals, is_over=is_over),
        "accountings": accountings_of(totals, is_over=is_over),
        "thresholds": threshold_rows(judgements, is_over=is_over),
        "trends": trend_rows(totals, view.phase),
        "rates": rate_rows(totals, view.phase),
        "counters": counter_rows(totals, view.phase, phase_s),
        "connections": dict(totals.gauge("active_connections")._asdict()),
        "waiting": {
            queue.name: dict(totals.gauge(f"{queue.name}_backlog")._asdict())
            for queue in QUEUES
            if f"{queue.name}_backlog" in totals.catalogue
        },
        "storm": None if view.storm is None else _storm(view.storm, totals, view.result),
        "workers": worker_rows(view.merge.workers),
        "verdict": _verdict(view.result),
        "files": links,
    }


def _warm(totals: Totals, phase: str) -> None:
    """Merge the trends one by one, yielding in between: all at once would stall the users of this process."""
    for metric in totals.catalogue.values():
        if metric.kind == "trend":
            totals.trend(metric.name, phase=phase)
            yield_to_loop()


def _run(view: RunView, kinds: Sequence[str]) -> Json:
    options = view.options
    return {
        "benchmark": options.benchmark,
        "preset": options.plan.preset,
        "run_id": options.run_id,
        "target": options.api_url if "messages" in kinds else options.ws_url,
        "started_at": view.started_at,
        "elapsed_s": round(view.elapsed_s, 1),
        "planned_s": view.planned_s,
        "warm_up_s": options.plan.warm_up_s,
        "users": view.users,
        "planned_users": view.planned_users,
        "speed": view.speed,
        "stages": [[stage.name, stage.begins_s, stage.begins_s + stage.length_s] for stage in view.stages],
    }


def _verdict(result: RunResult | None) -> Mapping[str, Any] | None:
    return None if result is None else result.summary["verdict"]


def _storm(record: StormRecord, totals: Totals, result: RunResult | None) -> Mapping[str, Any]:
    """Return the state of the storm; at its end in the words of the report."""
    so_far = storm_so_far(record, totals)
    ended = None if result is None else result.summary.get("storm")
    return so_far if ended is None else {**so_far, "lines": ended["lines"]}
