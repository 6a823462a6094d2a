"""The speed of all users' timetables: planned, faster, slower or paused; and the orders that change it. Pure.

A timetable has seconds of its own. At speed 1 they pass as the run's do, at speed 2 twice as fast, at speed 0 not at
all. Whatever is due at a second of the timetable is due when the timetable reaches that second.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.stages.begun import StageChange

MAX_SPEED: Final = 100.0
MIN_SPEED: Final = 0.001
"""The slowest speed above 0: a message a minute becomes one in 17 hours."""

MAX_CHANGES: Final = 10_000

RATE_FORM: Final = "a share of the planned rate, 0.1% to 10000%"
RATE_EXAMPLE: Final = "150%"


class SpeedChange(NamedTuple):
    """From `at_s`, in seconds of the run, all timetables run at `speed`; 0 stops them."""

    at_s: float
    speed: float


class LoadOrder(NamedTuple):
    """Everything a coordinator has ordered in a run so far: each order repeats all earlier ones, so none can be missed.

    It says how fast timetables run and which stage of a load shape applies, each from which moment of the run.
    """

    speeds: tuple[SpeedChange, ...] = ()
    stages: tuple[StageChange, ...] = ()


NO_ORDER: Final = LoadOrder()


class LoadClock:
    """The timetables' second at each second of the run, for changes in order of time."""

    __slots__ = ("_begins_s", "_changes", "_planned_s")

    def __init__(self, changes: Sequence[SpeedChange] = ()) -> None:
        self._changes = (SpeedChange(-math.inf, 1.0), *changes)
        self._begins_s = [change.at_s for change in self._changes]
        self._planned_s = [-math.inf]
        for before, change in zip(self._changes, changes, strict=False):
            is_first = len(self._planned_s) == 1
            passed_s = 0.0 if is_first else (change.at_s - before.at_s) * before.speed
            self._planned_s.append(change.at_s if is_first else self._planned_s[-1] + passed_s)

    def __repr__(self) -> str:
        return f"LoadClock({list(self._changes[1:])})"

    @property
    def changes(self) -> tuple[SpeedChange, ...]:
        """The changes, in order."""
        return self._changes[1:]

    def speed_at(self, run_s: float) -> float:
        """Return the speed of the timetables at that second of the run."""
        return self._changes[bisect_right(self._begins_s, run_s) - 1].speed

    def planned_s(self, run_s: float) -> float:
        """Return the second of the timetables at that second of the run."""
        n = bisect_right(self._begins_s, run_s) - 1
        return run_s if n == 0 else self._planned_s[n] + (run_s - self._begins_s[n]) * self._changes[n].speed

    def moment_s(self, planned_s: float) -> float:
        """Return the second of the run at which the timetables reach that second; infinity if they do not.

        Anything due at the very moment of a pause comes after it.
        """
        n = bisect_right(self._planned_s, planned_s) - 1
        if n == 0:
            return planned_s
        speed = self._changes[n].speed
        return self._begins_s[n] + (planned_s - self._planned_s[n]) / speed if speed else math.inf

    def due_s(self, moment_s: float, since_s: float) -> float:
        """Return when something is due that was planned at `since_s` for `moment_s`, assuming speed 1 from then on."""
        return self.moment_s(self.planned_s(since_s) + (moment_s - since_s))

    def resumed_s(self, run_s: float) -> float:
        """Return since when the timetables have run without a pause; or when they will run again, or infinity."""
        n = bisect_right(self._begins_s, run_s) - 1
        if not self._changes[n].speed:
            later = self._changes[n + 1 :]
            return next((change.at_s for change in later if change.speed), math.inf)
        while n > 0 and self._changes[n - 1].speed:
            n -= 1
        return self._begins_s[n]


def parse_speed(text: str, planned_per_s: float | None, of_what: str = "messages") -> float:
    """Return the speed that a rate asks for.

    Args:
        text: A share of the planned rate (`150%`), or a number per second (`800`) in a run that plans a rate.
        planned_per_s: The run's planned rate; None if it has none.
        of_what: What arrives at that rate.

    Raises:
        UsageError: The text is neither, or out of bounds.
    """
    stripped = text.strip()
    try:
        number = float(stripped.removesuffix("%"))
    except ValueError:
        raise UsageError("rate", text, _form(planned_per_s, of_what), RATE_EXAMPLE) from None
    if not stripped.endswith("%") and planned_per_s is None:
        accepted = f"{RATE_FORM}; this run plans no constant rate in {of_what} per second"
        raise UsageError("rate", text, accepted, RATE_EXAMPLE)
    speed = number / 100 if planned_per_s is None or stripped.endswith("%") else number / planned_per_s
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError("rate", text, f"{_form(planned_per_s, of_what)}; pause stops the load", RATE_EXAMPLE)
    return speed


def _form(planned_per_s: float | None, of_what: str) -> str:
    if planned_per_s is None:
        return RATE_FORM
    low, high = MIN_SPEED * planned_per_s, MAX_SPEED * planned_per_s
    return f"{RATE_FORM}, or {low:g} to {high:g} {of_what} per second"
