"""Whether the books of sessions that arrive at a rate agree: with each other, and with Little's law. Pure.

Little's law (1961): the mean number in a system is the arrival rate times the mean time in it, whatever the
distributions. Both sides are measured here in ways of their own: the number by looks at it ten times a second, rate and
times by the stamps of single visits. They may differ only by what the edges of the judged part cut off. A stay counts
where it ended; so for those who were there at an edge, the age that they had then stands against a whole mean stay.
In a steady system ages are drawn from the residual distribution of the stays S with mean W (renewal theory), with
E[age] = E[S²] / 2W and E[age²] = E[S³] / 3W, and their number is at most as variable as Poisson's. So over T seconds
the difference of both sides has a variance of 2 λ (E[S³]/3 − W E[S²] + W³) / T², from the two edges. Four deviations
are accepted: by chance one run in 16,000 is beyond them. When the number itself changed by Δ between the edges, as on a
ramp, |Δ| W / T is accepted as well, since those who were added may have any age up to a whole stay.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import coarse_bounds
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import MS_PER_S, US_PER_S

DEVIATIONS: Final = 4.0
FEWEST: Final = 30
"""Fewer ended visits tell too little of the distribution of the times."""

STAYS: Final = 2.0
"""The judged part must be this many mean stays long: else those who are there at its beginning still are at its end."""

LOOK_S: Final = 0.2
"""The longest time between two looks at the number (swarm/visits.py): so much of it an edge may put on its other side.
"""


@dataclass(frozen=True, slots=True)
class LittlesLaw:
    """Both sides of the law over the judged part.

    `rate_per_s` × `stay_s` = `expected`, the number of sessions by the law; `measured` is their mean number by looks.
    `accepted` is how far the two may be apart. `unchecked` says why they cannot be held against each other, if so.
    """

    rate_per_s: float
    stay_s: float
    measured: float
    accepted: float
    unchecked: str = ""

    @property
    def expected(self) -> float:
        """The mean number of sessions by the law."""
        return self.rate_per_s * self.stay_s

    @property
    def agrees(self) -> bool | None:
        """Whether the two sides agree; None where that cannot be told."""
        return None if self.unchecked else abs(self.expected - self.measured) <= self.accepted

    def __str__(self) -> str:
        if self.unchecked:
            return f"Little's law is not checked: {self.unchecked}"
        verb = "agree" if self.agrees else "do not agree"
        return (
            f"Little's law: {self.rate_per_s:.4g} sessions/s × {self.stay_s:.4g} s = {self.expected:.4g} in the "
            f"system, and {self.measured:.4g} were measured; they {verb} (accepted: ± {self.accepted:.2g})"
        )


def littles_law(totals: Totals, judged_s: float, unchecked: str = "") -> LittlesLaw:
    """Return both sides of the law for the main phase of a run, which was `judged_s` seconds long.

    `unchecked` says why the two cannot be held against each other, if that is known.
    """
    begun, ended = totals.count("visits_begun"), totals.count("visits_ended")
    presence_s = totals.count("visit_presence_ms") / MS_PER_S
    stays = totals.trend("visit_time_ms") or Trend()
    if judged_s <= 0 or not stays.count:
        return LittlesLaw(0.0, 0.0, 0.0, 0.0, "no session ended in the part of the run that is judged")
    mean_s, square, cube = _moments(stays)
    edges = 2 * begun / judged_s * max(0.0, cube / 3 - mean_s * square + mean_s**3)
    measured = presence_s / judged_s
    accepted_s = DEVIATIONS * math.sqrt(edges) + abs(begun - ended) * mean_s + 2 * LOOK_S * measured
    if unchecked:
        pass  # it is known
    elif stays.clamped:
        unchecked = f"{formatting.count(stays.clamped)} sessions were longer than an hour"
    elif stays.count < FEWEST:
        unchecked = f"only {formatting.count(stays.count)} sessions ended, and {FEWEST} are needed"
    elif judged_s < STAYS * mean_s:
        unchecked = f"a run of {judged_s:.3g} s is short for sessions of {mean_s:.3g} s"
    return LittlesLaw(begun / judged_s, mean_s, measured, accepted_s / judged_s, unchecked)


def visit_doubts(totals: Totals, limits: Limits, law: LittlesLaw) -> Iterator[str]:
    """Yield why the arrivals were not as planned, or why their books cannot be believed."""
    due, begun, dropped, ended, unfinished = (
        totals.count(f"visits_{what}", phase=ALL) for what in ("due", "begun", "dropped", "ended", "unfinished")
    )
    if not due:
        yield "no session was due to arrive: the run was too short for its rate"
    if totals.unexplained("visits_due", ("visits_begun", "visits_dropped")):
        yield f"the arrivals do not add up: {due:,} sessions due, {begun:,} begun and {dropped:,} dropped"
    if totals.unexplained("visits_begun", ("visits_ended", "visits_unfinished")):
        yield f"the visits do not add up: {begun:,} begun, {ended:,} ended and {unfinished:,} cut short at the end"
    judged, lost = totals.count("visits_due"), totals.count("visits_dropped")
    if lost > limits.dropped_visits_share * judged:
        by_reason = totals.labels("visits_dropped")
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in by_reason.items())
        advice = "; more --max-users are needed" if by_reason.get("no_user") else ""
        yield f"{lost:,} of {judged:,} sessions that were due could not begin ({reasons}): not the planned load{advice}"
    if law.agrees is False:
        yield f"{law}: the sessions pile up or thin out, or the books are wrong"


def _moments(stays: Trend) -> tuple[float, float, float]:
    """Return the mean of the stays in seconds, exactly, and the means of their squares and cubes, within 5 %."""
    square = cube = 0.0
    for index, times in stays.distribution().items():
        stay_s = sum(coarse_bounds(index)) / 2 / US_PER_S
        square += times * stay_s**2
        cube += times * stay_s**3
    return (stays.mean_us or 0.0) / US_PER_S, square / stays.count, cube / stays.count
