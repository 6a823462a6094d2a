"""Users that send at a rate of all of them together, of which each has an even share or, with a skew, its own."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from fleetlm_users.measure.metrics.metric import MAIN, STAGE_PREFIX
from fleetlm_users.swarm.context import context_of
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.skew.settings import BUSIEST, REST, check_skew, parts_in, skew_in
from fleetlm_users.workload.skew.shares import SessionShare

ONE_SCENARIO: Final = 1


class SkewedUser(FleetUser):
    """A user whose messages are, with a skew, a part of one timetable of all users of its scenario.

    Messages of the busiest tenth of the sessions are counted apart from the rest: each is a part of the main phase.
    """

    abstract = True

    @classmethod
    def check_options(cls, options: Options) -> None:
        """Check that a skew has a fixed number of sessions. Raise UsageError."""
        check_skew(options)

    @cached_property
    def part(self) -> SessionShare | None:
        """Its share of the messages; None where all have the same."""
        run = self.current_run
        if not skew_in(run.options):
            return None
        parts = parts_in(run.options, self.scenario)
        return parts[self._place(run) % len(parts)]

    @property
    def main_phase(self) -> str:
        """The phase of what its sessions send after the warm-up."""
        if self.part is None:
            return MAIN
        return STAGE_PREFIX + (BUSIEST if self.part.is_busiest else REST)

    def skewed_dues(self, part: SessionShare, interval_s: float, from_s: float, end_s: float) -> Iterator[float]:
        """Return the due moments of a part, if all sessions of the plan together send as with the interval each."""
        rate_per_s = self.current_run.options.plan.users[self.scenario] / interval_s
        return part.dues(self.current_run.started_s, rate_per_s, from_s, end_s)

    def _place(self, run: Run) -> int:
        """Return the user's number among those of its scenario, from 0; of one beyond the plan some number."""
        if sum(1 for users in run.options.plan.users.values() if users) == ONE_SCENARIO:
            return (self.vu - 1) % VUS_PER_BLOCK
        places = run.resource(_Places, lambda: _Places(context_of(self.environment).benchmark.spawn_order(run.options)))
        return places.of.get(self.vu, self.vu % VUS_PER_BLOCK)


class _Places:
    """The number of each planned user among those of its class, by its number among all."""

    def __init__(self, order: Iterator[str]) -> None:
        self.of: dict[int, int] = {}
        counts: dict[str, int] = {}
        for vu, name in enumerate(order, 1):
            self.of[vu] = counts.get(name, 0)
            counts[name] = self.of[vu] + 1

    def close(self) -> None:
        """Free nothing."""
