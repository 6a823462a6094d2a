"""The plan of a run in which sessions arrive at a rate: each is a visit by a user who lives one journey and leaves.

A visit needs a user, as an iteration of k6's arrival-rate executors needs a VU: `--max-users` are made before the first
arrival, wait until one is due, and take the next when they are free.
"""

from collections.abc import Mapping
from typing import Final

from fleetlm_users.errors import UsageError

RATE_FLAG: Final = "--session-rate (SESSION_RATE)"
MAX_USERS_FLAG: Final = "--max-users (MAX_USERS)"
ARRIVALS_FLAG: Final = "--arrivals (ARRIVALS)"

DEFAULT_MAX_USERS: Final = 1000
"""Each waiting user takes 12 kB (measured), so too many do no harm."""


def users_of(mix: Mapping[str, int], max_users: int) -> dict[str, int]:
    """Return how many users of each behaviour are made: any of them can live visits of all.

    Each behaviour of the mix gets at least one, so that the run checks everything they need. Raises UsageError for
    fewer users than behaviours.
    """
    present = [name for name, n in mix.items() if n]
    if max_users < len(present):
        accepted = f"at least one for each behaviour that arrives: {', '.join(present)}"
        raise UsageError(MAX_USERS_FLAG, max_users, accepted, f"--max-users {100 * len(present)}")
    more, rest = divmod(max_users, len(present))
    counts = {name: more + (place < rest) for place, name in enumerate(present)}
    return {name: counts.get(name, 0) for name in mix}


def check_beside_rate(said: Mapping[str, object]) -> None:
    """Raise UsageError for a setting that a session rate already decides; `said` are the settings, None if not set."""
    for setting, value in said.items():
        if value is not None:
            accepted = f"no value with {RATE_FLAG}, with which users come and go; {MAX_USERS_FLAG} bounds them"
            raise UsageError(setting, value, accepted, "--session-rate 20 --max-users 500 -t 5m")


def check_without_rate(max_users: int | None, arrivals: str | None, *, has_arrival_rate: bool) -> None:
    """Raise UsageError for a setting that has no effect because the run has no session rate."""
    if max_users is not None:
        accepted = f"it together with {RATE_FLAG}, whose users it bounds"
        raise UsageError(MAX_USERS_FLAG, max_users, accepted, "--session-rate 20 --max-users 500")
    if arrivals is not None and not has_arrival_rate:
        accepted = f"it together with {RATE_FLAG} or, in message_throughput, --arrival-rate (ARRIVAL_RATE)"
        raise UsageError(ARRIVALS_FLAG, arrivals, accepted, "--session-rate 20 --arrivals poisson")
