"""The one timer of a run on a process."""

from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer


def timer_of(run: Run) -> PreciseTimer:
    """Return the run's timer, created on first use."""
    return run.resource(PreciseTimer, PreciseTimer)
