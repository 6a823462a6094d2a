"""The entries of a capacity search in summary.json."""

from typing import NotRequired, TypedDict


class StepEntry(TypedDict):
    """One step of a capacity search; `load` is in users.

    `waiting` messages were open at its end; at its own rate the server finishes them in `waiting_s`. Older files lack
    both.
    """

    load: int
    joined: int
    hold_s: float
    repeat: bool
    outcome: str
    misses: list[str]
    doubts: list[str]
    messages_per_s: float | None
    append_p95_ms: float | None
    agent_p95_ms: float | None
    join_p95_ms: float | None
    agent_reply_rate: float | None
    lateness_p99_ms: float | None
    confirmation: NotRequired[bool]
    is_behind: NotRequired[bool]
    waiting: NotRequired[int]
    waiting_s: NotRequired[float | None]


class CapacityEntry(TypedDict):
    """The result of a capacity search; loads in users, `result` in `unit`; one user accounts for `per_user` of it."""

    unit: str
    per_user: float
    kept: int
    missed: int | None
    result: float
    at_least: bool
    limited_by_generator: bool
    finished: bool
    words: str
    steps: list[StepEntry]
    confirmed: NotRequired[int]
    confirm_s: NotRequired[float]
    unrecovered: NotRequired[str]
