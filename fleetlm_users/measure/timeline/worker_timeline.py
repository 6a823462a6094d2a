"""The seconds of a run on one process: counts, connections, coarse latency distributions.

A second holds absolute values, so sending it again is harmless and heals what was lost. Seconds are kept until the
master has confirmed them: a process that runs for days keeps half a minute of them.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from fleetlm_users.measure.timeline.second import WIDTH, Second

ROWS_AT_ONCE: Final = 300
"""Seconds in one report; a worker that was not heard for longer sends the rest with its next reports."""

ROWS_TO_THANK_FOR: Final = 30
"""Seconds in a report before the master confirms them: one message each half minute costs next to nothing."""


class WorkerTimeline:
    """The seconds of one process from `since_s` of the run on, made by a tick about once a second.

    A second is kept until `forget` says that the master has it.
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self._seconds: dict[int, Second] = {}
        self._since_s = since_s
        self._seen: list[int] = [0] * WIDTH

    def tick(self, elapsed_s: float, totals: Sequence[int], connections: int, cpu_percent: float) -> Second:
        """Close the stretch since the last tick and return the second to which it belongs: the one it began in.

        Args:
            elapsed_s: Seconds since the start of the run.
            totals: The counters as they stand, in the order of COUNTER_COLUMNS.
            connections: The highest number of connections in the stretch.
            cpu_percent: The last reading of this process's CPU; 100 is one core.
        """
        number = int(self._since_s)
        second = self._seconds.get(number)
        if second is None:
            second = self._seconds[number] = Second.empty(number)
        second.add([now - seen for now, seen in zip(totals, self._seen, strict=True)], connections, cpu_percent)
        self._seen = list(totals)
        self._since_s = max(self._since_s, elapsed_s)
        return second

    def rows(self, at_most: int | None = None) -> list[Second]:
        """Return the seconds that were not forgotten, or the oldest of them."""
        return list(islice(self._seconds.values(), at_most))  # seconds only grow, so this is their order

    def forget(self, before: int) -> None:
        """Drop the seconds before that one, but never the youngest, which still grows."""
        while len(self._seconds) > 1 and (oldest := next(iter(self._seconds))) < before:
            del self._seconds[oldest]
