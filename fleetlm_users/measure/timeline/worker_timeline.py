"""The seconds of a run on one process: counts, connections, coarse latency distributions.

A second holds absolute values, so sending it again is harmless and replaces a lost report. Seconds are kept until the
master has confirmed them: a process that runs for days keeps half a minute of them.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from fleetlm_users.measure.timeline.second import WIDTH, Second, backlogs_of, sums

ROWS_AT_ONCE: Final = 300
"""The most seconds in one report; a worker that was not heard for longer sends the rest with its next reports."""

ROWS_TO_THANK_FOR: Final = 30
"""The number of seconds in a report at which the master confirms them: one message per half minute costs next to
nothing.
"""


_NOTHING: Final = [0] * WIDTH


class WorkerTimeline:
    """The seconds of one process from `since_s` of the run, made by a tick about once a second.

    A second is kept until `forget` says that the master has it.
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self._seconds: dict[int, Second] = {}
        self._since_s = since_s
        self._seen: dict[str, Sequence[int]] = {}

    def tick(
        self, elapsed_s: float, totals: Mapping[str, Sequence[int]], connections: int, cpu_percent: float
    ) -> Second:
        """Close the stretch since the last tick and return the second it belongs to: the one in which it began.

        Args:
            elapsed_s: Seconds since the start of the run.
            totals: The current counters of each scenario, in the order of COUNTER_COLUMNS.
            connections: The highest number of connections in the stretch.
            cpu_percent: The last reading of this process's CPU; 100 is one core.
        """
        number = int(self._since_s)
        second = self._seconds.get(number)
        if second is None:
            second = self._seconds[number] = Second.empty(number)
        second.see(connections, cpu_percent)
        for scenario, counts in totals.items():
            self._count(second, scenario, counts)
        self._since_s = max(self._since_s, elapsed_s)
        return second

    def _count(self, second: Second, scenario: str, totals: Sequence[int]) -> None:
        """Add a scenario's counts since the last tick; an idle one without backlogs takes no space."""
        seen = self._seen.get(scenario, _NOTHING)
        backlogs = backlogs_of(totals)
        if totals != seen or any(backlogs) or scenario in second.parts:
            part = second.part(scenario)
            part.counts = sums(part.counts, (now - before for now, before in zip(totals, seen, strict=True)))
            part.backlogs = backlogs
            self._seen[scenario] = totals

    def rows(self, at_most: int | None = None) -> list[Second]:
        """Return the seconds not yet forgotten, or the oldest of them."""
        return list(islice(self._seconds.values(), at_most))  # seconds only grow, so this is their order

    def forget(self, before: int) -> None:
        """Drop the seconds before that one, but never the youngest, which still grows."""
        while len(self._seconds) > 1 and (oldest := next(iter(self._seconds))) < before:
            del self._seconds[oldest]
