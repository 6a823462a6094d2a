"""The one timer of a run on a process."""

from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer


def timer_of(run: Run) -> PreciseTimer:
    """Return the run's timer, made at its first use.

    The process does not rest between near sends. That takes 7 % less CPU, but segments that arrive at one socket within
    a rest keep the last one's stamp: the service time's error at p99 was twice as large (docs/performance.md).
    """
    return run.resource(PreciseTimer, lambda: PreciseTimer(rests=False))
