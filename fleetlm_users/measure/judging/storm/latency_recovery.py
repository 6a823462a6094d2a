"""How long after a cut the server's append latency takes to recover. Pure.

The seconds before the cut are taken in windows of equal length, the shortest of WIDTHS_S for which half of the
windows hold FEW samples. The highest 95th percentile of these windows is the limit: after n windows of an unchanged
server, the next one exceeds it with a probability of 1/(n + 1), whatever the distribution. Latency is back at the first
of IN_A_ROW windows in succession that keep the limit. A window counts only if it has at least half as many samples as
those before the cut: while everybody is away, nothing is slow.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from fleetlm_users.measure.timeline.rows import percentiles_ms
from fleetlm_users.measure.timeline.second import Distribution
from fleetlm_users.measure.totals import Derived

WIDTHS_S: Final = (1, 2, 5, 10)
FEW: Final = 20
"""The number of samples that a 95th percentile needs."""

MIN_WINDOWS: Final = 5
IN_A_ROW: Final = 3


class LatencyRecovery(msgspec.Struct, frozen=True):
    """The latencies before and after a cut, compared.

    Attributes:
        window_s: The length of the windows; 0 if there was too little before the cut.
        limit_ms: The highest 95th percentile of a window before the cut; None if there was too little.
        recovered_s: Seconds from the cut to the first of the windows that kept the limit; None if there were none.
        watched_s: Seconds from the cut to the last window.
        samples: The number of appended messages behind this.
    """

    window_s: int = 0
    limit_ms: float | None = None
    recovered_s: float | None = None
    watched_s: float = 0.0
    samples: int = 0

    @property
    def words(self) -> str:
        """Return it in words."""
        if self.limit_ms is None:
            return f"too little before the cut to tell when latency recovered: it takes {MIN_WINDOWS} windows"
        rule = f"p95 of {IN_A_ROW} windows of {self.window_s} s in a row at most {self.limit_ms:.1f} ms, as before"
        if self.recovered_s is None:
            return f"append latency had not recovered {self.watched_s:.0f} s after the cut ({rule})"
        return f"append latency had recovered {_seconds(self.recovered_s)} after the cut ({rule})"

    @property
    def derived(self) -> Derived:
        """The figure for `latency_recovery_s`; if it did not recover in time, the run is in doubt."""
        is_doubtful = self.limit_ms is not None and self.recovered_s is None
        return Derived(self.recovered_s, self.samples, self.words, is_doubtful)


def latency_recovery(
    seconds: Mapping[int, Distribution], begins_s: float, first_cut_s: float, last_cut_s: float, ends_s: float
) -> LatencyRecovery:
    """Return when the latency had recovered.

    Args:
        seconds: Append latencies of each second of the run, as coarse distributions.
        begins_s: The first second before the cut that counts: the end of the warm-up.
        first_cut_s: The end of those seconds.
        last_cut_s: The start of the search for the recovery: the last of several cuts.
        ends_s: The end of the run.
    """
    begins, first_cut = -int(-begins_s // 1), int(first_cut_s)
    for width in WIDTHS_S:
        before = list(_windows(seconds, first_cut - (first_cut - begins) // width * width, first_cut, width))
        sizes = [sum(window.values()) for _, window in before]
        if len(before) < MIN_WINDOWS:
            break
        if median(sizes) >= FEW:
            return _after(seconds, width, before, last_cut_s, ends_s)
    return LatencyRecovery()


def _after(
    seconds: Mapping[int, Distribution],
    width: int,
    before: Sequence[tuple[int, Distribution]],
    cut_s: float,
    ends_s: float,
) -> LatencyRecovery:
    limit_ms = max(_p95_ms(window) for _, window in before if window)
    enough = median([sum(window.values()) for _, window in before]) / 2
    first, in_a_row, watched_s = 0.0, 0, 0.0
    samples = sum(sum(window.values()) for _, window in before)
    for begins, window in _windows(seconds, int(cut_s), int(ends_s), width):
        samples += sum(window.values())
        watched_s = begins + width - cut_s
        is_kept = sum(window.values()) >= enough and _p95_ms(window) <= limit_ms
        first, in_a_row = (begins if not in_a_row else first, in_a_row + 1) if is_kept else (0.0, 0)
        if in_a_row == IN_A_ROW:
            return LatencyRecovery(width, limit_ms, max(0.0, first - cut_s), watched_s, samples)
    return LatencyRecovery(width, limit_ms, None, watched_s, samples)


def _windows(
    seconds: Mapping[int, Distribution], first: int, end: int, width: int
) -> Iterator[tuple[int, Distribution]]:
    """Yield the whole windows between two seconds, each with its start."""
    for begins in range(first, end - width + 1, width):
        merged: Distribution = {}
        for second in range(begins, begins + width):
            for bucket, n in seconds.get(second, {}).items():
                merged[bucket] = merged.get(bucket, 0) + n
        yield begins, merged


def _p95_ms(window: Distribution) -> float:
    return percentiles_ms(window)[1] or 0.0


def _seconds(value_s: float) -> str:
    return "at once" if not value_s else f"{value_s:.1f} s"
