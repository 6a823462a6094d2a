"""The clock of one run on its coordinator: how long it has lasted, how long it was judged, whether it ended early."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

ENDED_EARLY_S = 1.0
"""A run that ended more than this before its planned end was interrupted; Locust's timers are no finer than that."""


class RunClock:
    """A clock that starts when it is created. `duration_s` is the planned length, None for a run until stopped."""

    def __init__(
        self, duration_s: float | None, warm_up_s: float, now_s: Callable[[], float] = time.perf_counter
    ) -> None:
        self._duration_s = duration_s
        self._warm_up_s = warm_up_s
        self._now_s = now_s
        self._began_s = now_s()
        self._stopped_s: float | None = None
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.resets: list[float] = []

    def __repr__(self) -> str:
        return f"RunClock({self.elapsed_s():.1f} s{', stopped' if self.is_stopped else ''})"

    @property
    def is_stopped(self) -> bool:
        """Whether the end of the run has begun."""
        return self._stopped_s is not None

    def stop(self) -> None:
        """Stop the clock: the end of the run begins, and the settling after it is not part of the run's time."""
        if self._stopped_s is None:
            self._stopped_s = self._now_s()

    def reset(self) -> None:
        """Note that a person reset the statistics at this moment."""
        self.resets.append(round(self.elapsed_s(), 1))

    def elapsed_s(self) -> float:
        """Return the seconds from the start of the run to now, or to the moment when it was stopped."""
        return (self._now_s() if self._stopped_s is None else self._stopped_s) - self._began_s

    def judged_s(self) -> float:
        """Return the seconds of the judged part: since the warm-up, or since the statistics were reset."""
        return max(0.0, self.elapsed_s() - max([self._warm_up_s, *self.resets]))

    def ended_early(self, *, is_finite: bool) -> bool:
        """Return whether the run was interrupted, by whatever means.

        The drain does not count: one that is cut short after the planned end only leaves messages in flight.
        A run without a planned end is interrupted if its users had a last piece of work (`is_finite`), or if it ended
        within the warm-up, before anything could be judged. Otherwise stopping it is its normal end.
        """
        if self._duration_s is None:
            return is_finite or self.judged_s() <= 0
        return self.elapsed_s() < self._duration_s - ENDED_EARLY_S
