"""The sessions that arrive in one process: when each begins, and the accounting of those that come and go.

Users wait for them as a pool: each takes the next arrival and sleeps until it is due. So an arrival begins on time if a
user is free, and the next free user finds and counts those that were due before any was.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import Final, Protocol

import gevent
import msgspec

from fleetlm_users.measure.judging.visits.visit_accounting import LOOK_S, NO_USER
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.units import MS_PER_S, US_PER_S
from fleetlm_users.workload.arrivals.process import SessionArrival

LATE: Final = "late"


class VisitedRun(Protocol):
    """The run in which the sessions arrive."""

    ledger: Ledger
    started_s: float
    ended_s: float | None

    def phase_at(self, moment_s: float) -> str:
        """Return the phase of what is due at that moment."""

    def due_s(self, moment_s: float, since_s: float) -> float:
        """Return when something is due that was planned for `moment_s` at `since_s`; infinity while paused."""


class Visit(msgspec.Struct):
    """A visit under way: its arrival, when it was due and when it began, and the phase in which it was due."""

    arrival: SessionArrival
    due_s: float
    began_s: float
    phase: str
    is_created: bool = False


class Visits:
    """The arrivals in one process, in order, and the users now in a session. Moments are `time.perf_counter()` seconds.

    No arrival is due at or after the run's planned end, `duration_s` seconds after its start. The first `warm_up_s` are
    not judged.
    """

    def __init__(
        self, run: VisitedRun, own: Iterator[SessionArrival], duration_s: float = math.inf, warm_up_s: float = 0.0
    ) -> None:
        self._run = run
        self._own = own
        self._end_s = run.started_s + duration_s
        self._judged_from_s = run.started_s + warm_up_s
        self._returned: list[SessionArrival] = []
        self._numbers: dict[gevent.Greenlet, int] = {}
        self._present = 0
        self._looked_s = run.started_s
        self._left_over_ms = 0.0
        self._watch = gevent.spawn(self._look_on)

    def __repr__(self) -> str:
        return f"Visits({self._present} present)"

    def due_s(self, arrival: SessionArrival) -> float:
        """Return the moment at which an arrival is due; changing the rate of the run moves it."""
        return self._run.due_s(self.planned_s(arrival), self._run.started_s)

    def planned_s(self, arrival: SessionArrival) -> float:
        """Return the moment at which an arrival was planned."""
        return self._run.started_s + arrival.due_s

    def is_in_time(self, arrival: SessionArrival) -> bool:
        """Return whether an arrival is due before the planned end of the run."""
        return self.due_s(arrival) < self._end_s

    def take(self, free_since_s: float) -> SessionArrival | None:
        """Return the next arrival for a user that has been free since that moment; None if there is none left.

        Arrivals due before it found no user free, or that user would have taken them: they are dropped.
        """
        while (arrival := self._next()) is not None:
            if self.due_s(arrival) >= free_since_s:
                return arrival
            self._drop(arrival, NO_USER)
        return None

    def give_back(self, arrival: SessionArrival) -> None:
        """Take back an arrival whose user ended before it began."""
        if self._run.ended_s is None:
            heappush(self._returned, arrival)
        elif self.due_s(arrival) < min(self._end_s, self._run.ended_s):
            self._drop(arrival, LATE)

    @contextmanager
    def visit(self, arrival: SessionArrival) -> Iterator[Visit]:
        """Begin a visit, and end it with the `with` block, in the greenlet that lives it."""
        visit, number_of = self._begin(arrival), gevent.getcurrent()
        self._numbers[number_of] = arrival.number
        try:
            yield visit
        finally:
            self._numbers.pop(number_of, None)
            self._end(visit)

    def number(self) -> int | None:
        """Return the number of the visit that the calling greenlet lives; None if it lives none."""
        return self._numbers.get(gevent.getcurrent())

    def created(self, visit: Visit, done_s: float) -> None:
        """Record visit_creation_ms of the first session that a visit created."""
        if not visit.is_created:
            visit.is_created = True
            self._time("visit_creation_ms", visit, visit.phase, done_s - visit.due_s)

    def stop(self) -> None:
        """Stop counting those present: the run has ended."""
        self._watch.kill(block=False)
        self._look(self._run.ended_s or time.perf_counter())

    def finish(self) -> None:
        """Count arrivals that were due before the end of the run and had no user."""
        end_s = min(self._end_s, self._run.ended_s or 0.0)
        while (arrival := self._next()) is not None and self.due_s(arrival) < end_s:
            self._drop(arrival, NO_USER)

    def _next(self) -> SessionArrival | None:
        return heappop(self._returned) if self._returned else next(self._own, None)

    def _begin(self, arrival: SessionArrival) -> Visit:
        due_s, now_s = self.due_s(arrival), time.perf_counter()
        visit = Visit(arrival, due_s, now_s, self._run.phase_at(due_s))
        for metric in ("visits_due", "visits_begun"):
            self._run.ledger.count(metric, arrival.scenario, visit.phase)
        self._time("visit_lateness_ms", visit, visit.phase, now_s - due_s)
        self._move(arrival.scenario, 1, now_s)
        return visit

    def _end(self, visit: Visit) -> None:
        scenario, now_s, ended_s = visit.arrival.scenario, time.perf_counter(), self._run.ended_s
        self._move(scenario, -1, now_s)
        if visit.began_s < self._run.ledger.since_s:
            return  # its beginning is not in this ledger
        gone_s = now_s if ended_s is None else max(visit.began_s, min(now_s, ended_s))
        phase = self._run.phase_at(gone_s)
        if visit.began_s < self._judged_from_s < gone_s:
            self._count_ms("visit_carried_ms", visit, phase, self._judged_from_s - visit.began_s)
        if ended_s is not None:
            self._run.ledger.count("visits_unfinished", scenario, visit.phase)
            self._count_ms("visit_unfinished_ms", visit, phase, gone_s - visit.began_s)
            return
        self._run.ledger.count("visits_ended", scenario, phase)
        self._time("visit_time_ms", visit, phase, now_s - visit.began_s)

    def _drop(self, arrival: SessionArrival, reason: str) -> None:
        phase = self._run.phase_at(self.due_s(arrival))
        self._run.ledger.count("visits_due", arrival.scenario, phase)
        self._run.ledger.count("visits_dropped", arrival.scenario, phase, label=reason)

    def _move(self, scenario: str, by: int, now_s: float) -> None:
        self._look(now_s)
        self._present += by
        self._run.ledger.gauge("visits_present", scenario, by)

    def _time(self, metric: str, visit: Visit, phase: str, duration_s: float) -> None:
        self._run.ledger.trend(metric, visit.arrival.scenario, phase).add(round(duration_s * US_PER_S))

    def _count_ms(self, metric: str, visit: Visit, phase: str, duration_s: float) -> None:
        self._run.ledger.count(metric, visit.arrival.scenario, phase, round(duration_s * MS_PER_S))

    def _look_on(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            self._look(time.perf_counter())

    def _look(self, now_s: float) -> None:
        """Add up those present over the time since the last call: at every change, and now and then for the phases."""
        now_s = min(now_s, self._run.ended_s or now_s)  # sessions present while the run drains are no part of it
        self._left_over_ms += self._present * max(0.0, now_s - self._looked_s) * MS_PER_S
        self._looked_s = max(now_s, self._looked_s)
        whole_ms = int(self._left_over_ms)
        if whole_ms > 0:
            self._left_over_ms -= whole_ms
            self._run.ledger.count("visit_presence_ms", "", self._run.phase_at(now_s), whole_ms)
