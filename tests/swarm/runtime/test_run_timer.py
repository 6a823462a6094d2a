"""The timer of a run."""

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.run_timer import timer_of
from fleetlm_users.swarm.stats.events import RunEvents
from tests.swarm.samples import numbering, options


def test_a_run_has_one_timer():
    """All users of the process share it."""
    run = Run(options(), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
    timer = timer_of(run)
    assert timer_of(run) is timer
    timer.close()
