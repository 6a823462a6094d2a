"""Check the counts of sessions that arrive at a rate, against each other and against Little's law. Pure.

Little's law (1961): the mean number in a system is the arrival rate times the mean time in it, whatever the
distributions. Over a part of a run it holds except at the edges: a stay counts where it ended, and the rate counts
where it began. Let A sessions begin in the part and D end in it, with the mean stay W, and let the sessions present at
an edge have the ages a. Then the total time of all sessions is

    presence = A W + (D - A) W + (sum of the ages at the end) - (sum of the ages at the beginning)

exactly, in a steady system or not. The three terms after A W are the edges. Each quantity is measured independently:
the presence by the number over time, stays and ages by the stamps of single visits, A and D by counting. The tolerance
is only what the measurement itself leaves open: presence is known at an edge to LOOK_S, and each time to a millisecond.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import MS_PER_S, US_PER_S

LOOK_S: Final = 0.1
"""The longest time between two summations (swarm/visits.py): an edge may misplace this much of the presence."""

NO_USER: Final = "no_user"
"""The cause when a session was dropped because no user was free."""

ROUNDED_S: Final = 0.001
SHARE: Final = 0.002
"""How far the sums of rounded times may differ: a millisecond per visit, and two parts in a thousand."""


class LittlesLaw(msgspec.Struct, frozen=True):
    """Both sides of the law over the judged part, as mean numbers of sessions.

    `rate_per_s` x `stay_s` = `expected` is the number by the law, `edges` the correction for sessions present at the
    beginning or the end, `measured` the number over time. `accepted` is how far the measured number may be from the
    other two. `unchecked` says why they cannot be compared, if so.
    """

    rate_per_s: float
    stay_s: float
    edges: float
    measured: float
    accepted: float
    unchecked: str = ""

    @property
    def expected(self) -> float:
        """The mean number of sessions by the law."""
        return self.rate_per_s * self.stay_s

    @property
    def agrees(self) -> bool | None:
        """Whether the two sides agree; None if that cannot be determined."""
        return None if self.unchecked else abs(self.expected + self.edges - self.measured) <= self.accepted

    def __str__(self) -> str:
        if self.unchecked:
            return f"Little's law is not checked: {self.unchecked}"
        verb = "they agree" if self.agrees else "they do not agree"
        sign = "less" if self.edges < 0 else "and"
        return (
            f"Little's law: {self.rate_per_s:.4g} sessions/s × {self.stay_s:.4g} s = {self.expected:.4g} in the system,"
            f" {sign} {abs(self.edges):.2g} for those at the edges of the measured part; {self.measured:.4g} were"
            f" measured: {verb} (within {self.accepted:.2g})"
        )


def littles_law(totals: Totals, judged_s: float, unchecked: str = "") -> LittlesLaw:
    """Return both sides of the law for the main phase of a run, which was `judged_s` seconds long.

    `unchecked` says why the two cannot be compared, if that is known.
    """
    begun, ended = totals.count("visits_begun"), totals.count("visits_ended")
    presence_s, open_s, carried_s = (
        totals.count(f"visit_{what}_ms") / MS_PER_S for what in ("presence", "unfinished", "carried")
    )
    stays = totals.trend("visit_time_ms") or Trend()
    if judged_s <= 0 or not stays.count:
        reason = "no session ended in the part of the run that is judged"
        return LittlesLaw(0.0, 0.0, 0.0, 0.0, 0.0, unchecked or reason)
    mean_s = (stays.mean_us or 0.0) / US_PER_S
    edges_s = (ended - begun) * mean_s + open_s - carried_s
    most = totals.gauge("visits_present").peak
    accepted_s = LOOK_S * most + ROUNDED_S * (begun + ended) + SHARE * presence_s
    if not unchecked and stays.clamped:
        unchecked = f"{formatting.count(stays.clamped)} sessions were longer than an hour"
    elif not unchecked and _is_some_end_unknown(totals):
        unchecked = "a worker was lost, with the end of its sessions"
    return LittlesLaw(
        begun / judged_s, mean_s, edges_s / judged_s, presence_s / judged_s, accepted_s / judged_s, unchecked
    )


def visit_doubts(totals: Totals, limits: Limits, law: LittlesLaw) -> Iterator[str]:
    """Yield why the arrivals were not as planned, or why their counts cannot be trusted."""
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
        advice = "; raise --max-users" if by_reason.get(NO_USER) else ""
        yield f"{lost:,} of {judged:,} sessions that were due could not begin ({reasons}): not the planned load{advice}"
    if law.agrees is False:
        yield f"{law}: the accounting of the sessions is wrong"


def _is_some_end_unknown(totals: Totals) -> bool:
    begun, ended, unfinished = (totals.count(f"visits_{what}", phase=ALL) for what in ("begun", "ended", "unfinished"))
    return begun != ended + unfinished
