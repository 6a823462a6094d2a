"""Which connections are cut when: all at one moment, or a different share of them at each of several. Pure.

Every process computes the same cuts from the run's seed and number of users, so they need no coordination.
"""

import math
import random
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

MAX_CUTS: Final = 1_000


class Cut(NamedTuple):
    """One cut: its second from the start of the run, and how many of the planned users lose their connections."""

    at_s: float
    sessions: int


class Cuts(msgspec.Struct, frozen=True):
    """The cuts of a run.

    Attributes:
        at_s: The first cut, in seconds from the start of the run.
        share: The share of users whose connections each cut hits, above 0 and at most 1.
        every_s: The time between cuts, each of a different share, until every user has been cut; None for a single cut.
        users: The number of planned users, numbered from 1.
        until_s: The end of the run, after which there are no cuts; infinity for a run without one.
        seed: Decides who is cut when.
    """

    at_s: float
    share: float
    every_s: float | None
    users: int
    until_s: float
    seed: int

    @property
    def planned(self) -> tuple[Cut, ...]:
        """The cuts in order."""
        bounds = self._bounds()
        return tuple(Cut(self._moment_s(n), bounds[n + 1] - bounds[n]) for n in range(len(bounds) - 1))

    @property
    def sessions(self) -> int:
        """The total number of sessions that are cut."""
        return self._bounds()[-1]

    def moments_s(self) -> tuple[float, ...]:
        """Return the moments of the cuts in seconds from the start of the run."""
        return tuple(cut.at_s for cut in self.planned)

    def is_cut(self, user: int, number: int) -> bool:
        """Return whether this cut hits this user. A cut of everybody also hits unplanned users.

        Args:
            user: The user's number in the run, from 1.
            number: The number of the cut, from 0.
        """
        if self.share >= 1:
            return number == 0
        bounds = self._bounds()
        place = _places(self.users, self.seed).get(user)
        return place is not None and number + 1 < len(bounds) and bounds[number] <= place < bounds[number + 1]

    def _moment_s(self, number: int) -> float:
        return self.at_s + number * (self.every_s or 0.0)

    def _bounds(self) -> list[int]:
        """Return the bounds of each cut in the drawn order: exact shares of all users."""
        wanted = 1 if self.every_s is None else min(MAX_CUTS, math.ceil(1 / self.share - 1e-9))
        numbers = [n for n in range(wanted) if self._moment_s(n) < self.until_s]
        return [0, *(min(self.users, round((n + 1) * self.share * self.users)) for n in numbers)]


@lru_cache(maxsize=4)  # called for each user, with the same result for all
def _places(users: int, seed: int) -> dict[int, int]:
    """Return each user's place in the order of the cuts."""
    order = list(range(1, users + 1))
    random.Random(f"{seed}:cuts").shuffle(order)
    return {user: place for place, user in enumerate(order)}
