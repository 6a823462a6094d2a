"""The ordered and the present speed of a run's timetables."""

from collections.abc import Callable
from typing import Any, Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.orders.load_clock import MAX_CHANGES, SpeedChange

LEAD_S: Final = 0.5
"""The time between an order and its change: by then all workers know of it, and they change at the same moment."""


class SpeedControl:
    """The changes of one run. `elapsed_s` returns the seconds since the run began."""

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        self._elapsed_s = elapsed_s
        self._before_pause = 1.0
        self.changes: list[SpeedChange] = []

    def __repr__(self) -> str:
        return f"SpeedControl(speed={self.speed:g}, {len(self.changes)} changes)"

    @property
    def speed(self) -> float:
        """The speed that was ordered last."""
        return self.changes[-1].speed if self.changes else 1.0

    @property
    def speed_to_resume(self) -> float:
        """The speed before the pause."""
        return self._before_pause

    @property
    def edits(self) -> list[dict[str, Any]]:
        """The changes, in the form that reports show."""
        return [{"at_s": round(change.at_s, 1), "speed": change.speed} for change in self.changes]

    def set(self, speed: float) -> str:
        """Change the speed shortly; return the effect, in words. Raises UsageError."""
        if len(self.changes) >= MAX_CHANGES:
            accepted = f"no more than {MAX_CHANGES:,} changes in a run"
            raise UsageError("control", f"{speed:g}", accepted, "stop")
        if speed:
            self._before_pause = speed
        elapsed_s = self._elapsed_s()
        at_s = elapsed_s + LEAD_S
        happened = [change for change in self.changes if change.at_s <= elapsed_s]
        self.changes = [*happened, SpeedChange(at_s, speed)]
        moment = f"{at_s:.1f} s into the run"
        if not speed:
            return f"paused from {moment} on"
        return f"{speed:.4g} times the planned rate from {moment} on"
