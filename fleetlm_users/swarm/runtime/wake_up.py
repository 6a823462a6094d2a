"""How long this machine takes to wake a process, and so how early a timer should expire. Pure."""

from typing import Final

FIRST_GUESS_S: Final = 20e-6
LONGEST_S: Final = 60e-6
"""More than this is no wake-up: the process was busy, or had no core. It is also the longest that a process may look
at the clock until a moment comes."""

STEP_S: Final = 1e-6
SHARE: Final = 0.6
"""How many of the wake-ups are to be over when the moment comes. Fewer are late more often, more look at the clock for
longer: with 0.6 it is 3 µs per message, with 0.9 it was 25."""


class WakeUp:
    """An estimate of a quantile of wake-up times, by one small step per observation."""

    __slots__ = ("early_s",)

    def __init__(self) -> None:
        self.early_s = FIRST_GUESS_S

    def __repr__(self) -> str:
        return f"WakeUp({self.early_s * 1e6:.0f} µs)"

    def took(self, seconds: float) -> None:
        """Note one wake-up; values that cannot be one are ignored."""
        if 0.0 <= seconds <= LONGEST_S:
            step_s = STEP_S * SHARE if seconds > self.early_s else -STEP_S * (1 - SHARE)
            self.early_s = min(max(self.early_s + step_s, 0.0), LONGEST_S)
