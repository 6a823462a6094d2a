"""The background tasks of a run on its coordinator: the watch for `--abort-on-fail`, the server's metrics, a capacity
search.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gevent
from locust.env import Environment

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.early_abort import Patience
from fleetlm_users.measure.judging.over_time.window_feed import WindowFeed
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold
from fleetlm_users.measure.judging.verdict import is_beyond_limits
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.report.capacity import Capacity
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.coordinator.completion import end_run
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.coordinator.search.driver import CapacityDriver
from fleetlm_users.swarm.coordinator.search.searched_run import SearchedRun
from fleetlm_users.swarm.host.server_metrics import ServerMetrics
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.options.model import Options

CHECK_INTERVAL_S = 1.0
"""Reports of workers come every 3 s; checking slightly more often costs little and delays nothing."""

PAUSE_FACTOR = 9
"""Pause nine times as long as the last check took, so that checking never costs more than a tenth of a core; with the
histograms of 200 workers a check takes over a second.
"""


class AbortWatch:
    """Checks the thresholds of one run in a greenlet of its own, and notices when the run is hopeless.

    `totals` returns the current merged numbers, `main_s` the seconds since the warm-up (at most 0 within it).
    `on_hopeless` is called once, with the reason.
    """

    def __init__(
        self,
        patience: Patience,
        *,
        totals: Callable[[], Totals],
        main_s: Callable[[], float],
        on_hopeless: Callable[[str], None],
    ) -> None:
        self._patience = patience
        self._totals = totals
        self._main_s = main_s
        self._on_hopeless = on_hopeless
        self._greenlet = gevent.spawn(self._watch)

    def stop(self) -> None:
        """End the watch, unless the watch itself ends the run."""
        if self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def _watch(self) -> None:
        reason, took_s = "", 0.0
        while not reason:
            gevent.sleep(max(CHECK_INTERVAL_S, PAUSE_FACTOR * took_s))
            began_s, main_s = time.perf_counter(), self._main_s()
            if main_s > 0:
                reason = self._patience.look(self._totals(), main_s)
            took_s = time.perf_counter() - began_s
        self._on_hopeless(reason)


class MonitoredRun(SearchedRun, Protocol):
    """The run as its monitors see it: what they may ask it, and what they may report."""

    options: Options
    clock: RunClock

    @property
    def catalogue(self) -> Catalogue:
        """The metrics of the run."""

    @property
    def worker_states(self) -> Sequence[WorkerState]:
        """The state of the workers' generators, by their newest snapshots."""

    @property
    def timeline(self) -> MergedTimeline:
        """The seconds of the run, on all processes."""

    def totals(self) -> Totals:
        """Return the merged numbers of all processes, as far as known."""

    def has_samples(self, threshold: Threshold) -> bool:
        """Return whether there is evidence about a threshold's metric in the main phase."""


class RunMonitors:
    """The background tasks of one run: they start with it, as its options request, and stop with it."""

    def __init__(
        self,
        environment: Environment,
        run: MonitoredRun,
        thresholds: Sequence[Threshold],
        *,
        server: ServerMetrics,
        search: SearchSettings | None,
    ) -> None:
        options = run.options
        self._environment = environment
        self._run = run
        self._server = server
        self._is_stopped = False
        self.aborted = ""
        self._limits = Limits.in_proportion_to(options.lateness_limit_s * MS_PER_S)
        self._windows = WindowFeed(thresholds, run.catalogue)
        server.begin(lambda: int(run.totals().gauge("active_connections").now), options.plan.warm_up_s)
        self._abort_watch = self._watch(thresholds, options.abort_grace_s) if options.abort_on_fail else None
        self._search: CapacityDriver | None = None
        if search is not None:
            self._search = CapacityDriver(environment, search, thresholds, self._limits, run)
            self._search.start(options.plan.warm_up_s)

    @property
    def is_search_done(self) -> bool | None:
        """Whether the search came to its end by itself; None without a search."""
        return None if self._search is None else self._search.is_done

    @property
    def capacity(self) -> Capacity | None:
        """The search's result so far; None without a search."""
        return None if self._search is None else self._search.result()

    @property
    def server(self) -> list[dict[str, Any]]:
        """The figures of each source of the server, as in summary.json."""
        return self._server.to_json()

    def judge(self, threshold: Threshold) -> Judgement | None:
        """Judge a threshold on the server's figures or on windows; return None for any other."""
        if threshold.is_of_server:
            return self._server.judge(threshold)
        if threshold.window_s is None:
            return None
        return self._windows.judge.judge(threshold, lambda: self._run.has_samples(threshold))

    def look(self) -> None:
        """Judge the windows that have become complete."""
        clock = self._run.clock
        if not clock.is_stopped:
            elapsed_s = clock.elapsed_s()
            self._windows.look(self._run.timeline, elapsed_s - clock.judged_s(), elapsed_s)

    def finish(self) -> None:
        """Judge all windows: all measurements have arrived."""
        clock = self._run.clock
        ends_s = clock.elapsed_s()
        self._windows.finish(self._run.timeline, ends_s - clock.judged_s(), ends_s, lambda: gevent.sleep(0))

    def reset(self) -> None:
        """Forget all judgements so far: the statistics were reset."""
        self._server.reset()
        self._windows.reset()

    def stop(self) -> None:
        """Stop all monitors. May be called again."""
        self._is_stopped = True
        self._server.stop()
        for monitor in (self._abort_watch, self._search):
            if monitor is not None:
                monitor.stop()

    def _watch(self, thresholds: Sequence[Threshold], grace_s: float) -> AbortWatch:
        run = self._run
        return AbortWatch(
            Patience(
                thresholds,
                grace_s,
                lambda totals: is_beyond_limits(totals, run.worker_states, self._limits),
                self.judge,
            ),
            totals=run.totals,
            main_s=run.clock.judged_s,
            on_hopeless=self._abort,
        )

    def _abort(self, reason: str) -> None:
        """End the run as failed, with everything recorded: a threshold is hopeless."""
        if self._is_stopped:
            return
        self.aborted = f"aborted after {self._run.clock.elapsed_s():.0f} s because {reason}"
        self._run.say(f"The run is {self.aborted}")
        gevent.spawn(end_run, self._environment)
