"""The arrivals of a run: when the n-th is due, who arrives, and in which process it begins. Pure.

Every process computes the whole run's arrivals, a microsecond each, and takes its own: so the same seed gives the same
arrivals in every layout, without any messages.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import count, cycle
from typing import Final, NamedTuple

from fleetlm_users.workload.arrivals.rates import RateProfile
from fleetlm_users.workload.user_numbers import WorkerSlot, spawn_order

EVEN: Final = "even"
POISSON: Final = "poisson"
KINDS: Final = (EVEN, POISSON)


class SessionArrival(NamedTuple):
    """The `number`-th arrival of a run, from 1: of a user of that scenario, `due_s` seconds after the run's start."""

    number: int
    due_s: float
    scenario: str


def arrivals(
    profile: RateProfile, kind: str, seed: int, mix: Mapping[str, int], end_s: float = math.inf
) -> Iterator[SessionArrival]:
    """Yield all arrivals of a run before its end.

    Args:
        profile: The arrival rate over time.
        kind: `even` puts the n-th where n - ½ arrivals are expected, so that a rate of whole numbers has exactly that
            many in each second. `poisson` draws a Poisson process of rate 1 and stretches its time by the profile
            (time-rescaling theorem): counts of distinct stretches are independent and Poisson, at any rate over time.
        seed: The run's seed, for `poisson`.
        mix: The proportion in which users of the scenarios arrive; they take turns as evenly as the counts allow.
        end_s: The end of the run, in seconds after its start.
    """
    divisor = reduce(math.gcd, mix.values())
    scenarios = cycle(spawn_order({name: n // divisor for name, n in mix.items()}))
    expected = (n - 0.5 for n in count(1)) if kind == EVEN else _unit_poisson(seed)
    for number, (moment, scenario) in enumerate(zip(expected, scenarios, strict=False), 1):
        due_s = profile.when(moment)
        if due_s >= end_s or due_s == math.inf:
            return
        yield SessionArrival(number, due_s, scenario)


def own_of(all_arrivals: Iterable[SessionArrival], users: int, slot: WorkerSlot) -> Iterator[SessionArrival]:
    """Yield the arrivals that begin in one process.

    The arrivals of each scenario go round the run's `users` by number, and each number lives in one process, so every
    process gets its share of every scenario. A process that joined later gets none.
    """
    if slot.turn is None:
        return
    places: dict[str, int] = {}
    turns: Counter[str] = Counter()
    for arrival in all_arrivals:
        # each scenario starts at its own place: if all have few arrivals, they must not all fall to the first process
        first = places.setdefault(arrival.scenario, len(places))
        user = (first + turns[arrival.scenario]) % users
        turns[arrival.scenario] += 1
        if user % slot.turns == slot.turn:
            yield arrival


def _unit_poisson(seed: int) -> Iterator[float]:
    rng = random.Random(f"{seed}:arrivals")
    moment = 0.0
    while True:
        moment += rng.expovariate(1.0)
        yield moment
