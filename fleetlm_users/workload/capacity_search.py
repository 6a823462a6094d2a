"""The search for the highest load that a server sustains: steps up until one misses, then halves the gap. Pure.

A step that misses is repeated before it counts: one bad moment must not decide. A step at which the generator itself
was at its limit says nothing about the server; if its repeat is too, the search ends with "at least".

At the end the highest kept load is held again, for longer: a load near the limit may be kept in a short step and not in
a long one. If it is not confirmed, lower loads are tried, each lower by half the precision, later by all of it. A
confirmation is never repeated: a bad moment costs half a precision, but a second chance would make a load that holds
half of the time look sustained.
"""

import math
from typing import Final, Literal

import msgspec

Outcome = Literal["kept", "missed", "limited"]

TRIES: Final = 2

MAX_CONFIRMATIONS: Final = 5
"""The most loads that are confirmed: at a precision of 5 %, the last is a seventh below the first."""

NEAR_SHARE: Final = 0.5
NEAR_CONFIRMATIONS: Final = 2
"""A load that was kept once is hardly above the limit, so the first two steps down are half the precision each."""


class SearchPlan(msgspec.Struct, frozen=True):
    """From `first` on each step is `factor` times the one before, up to `most`.

    The search ends when the gap between the highest kept and the lowest missed load is at most `precision` (a share of
    the kept one), and the kept load is confirmed if it `confirms`. Raises ValueError for values that lead nowhere.
    """

    first: int
    factor: float
    most: int
    precision: float
    confirms: bool = True

    def __post_init__(self) -> None:
        if self.first < 1 or self.most < self.first or not self.factor > 1 or not self.precision > 0:
            raise ValueError(f"not a search: {self}")


class CapacitySearch:
    """A search: read `load` for the next step, then `tell` how it went, until `load` is None.

    `kept` is the highest load that was kept (0: none was), `missed` the lowest that was not, None while there is none;
    `confirmed` is the load that survived its confirmation, 0 while none has. `is_confirmation` says that the next step
    is one. `is_unrecovered` says that the server never recovered from a step, which ended the search.
    """

    def __init__(self, plan: SearchPlan) -> None:
        self._plan = plan
        self._tries = 0
        self._confirmations = 0
        self._all_kept: list[int] = []
        self.load: int | None = plan.first
        self.missed: int | None = None
        self.confirmed = 0
        self.limited = False
        self.is_confirmation = False
        self.is_unrecovered = False

    def __repr__(self) -> str:
        return f"CapacitySearch(kept={self.kept}, missed={self.missed}, next={self.load}, confirmed={self.confirmed})"

    @property
    def kept(self) -> int:
        """The highest load that was kept and did not fail later."""
        return max(self._all_kept, default=0)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to try."""
        return self.load is None

    @property
    def is_repeat(self) -> bool:
        """Whether the next step repeats the one before."""
        return self._tries > 0

    def tell(self, outcome: Outcome) -> None:
        """Record how the step at `load` went. Raise ValueError when there was none."""
        if self.load is None:
            raise ValueError("the search is over")
        self._tries += 1
        is_final = outcome == "kept" or (self.is_confirmation and outcome == "missed")
        if not is_final and self._tries < TRIES:
            return
        self._tries = 0
        if self.is_confirmation:
            self._tell_confirmation(outcome, self.load)
        else:
            self._tell_step(outcome, self.load)

    def give_up(self) -> None:
        """End the search: the server does not recover, so no further step could be judged."""
        self.is_unrecovered, self.load = True, None

    def _tell_step(self, outcome: Outcome, load: int) -> None:
        following: int | None
        if outcome == "limited":
            self.limited, following = True, None
        elif outcome == "missed":
            self.missed = load
            following = self._between(self.kept, load)
        else:
            self._all_kept.append(load)
            following = self._above(load) if self.missed is None else self._between(load, self.missed)
        self.load = following if following is not None else self._first_confirmation()

    def _first_confirmation(self) -> int | None:
        if not self._plan.confirms or not self.kept:
            return None
        self.is_confirmation = True
        return self.kept

    def _tell_confirmation(self, outcome: Outcome, load: int) -> None:
        self._confirmations += 1
        if outcome == "limited":
            self.limited, self.load = True, None
        elif outcome == "missed":
            self.missed = load
            self._all_kept = [kept for kept in self._all_kept if kept < load]
            self.load = self._below(load) if self._confirmations < MAX_CONFIRMATIONS else None
        else:
            self._all_kept.append(load)
            self.confirmed, self.load = load, None

    def _below(self, load: int) -> int | None:
        """Return the load to confirm after one that was not confirmed; at least the highest kept load below it."""
        share = NEAR_SHARE if self._confirmations <= NEAR_CONFIRMATIONS else 1.0
        lower = min(load - 1, round(load / (1 + share * self._plan.precision)))
        return max(lower, self.kept) or None

    def _above(self, load: int) -> int | None:
        if load >= self._plan.most:
            return None
        return min(self._plan.most, max(load + 1, round(load * self._plan.factor)))

    def _between(self, kept: int, missed: int) -> int | None:
        """Return the middle of the gap, or None if it is narrow enough. Below the first kept step, the load is halved
        down to 1.
        """
        if missed - kept <= max(1.0, kept * self._plan.precision):
            return None
        # the geometric middle: loads compare by their ratio, and a gap that starts at 0 has none
        middle = round(math.sqrt(kept * missed)) if kept else missed // 2
        return min(max(middle, kept + 1), missed - 1)
