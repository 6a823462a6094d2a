"""`--abort-on-fail`: looks at the thresholds once a second while a run goes on, and says when it is hopeless."""

import time
from collections.abc import Callable

import gevent

from fleetlm_users.measure.judging.early_abort import Patience
from fleetlm_users.measure.totals import Totals

LOOK_S = 1.0
"""Reports of workers come every 3 s; looking more often than that costs little and delays nothing."""

REST = 9
"""So many times as long as a look took, none is taken: histograms of 200 workers are a tenth of a core at most."""


class Watchman:
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
