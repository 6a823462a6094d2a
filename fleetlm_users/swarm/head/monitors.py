"""What goes on beside a run, on its head: a watch for hopelessness, the server's own figures, a capacity search.

`--abort-on-fail`: looks at the thresholds once a second while a run goes on, and says when it is hopeless.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from locust.env import Environment

from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.early_abort import Patience
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.judging.verdict import is_beyond_limits
from fleetlm_users.measure.report.capacity import Capacity
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.head.capacity import CapacityDriver
from fleetlm_users.swarm.head.completion import end_run
from fleetlm_users.swarm.head.conclusion import MS_PER_S, limits_of
from fleetlm_users.swarm.host.server_metrics import ServerMetrics
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.options.model import Options

LOOK_S = 1.0
"""Reports of workers come every 3 s; looking more often than that costs little and delays nothing."""

REST = 9
"""So many times as long as a look took, none is taken: histograms of 200 workers are a tenth of a core at most."""


class AbortWatch:
    """One run's watch, in a greenlet of its own.

    `totals` gives the merged numbers as they stand, `main_s` the seconds since the warm-up (below 0 in it).
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
        """Ends the watch, unless it is the watch itself that ends the run."""
        if self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def _watch(self) -> None:
        reason, took_s = "", 0.0
        while not reason:
            gevent.sleep(max(LOOK_S, REST * took_s))
            began_s, main_s = time.perf_counter(), self._main_s()
            if main_s > 0:
                reason = self._patience.look(self._totals(), main_s)
            took_s = time.perf_counter() - began_s
        self._on_hopeless(reason)


@dataclass(frozen=True, slots=True)
class View:
    """What the head lets those beside a run see, and say.

    `totals` are the merged numbers as known, `workers` how each worker stands by them, `border` both of this very
    moment on all processes.
    """

    totals: Callable[[], Totals]
    workers: Callable[[], Sequence[WorkerState]]
    border: Callable[[], Border]
    elapsed_s: Callable[[], float]
    judged_s: Callable[[], float]
    say: Callable[[str], None]


class RunMonitors:
    """Begins with one run what its options ask for, and ends it with the run."""

    def __init__(  # noqa: PLR0913  # it is made in one place, each argument under its own name
        self,
        environment: Environment,
        options: Options,
        thresholds: Sequence[Threshold],
        view: View,
        *,
        server: ServerMetrics,
        search: SearchSettings | None,
    ) -> None:
        self._environment = environment
        self._view = view
        self._server = server
        self._has_ended = False
        self.aborted = ""
        warm_up_s = options.plan.warm_up_s
        self._limits = limits_of(options.lateness_limit_s * MS_PER_S)
        server.begin(lambda: int(view.totals().gauge("active_connections").now))
        self._abort_watch = self._post(thresholds, options.abort_grace_s) if options.abort_on_fail else None
        self._search: CapacityDriver | None = None
        if search is not None:
            self._search = CapacityDriver(
                environment, search, thresholds, self._limits, border=view.border, say=view.say
            )
            self._search.start(warm_up_s)

    @property
    def is_search_done(self) -> bool | None:
        """Whether the search came to its end by itself; None where there is none."""
        return None if self._search is None else self._search.is_done

    @property
    def found(self) -> Capacity | None:
        """What the search found so far; None where there is none."""
        return None if self._search is None else self._search.result()

    @property
    def server(self) -> list[dict[str, Any]]:
        """What each source told of the server, as in summary.json."""
        return self._server.to_json()

    def stop(self) -> None:
        """The run ends. May be called again."""
        self._has_ended = True
        self._server.stop()
        for other in (self._abort_watch, self._search):
            if other is not None:
                other.stop()

    def _post(self, thresholds: Sequence[Threshold], grace_s: float) -> AbortWatch:
        return AbortWatch(
            Patience(thresholds, grace_s, lambda totals: is_beyond_limits(totals, self._view.workers(), self._limits)),
            totals=self._view.totals,
            main_s=self._view.judged_s,
            on_hopeless=self._abort,
        )

    def _abort(self, reason: str) -> None:
        """A threshold is hopeless: the run ends as failed, with everything recorded."""
        if self._has_ended:
            return
        self.aborted = f"aborted after {self._view.elapsed_s():.0f} s because {reason}"
        self._view.say(f"The run is {self.aborted}")
        gevent.spawn(end_run, self._environment)
