"""One run in one process: its options, clock, ledger and the users that live in it."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import gevent
import msgspec
from gevent.event import Event

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.protocol.profile import profile_of
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.tally import LocustColumns, Tallies
from fleetlm_users.swarm.visits import Visits
from fleetlm_users.workload.options.audit import is_audited, settle_s
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.orders.load_clock import LoadClock, LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder
from fleetlm_users.workload.stages.begun import StagePhases
from fleetlm_users.workload.user_numbers import Numbering

LEAVING_S = 3.0
"""How long users may take to leave and close after the drain's end, before they are ended by force."""

FORCE_S = 2.0
"""How long a user ended by force may take to settle the fates of its messages."""

CLEANUP_S = 60.0
"""After the drain, with `--cleanup`: the limit for deleting the run's sessions."""


AUDIT_S = 600.0
"""After the drain, with `--audit`: the limit for reading back acknowledged messages."""


class Headcount(NamedTuple):
    """The users of one process: how many ever began to live, how many still have work, how many have finished."""

    entered: int
    working: int
    finished: int


class HeadcountReport(msgspec.Struct, frozen=True):
    """The headcount of one process in the run `epoch`."""

    epoch: str
    headcount: Headcount


class Closable(Protocol):
    """Something that a run owns and closes."""

    def close(self) -> None:
        """Free it."""


class Member(Protocol):
    """A user as its run sees it."""

    def settle(self) -> None:
        """Stop sending, let the open messages settle, leave, end."""

    def close(self) -> None:
        """End now; everything open gets its fate. May block for a moment."""

    def wake(self) -> None:
        """Check again what it is waiting for: the timetables run at another speed."""


Resource = TypeVar("Resource", bound=Closable)


def _no_columns(_scenario: str) -> LocustColumns:
    """Show nothing in Locust's table."""
    return LocustColumns(lambda _time_ms: None, lambda _time_ms: None)


class Run:
    """One run in one process. `epoch` names the run in all processes, `numbering` the users of this one.

    `on_idle` is called when the last user with work left has none, or is gone; `columns_of` a scenario feed Locust's
    own table with each message; `elapsed_s` is how long the run has already lasted, for a process that joins it late.
    `step_order` is the current order of a capacity search, `visits` are the sessions that arrive here at a rate; both
    are None in other runs. `load_clock` is None until somebody changes the speed of the timetables. `is_draining` is
    true once the run's end has begun: no user starts anything new.
    """

    def __init__(  # noqa: PLR0913  # the whole of what a run is made of, each named where it is given
        self,
        options: Options,
        epoch: str,
        numbering: Numbering,
        ledger: Ledger,
        events: RunEvents,
        *,
        on_idle: Callable[[], None] = lambda: None,
        columns_of: Callable[[str], LocustColumns] = _no_columns,
        elapsed_s: float = 0.0,
    ) -> None:
        self.options = options
        self.epoch = epoch
        self.numbering = numbering
        self.ledger = ledger
        self.events = events
        self.started_s = time.perf_counter() - elapsed_s
        self.ended_s: float | None = None
        self.is_closed = False
        self.closed_s: float | None = None
        self.step_order: StepOrder | None = None
        self.load_clock: LoadClock | None = None
        self.visits: Visits | None = None
        self.is_draining = False
        self._main_from_s = options.plan.main_from_s
        self._stage_phases: StagePhases | None = None
        self._drain_cut_short = Event()
        self._drain_deadline_s = math.inf
        self._members: set[Member] = set()
        self._empty = Event()
        self._empty.set()
        self._vu_count = 0
        self._finished = 0
        self._working: set[Member] = set()
        self._on_idle = on_idle
        self._columns_of = columns_of
        self._tallies: dict[str, Tallies] = {}
        self._resources: dict[type, Closable] = {}

    def __repr__(self) -> str:
        state = "draining" if self.is_draining else "running"
        return f"Run({self.options.run_id}, epoch={self.epoch}, {state}, users={len(self._members)})"

    @property
    def user_count(self) -> int:
        """The users alive in this process."""
        return len(self._members)

    def elapsed_s(self) -> float:
        """Return the seconds since the run began; they stop once it has ended."""
        return (self.ended_s or time.perf_counter()) - self.started_s

    def phase_at(self, moment_s: float) -> str:
        """Return `warm_up`, `main` or a stage of it, by this process's clock since the run began."""
        elapsed_s = moment_s - self.started_s  # called for each frame: nearly all moments are beyond the warm-up
        return MAIN if elapsed_s >= self._main_from_s else self._phase_at(elapsed_s)

    def message_phase_at(self, due_s: float) -> str:
        """Return the phase of a message due at that moment; in a capacity search, `main` while a step is held."""
        order, elapsed_s = self.step_order, due_s - self.started_s
        if order is not None:
            return order.phase_at(elapsed_s)
        return MAIN if elapsed_s >= self._main_from_s else self._phase_at(elapsed_s)

    def _phase_at(self, elapsed_s: float) -> str:
        phase = self.options.plan.phase_at(elapsed_s)
        return phase if self._stage_phases is None or phase == WARM_UP else self._stage_phases.phase_at(elapsed_s)

    def tallies(self, scenario: str) -> Tallies:
        """Return the tallies that count a scenario's messages, by phase."""
        tallies = self._tallies.get(scenario)
        if tallies is None:
            tallies = self._tallies[scenario] = Tallies(
                self.ledger, scenario, self._columns_of(scenario), self.options.stall_limit_s
            )
        return tallies

    def reset(self, ledger: Ledger) -> None:
        """Count everything in a new ledger from now on."""
        self.ledger = ledger
        for tallies in self._tallies.values():
            tallies.renew(ledger)

    def follow(self, order: LoadOrder) -> None:
        """Follow an order: if the speed of the timetables changes, all users check the clock again."""
        self._stage_phases = StagePhases(order.stages) if order.stages else None
        self._main_from_s = math.inf if order.stages else self.options.plan.main_from_s
        before = () if self.load_clock is None else self.load_clock.changes
        if order.speeds == before:
            return
        self.load_clock = LoadClock(order.speeds)
        for member in list(self._members):
            member.wake()

    def due_s(self, moment_s: float, since_s: float) -> float:
        """Return when something is due that was planned for `moment_s` at `since_s`; infinity while paused.

        All three are `time.perf_counter()` seconds.
        """
        clock, started_s = self.load_clock, self.started_s
        if clock is None:
            return moment_s
        return started_s + clock.due_s(moment_s - started_s, since_s - started_s)

    def planned_s(self, moment_s: float, since_s: float) -> float:
        """Return the inverse of `due_s`: the moment of a timetable that has run at its own speed since then."""
        clock, started_s = self.load_clock, self.started_s
        if clock is None:
            return moment_s
        return since_s + clock.planned_s(moment_s - started_s) - clock.planned_s(since_s - started_s)

    def resumed_s(self) -> float:
        """Return since when the load has run without a pause, or when it will resume; infinity while paused."""
        clock = self.load_clock
        return -math.inf if clock is None else self.started_s + clock.resumed_s(time.perf_counter() - self.started_s)

    def patience_until_s(self) -> float:
        """Return until when a session may wait for answers: without limit at first, then until the drain's end."""
        return self._drain_deadline_s

    def next_vu(self, class_name: str) -> int:
        """Return the number of the next user of that class in this process; no other user of the run has it.

        A user of a visit has the number of its arrival.
        """
        visiting = None if self.visits is None else self.visits.number()
        if visiting is not None:
            return visiting
        self._vu_count += 1
        return self.numbering.take(class_name)

    def begins_s(self, vu: int) -> float:
        """Return when a user's first journey is due: Locust spawns all users of a second at once."""
        return self.started_s + self.options.plan.begins_s(vu)

    def enter(self, member: Member) -> None:
        """Add a user that begins to live."""
        self._members.add(member)
        self._working.add(member)
        self._empty.clear()

    def finish(self, member: Member) -> None:
        """Note that a user has finished its work; it lives on, idle, until the run ends."""
        self._finished += 1
        self._rest(member)

    def leave(self, member: Member) -> None:
        """Remove a user that has ended."""
        self._rest(member)
        self._members.discard(member)
        if not self._members:
            self._empty.set()

    def headcount(self) -> Headcount:
        """Return how many users ever began to live here, how many have work left, and how many have finished."""
        return Headcount(self._vu_count, len(self._working), self._finished)

    def _rest(self, member: Member) -> None:
        if member in self._working:
            self._working.discard(member)
            if not self._working and not self.is_draining:
                self._on_idle()

    def resource(self, kind: type[Resource], make: Callable[[], Resource]) -> Resource:
        """Return the run's one object of this kind, created on first use, never before a fork, and closed with it."""
        resource = self._resources.get(kind)
        if resource is None:
            resource = self._resources[kind] = make()
        return resource  # type: ignore[return-value]  # the key is the value's type

    def drain(self, drain_s: float) -> None:
        """End the run: users stop sending, settle for at most `drain_s`, leave. Returns when all are gone.

        Messages without a fate at the end are counted as in flight.
        """
        if self.ended_s is not None:
            return
        self.ended_s = time.perf_counter()
        self._drain_deadline_s = self.ended_s + drain_s
        self.is_draining = True
        if self.visits is not None:
            self.visits.stop()
        for member in list(self._members):
            member.settle()
        self.wait_for(self._empty, drain_s + LEAVING_S)
        if self.drain_cut_short:
            self._drain_deadline_s = time.perf_counter()
        self._close_users()
        if self.visits is not None:
            self.visits.finish()
        for resource in self._resources.values():
            resource.close()

    def cut_drain_short(self) -> None:
        """Cut the drain short, even one still to come: users are ended by force, nothing is cleaned up."""
        self._drain_cut_short.set()

    @property
    def drain_cut_short(self) -> bool:
        """Whether the drain was cut short: nothing waits for its end any longer."""
        return bool(self._drain_cut_short.is_set())

    def wait_for(self, ready: Event | gevent.Greenlet, wait_s: float) -> None:
        """Return when `ready` is set or over, when time is up, or when the drain is cut short."""
        gevent.wait([ready, self._drain_cut_short], timeout=wait_s, count=1)

    def _close_users(self) -> None:
        self.is_closed = True
        self.closed_s = time.perf_counter()
        forced = [gevent.spawn(member.close) for member in list(self._members)]
        gevent.joinall(forced, timeout=FORCE_S)


def audit_bound_s(options: Options) -> float:
    """Return how long the audit of a run may take after the drain; 0 if there is none."""
    return audit_wait_s(options) + AUDIT_S if is_audited(options) else 0.0


def audit_wait_s(options: Options) -> float:
    """Return the seconds between the last message and the audit: two flush periods by default."""
    return settle_s(options, profile_of(options.protocol).flush_period_s)
