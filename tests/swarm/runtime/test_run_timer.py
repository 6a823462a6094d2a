"""The timer of a run: one for all, which never rests."""

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.run_timer import timer_of
from fleetlm_users.swarm.stats.events import RunEvents
from tests.swarm.samples import numbering, options


def test_no_process_of_a_run_rests():
    """Somebody is always taken to be awake: what arrives is read at once, and stamped segment by segment."""
    run = Run(options(), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
    timer = timer_of(run)
    assert timer.awake == 1
    assert timer_of(run) is timer
    timer.close()
