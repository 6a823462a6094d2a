"""Cut the connections of one process's sessions at their moment, and keep track of the sessions that are away.

The moment is on the run's clock, which all processes started when the master told them to. First all sockets are shut
down, one system call each, and only then is anything counted, so the server sees one moment.
"""

import math
import time
from collections import deque
from typing import Final, Protocol

import gevent

from fleetlm_users.swarm.run import Run
from fleetlm_users.units import MS_PER_S, US_PER_S
from fleetlm_users.workload.options.storm import StormPlan

SOON_SHARE: Final = 0.95
"""The share of sessions until whose return the generator's CPU is measured."""

LEAST_S: Final = 10.0
"""The least time after a cut during which latencies of sessions that stayed are recorded."""

EARLY_S: Final = 0.5
"""A connection that breaks this long before the server's planned restart counts as broken by it: clocks of hosts
differ.
"""


WRITERS: Final = 64
"""How many messages are appended at the same time to sessions that receive nothing."""


class StormMember(Protocol):
    """A user whose connection may be cut."""

    @property
    def is_joined(self) -> bool:
        """Whether its session is joined."""

    def go_deaf(self) -> None:
        """Receive nothing from now on."""

    def cut(self) -> None:
        """Break the connection off."""

    def write_away(self) -> None:
        """Append a message to its session, if that is still away."""


class Cutter:
    """The cuts of one process; a resource of its run.

    Attributes:
        first_s: The moment of the first cut, in `time.perf_counter()` seconds.
        latest_s: The moment of the latest past one; infinity before the first.
    """

    def __init__(self, run: Run, plan: StormPlan, scenario: str) -> None:
        self._run = run
        self._plan = plan
        self._scenario = scenario
        self._members: dict[int, StormMember] = {}
        self._cut_s: dict[int, float] = {}
        self._cut = 0
        self._back = 0
        self._attempts = 0
        self._began: tuple[float, float] | None = None
        self._writers: list[gevent.Greenlet] = []
        self.first_s = run.started_s + plan.cuts.at_s
        self.latest_s = math.inf
        self._greenlet = None if plan.by_server else gevent.spawn(self._cut_all)

    def __repr__(self) -> str:
        return f"Cutter({len(self._members)} members, {self._back} of {self._cut} back)"

    def attach(self, vu: int, member: StormMember) -> None:
        """Add a user whose turn may come."""
        self._members[vu] = member

    def detach(self, vu: int) -> None:
        """Remove a user whose session has ended."""
        self._members.pop(vu, None)
        self._cut_s.pop(vu, None)

    def left(self, vu: int, lost_s: float) -> float | None:
        """Return the moment from which a lost connection counts as cut; None if no cut was meant for it."""
        if not self._plan.by_server:
            return self._cut_s.pop(vu, None)
        if lost_s < self.first_s - EARLY_S:
            return None
        if self._began is None:
            self._begin(lost_s)
        self._note_cut(lost_s, 1)
        return lost_s

    def attempted(self) -> None:
        """Note an attempt to connect or join."""
        self._attempts += 1

    def returned(self) -> None:
        """Note that a session that was cut has joined again."""
        self._back += 1
        if self._began is not None and self._back >= SOON_SHARE * self._cut:
            self._measure()

    def others_are_away(self, due_s: float) -> bool:
        """Return whether a message due then met a server to which others were returning."""
        return self.latest_s <= due_s and (self._back < self._cut or due_s < self.latest_s + LEAST_S)

    def close(self) -> None:
        """End with the run; a storm that is not over is measured so far."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        gevent.killall(self._writers, block=False)
        if self._began is not None:
            self._measure()

    def _cut_all(self) -> None:
        for number, at_s in enumerate(self._plan.cuts.moments_s()):
            moment_s = self._run.started_s + at_s
            gevent.sleep(max(0.0, moment_s - self._plan.unnoticed_s - time.perf_counter()))
            looked_at = self._go_deaf(number)
            gevent.sleep(max(0.0, moment_s - time.perf_counter()))
            if self._run.is_draining:
                return
            self._cut_some(number, moment_s, looked_at)

    def _go_deaf(self, number: int) -> dict[int, bool]:
        """Make users whose turn it is receive nothing; return the users checked, and whether it is their turn."""
        turns = {vu: self._plan.cuts.is_cut(vu, number) for vu in self._members}
        deaf = [member for vu, member in self._members.items() if turns[vu] and member.is_joined]
        if self._plan.unnoticed_s:
            for member in deaf:
                member.go_deaf()
        waiting = deque(member for _ in range(self._plan.away_messages) for member in deaf)
        self._writers = [gevent.spawn(_write_all, waiting) for _ in range(min(WRITERS, len(waiting)))]
        return turns

    def _cut_some(self, number: int, moment_s: float, turns: dict[int, bool]) -> None:
        """Cut the joined users whose turn it is."""
        chosen = [
            (vu, member)
            for vu, member in self._members.items()
            if member.is_joined and (turns[vu] if vu in turns else self._plan.cuts.is_cut(vu, number))
        ]
        self._begin(moment_s)
        done_s = []
        for _, member in chosen:
            member.cut()
            done_s.append(time.perf_counter())
        self._cut_s.update((vu, moment_s) for vu, _ in chosen)
        self._note_cut(moment_s, len(chosen))
        lateness = self._run.ledger.trend("cut_lateness_ms", self._scenario, self._run.phase_at(moment_s))
        for each_s in done_s:
            lateness.add(round(max(0.0, each_s - moment_s) * US_PER_S))

    def _begin(self, moment_s: float) -> None:
        """Begin to measure the generator; a cut before the last one's sessions are back continues that measurement."""
        self.latest_s = moment_s
        if self._began is None:
            self._cut = self._back = self._attempts = 0
            self._began = time.process_time(), time.perf_counter()

    def _note_cut(self, moment_s: float, sessions: int) -> None:
        self._cut += sessions
        if sessions:
            self._run.ledger.count("sessions_cut", self._scenario, self._run.phase_at(moment_s), sessions)

    def _measure(self) -> None:
        """Record what the generator needed until nearly all were back."""
        assert self._began is not None  # for mypy: callers have checked
        began_cpu_s, began_s = self._began
        cpu_s, lasted_s = time.process_time() - began_cpu_s, time.perf_counter() - began_s
        self._began = None
        if not self._cut or self._run.is_closed:
            return
        ledger, phase = self._run.ledger, self._run.phase_at(began_s)
        ledger.count("storm_cpu_ms", self._scenario, phase, round(cpu_s * MS_PER_S))
        ledger.count("storm_attempts", self._scenario, phase, self._attempts)
        ledger.level("storm_cpu_percent", min(100.0, 100 * cpu_s / lasted_s) if lasted_s else 0.0, phase)


def _write_all(waiting: deque[StormMember]) -> None:
    """Append a message to each waiting session, one after the other."""
    while waiting:
        waiting.popleft().write_away()
