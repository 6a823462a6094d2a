"""The run as a capacity search sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp
from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.workload.orders.step_order import StepOrder


class SearchedRun(Protocol):
    """The run as its search sees it: what the search may ask it, and what it may tell it."""

    def border(self) -> Border:
        """Return the merged numbers of all processes at this moment; wait until they have arrived."""

    def seconds(self, newest: int) -> Sequence[Mapping[str, Any]]:
        """Return the newest seconds of all processes together, as SnapshotStore.series does."""

    def keeping_up(self, begins_s: float, ends_s: float) -> KeepingUp:
        """Return how the backlogs developed between two seconds of the run."""

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""

    def order(self, order: StepOrder) -> None:
        """Make all processes follow the search's order."""

    def say(self, text: str) -> None:
        """Write a line for a person."""
