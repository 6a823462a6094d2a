"""The generator's own health: event-loop lag every 100 ms, CPU and memory of the process every second."""

import time
from collections.abc import Callable

import gevent
import psutil

from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.run_timer import timer_of
from fleetlm_users.swarm.runtime.sleeper import Sleeper
from fleetlm_users.units import US_PER_S

LAG_INTERVAL_S = 0.1
"""metrics.md: event_loop_lag_ms is how late a 100 ms timer fires."""

TICK_S = 1.0


class HealthSampler:
    """Two greenlets of one run: a 100 ms timer that measures its own lateness, and a tick every second.

    Args:
        run: The run whose ledger takes the samples.
        on_beat: Called after each measurement of the lateness, and once at the end.
    """

    def __init__(self, run: Run, on_beat: Callable[[], None]) -> None:
        self._run = run
        self._on_beat = on_beat
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only sets the mark (psutil documentation)
        self._greenlets = [gevent.spawn(self._watch_lag), gevent.spawn(self._tick)]

    def stop(self) -> None:
        """Stop both, with one last tick."""
        gevent.killall(self._greenlets)
        self._on_beat()
        self._run.ledger.tick((self._run.closed_s or time.perf_counter()) - self._run.started_s)

    def _watch_lag(self) -> None:
        sleeper = Sleeper(timer_of(self._run))
        while not self._run.is_closed:  # after the users have gone, clean-up and audit are no load
            due_s = time.perf_counter() + LAG_INTERVAL_S
            sleeper.sleep(due_s)
            lag_us = round((time.perf_counter() - due_s) * US_PER_S)
            self._run.ledger.trend("event_loop_lag_ms", "", self._run.phase_at(due_s)).add(lag_us)
            self._on_beat()

    def _tick(self) -> None:
        tick = int(self._run.elapsed_s() / TICK_S)
        while True:
            tick += 1
            gevent.sleep(max(0.0, self._run.started_s + tick * TICK_S - time.perf_counter()))
            now_s = time.perf_counter()
            if self._run.is_closed:
                return
            phase = self._run.phase_at(now_s)
            self._run.ledger.level("worker_cpu_percent", self._process.cpu_percent(), phase)
            self._run.ledger.level("worker_rss_bytes", self._process.memory_info().rss, phase)
            self._run.ledger.tick(now_s - self._run.started_s, yield_to_loop)


def yield_to_loop() -> None:
    """Let the event loop run once."""
    gevent.sleep(0)
