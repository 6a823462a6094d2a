"""The sessions that arrived at a rate, in a summary."""

from typing import TypedDict


class VisitCounts(TypedDict):
    """What became of the sessions that were due: due = begun + dropped, and begun = ended + unfinished in all."""

    due: int
    begun: int
    dropped: int
    ended: int
    unfinished: int


class LittleEntry(TypedDict):
    """Little's law: `rate_per_s` × `stay_s` = `expected` sessions, and `edges`, against those `measured`, ± `accepted`.

    `agrees` is None where it could not be checked; `words` say it all.
    """

    rate_per_s: float
    stay_s: float
    expected: float
    edges: float
    measured: float
    accepted: float
    agrees: bool | None
    words: str


class VisitsEntry(TypedDict):
    """The sessions that arrived at a rate: how they were planned, what became of them, and whether the counts agree."""

    rate: str
    arrivals: str
    max_users: int
    main: VisitCounts
    all: VisitCounts
    most_present: int
    little: LittleEntry
