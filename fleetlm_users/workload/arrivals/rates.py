"""The planned arrival rate over time, and the moment at which the n-th arrival is due. Pure.

Between two rates the rate changes evenly, so the number of arrivals expected by a moment is a piecewise quadratic
function, which is inverted exactly: nothing is summed step by step, and every process computes the same moments.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from fleetlm_users.workload.stages.timetable import PHASE_PREFIX


class RateStage(msgspec.Struct, frozen=True):
    """A stretch of `length_s` whole seconds in which the rate changes evenly to `rate_per_s`; one of 0 s is a jump."""

    name: str
    length_s: int
    rate_per_s: float

    @property
    def phase(self) -> str:
        """The phase of arrivals due in this stage."""
        return PHASE_PREFIX + self.name


class _Piece(NamedTuple):
    begins_s: float
    expected: float  # arrivals before it
    length_s: float
    rate: float
    end_rate: float
    phase: str


class RateProfile:
    """A rate over time, in arrivals a second: stages one after another from 0, or one rate without end.

    `total_s` is the length of all stages, infinity without any; `peak` the highest rate.
    """

    def __init__(self, stages: Sequence[RateStage]) -> None:
        self.stages = tuple(stages)
        self.peak = max(stage.rate_per_s for stage in stages)
        self._pieces: list[_Piece] = []
        begins_s, expected, before = 0.0, 0.0, 0.0
        for stage in stages:
            if stage.length_s:
                piece = _Piece(begins_s, expected, stage.length_s, before, stage.rate_per_s, stage.phase)
                self._pieces.append(piece)
                begins_s += stage.length_s
                expected += (before + stage.rate_per_s) * stage.length_s / 2
            before = stage.rate_per_s
        self.total_s = begins_s
        self._end()

    @classmethod
    def constant(cls, rate_per_s: float) -> "RateProfile":
        """Return the profile of one rate that never changes."""
        profile = cls.__new__(cls)
        profile.stages, profile.peak, profile.total_s = (), rate_per_s, math.inf
        profile._pieces = [_Piece(0.0, 0.0, math.inf, rate_per_s, rate_per_s, "main")]
        profile._end()
        return profile

    def _end(self) -> None:
        self._begins = [piece.begins_s for piece in self._pieces]
        self._ends = [self.expected_by(piece.begins_s + piece.length_s) for piece in self._pieces]

    def __repr__(self) -> str:
        return f"RateProfile({len(self.stages)} stages, at most {self.peak:g}/s)"

    def expected_by(self, elapsed_s: float) -> float:
        """Return the number of arrivals expected up to that moment."""
        piece = self._pieces[max(0, bisect_right(self._begins, elapsed_s) - 1)]
        into_s = min(max(0.0, elapsed_s - piece.begins_s), piece.length_s)
        if piece.rate == piece.end_rate:  # also for a profile without end, where the slope would be 0 / 0
            return piece.expected + piece.rate * into_s
        slope = (piece.end_rate - piece.rate) / piece.length_s
        return piece.expected + piece.rate * into_s + slope * into_s * into_s / 2

    def when(self, expected: float) -> float:
        """Return the moment by which that many arrivals, above 0, are expected; infinity if they never are."""
        place = bisect_left(self._ends, expected)
        if place == len(self._pieces):
            return math.inf
        piece = self._pieces[place]
        more = max(0.0, expected - piece.expected)
        slope = 0.0 if piece.rate == piece.end_rate else (piece.end_rate - piece.rate) / piece.length_s
        # the root that loses no digits if the slope is small (Numerical Recipes, 5.6)
        divisor = piece.rate + math.sqrt(max(0.0, piece.rate * piece.rate + 2 * slope * more))
        return piece.begins_s + (min(2 * more / divisor, piece.length_s) if divisor else 0.0)

    def phase_at(self, elapsed_s: float) -> str:
        """Return the phase of arrivals due at that moment; before the start and after the end, that of the nearest
        stage.
        """
        return self._pieces[max(0, bisect_right(self._begins, elapsed_s) - 1)].phase

    def spans(self) -> Iterator[tuple[int, float, RateStage]]:
        """Yield, for each stage that lasts, the second in which it begins, the rate before it, and the stage."""
        lasting = [stage for stage in self.stages if stage.length_s]
        for piece, stage in zip(self._pieces, lasting, strict=False):
            yield int(piece.begins_s), piece.rate, stage
