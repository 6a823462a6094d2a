"""The waits of a capacity search, and the lines that report them."""

from typing import Final

import msgspec

from fleetlm_users.measure.judging.recovery import Recovery
from fleetlm_users.swarm.coordinator.search.searched_run import SearchedRun
from fleetlm_users.workload.duration import format_duration

SAY_EVERY_S: Final = 10.0


class SearchWait:
    """Reports now and then what the search is waiting for, and for how long."""

    def __init__(self, run: SearchedRun, what: str, limit_s: float) -> None:
        self._run = run
        self._what = what
        self._limit_s = limit_s
        self._since_s = self._said_s = run.elapsed_s()

    def for_s(self) -> float:
        """Return how long the wait has lasted."""
        return self._run.elapsed_s() - self._since_s

    def say(self, state: str) -> None:
        """Report the state, unless it was reported just now."""
        now_s = self._run.elapsed_s()
        if now_s - self._said_s < SAY_EVERY_S:
            return
        self._said_s = now_s
        waited, limit = format_duration(round(now_s - self._since_s)), format_duration(self._limit_s)
        self._run.say(f"waiting for {self._what}: {state}; {waited} of {limit}")


class Unloading(msgspec.Struct, frozen=True):
    """A server that is being unloaded: how far it has recovered, and how long the wait has lasted.

    `probes_per_s` is the light load that probes it. It is found when the wait begins: once the confirmation of the only
    kept load has failed, no load is kept that it could be a share of.
    """

    recovery: Recovery
    waiting: SearchWait
    probes_per_s: float
