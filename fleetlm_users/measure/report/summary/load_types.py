"""The parts of a summary about the load: stages, busiest sessions, sessions that arrive at a rate, scenarios."""

from typing import NotRequired, TypedDict

from fleetlm_users.measure.report.summary.metric_types import AccountingFigures, TrendFigures


class PushStageEntry(TypedDict):
    """What users of other Phoenix applications pushed in a stage, and what came of it."""

    sent: int
    sent_per_s: float | None
    replied: int
    adds_up: bool
    push_latency_ms: TrendFigures
    event_latency_ms: TrendFigures


class StageEntry(TypedDict):
    """One stage of a run: from second `begins_s` on, from `users_before` users evenly to `users` in `length_s`.

    Where sessions arrive at a rate, that goes from `rate_before` to `rate`, and `users` bound those who are in one.
    `lasted_s` is how much of it was judged. A message belongs to the stage in which it was due.
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

    `share` is the part of all messages that they were to be sent: of both together it is 1.
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


class StreamLine(TypedDict):
    """How a scenario's answers streamed, by step of the run; percentiles are None where nothing was measured.

    `broken_per_s` counts pauses beyond the limit and answers that ended without a message.

    If too many scenarios stream for a chart, the last line shows the rest of them together.
    """

    scenario: str
    first_chunk_p95_ms: list[float | None]
    chunk_gap_p95_ms: list[float | None]
    stream_p95_ms: NotRequired[list[float | None]]
    chunks_per_s: NotRequired[list[float | None]]
    broken_per_s: NotRequired[list[float | None]]


class StreamsEntry(TypedDict):
    """The scenarios whose agents stream, from second `begins_s` on; a step shows the worst of its `step_s` seconds."""

    begins_s: int
    step_s: int
    scenarios: list[StreamLine]
