"""The parts of a summary about the load: stages, busiest sessions, sessions that arrive at a rate, scenarios."""

from typing import NotRequired, TypedDict

from fleetlm_users.measure.report.summary.metric_types import AccountingFigures, TrendFigures


class PushStageEntry(TypedDict):
    """The pushes by users of other Phoenix applications in a stage, and their outcomes."""

    sent: int
    sent_per_s: float | None
    replied: int
    adds_up: bool
    push_latency_ms: TrendFigures
    event_latency_ms: TrendFigures


class StageEntry(TypedDict):
    """One stage of a run: from second `begins_s`, evenly from `users_before` users to `users` in `length_s`.

    If sessions arrive at a rate, it goes from `rate_before` to `rate`, and `users` bounds those in a session.
    `lasted_s` is how much of the stage was judged. A message belongs to the stage in which it was due.
    """

    name: str
    begins_s: float
    length_s: float
    users_before: int
    users: int
    lasted_s: float
    sent_per_s: float | None
    accounting: AccountingFigures
    append_latency_ms: TrendFigures
    agent_latency_ms: TrendFigures
    pushes: NotRequired[PushStageEntry]  # since 2026-11
    rate_before: NotRequired[float | None]
    rate: NotRequired[float | None]


class SkewEntry(TypedDict):
    """The busiest tenth of a scenario's sessions, or the rest, in a run with a skew.

    `share` is their planned part of all messages: the two shares add up to 1.
    """

    scenario: str
    part: str
    sessions: int
    share: float
    sent_per_s: float | None
    accounting: AccountingFigures
    append_latency_ms: TrendFigures
    agent_latency_ms: TrendFigures


class VisitCounts(TypedDict):
    """The fates of the sessions that were due: due = begun + dropped, and begun = ended + unfinished in all."""

    due: int
    begun: int
    dropped: int
    ended: int
    unfinished: int


class LittleEntry(TypedDict):
    """Little's law: `rate_per_s` × `stay_s` = `expected` sessions, plus `edges`, against `measured` ones, ± `accepted`.

    `agrees` is None if it could not be checked; `words` states it in full.
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
    """The sessions that arrived at a rate: their plan, their fates, and whether the counts agree."""

    rate: str
    arrivals: str
    max_users: int
    main: VisitCounts
    all: VisitCounts
    most_present: int
    little: LittleEntry


class StreamLine(TypedDict):
    """How a scenario's answers streamed, by step of the run; percentiles are None where nothing was measured.

    `broken_per_s` counts pauses beyond the limit and answers that ended without a message.

    If too many scenarios stream for a chart, the last line shows the rest together.
    """

    scenario: str
    first_chunk_p95_ms: list[float | None]
    chunk_gap_p95_ms: list[float | None]
    stream_p95_ms: NotRequired[list[float | None]]
    chunks_per_s: NotRequired[list[float | None]]
    broken_per_s: NotRequired[list[float | None]]


class StreamsEntry(TypedDict):
    """The scenarios whose agents stream, from second `begins_s`; each step shows the worst of its `step_s` seconds."""

    begins_s: int
    step_s: int
    scenarios: list[StreamLine]
