"""The one timer of a run on a process."""

from typing import Final
from urllib.parse import urlsplit

from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer

SECURE: Final = ("https", "wss")


def timer_of(run: Run) -> PreciseTimer:
    """Return the run's timer, made at its first use.

    With TLS the process does not rest: the kernel's stamps are of encrypted bytes, so what arrives is stamped when it
    is read (stream.py), and a rest would count as the server's time.
    """
    options = run.options
    is_stamped = not any(urlsplit(url).scheme in SECURE for url in (options.api_url, options.ws_url))
    return run.resource(PreciseTimer, lambda: PreciseTimer(rests=is_stamped))
