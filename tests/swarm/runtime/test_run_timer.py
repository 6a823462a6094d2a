"""The timer of a run: one for all, which lets the process rest only where the kernel stamps what arrives."""

import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.run_timer import timer_of
from fleetlm_users.swarm.stats.events import RunEvents
from tests.swarm.samples import numbering, options


@pytest.mark.parametrize(
    ("urls", "awake"),
    [
        ({}, 0),
        ({"ws_url": "wss://localhost:4000/socket/websocket"}, 1),
        ({"api_url": "HTTPS://localhost:4000/api"}, 1),
    ],
    ids=["plain", "wss", "https"],
)
def test_with_tls_no_process_rests(urls, awake):
    """What arrives is stamped when it is read then, and a rest would be taken for the server's time."""
    run = Run(options(**urls), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
    timer = timer_of(run)
    assert timer.awake == awake
    assert timer_of(run) is timer
    timer.close()
