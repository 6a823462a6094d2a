"""Parts of a summary that go beyond its figures: single messages, an earlier run, annotations in Grafana."""

from typing import Literal, NotRequired, TypedDict


class FindingEntry(TypedDict):
    """One faulty message; `seq` None and `client_ref` empty are unknown."""

    run_id: str
    kind: str
    scenario: str
    session_id: str
    seq: int | None
    client_ref: str
    detail: str


class FindingsEntry(TypedDict):
    """The first faulty messages, and the number of all."""

    total: int
    shown: list[FindingEntry]


class SlowMessageEntry(TypedDict):
    """One of the slowest messages, by `metric`: when it was due (ISO 8601, UTC), and how long each part took, in ms.

    For a push or an awaited event, `append_ms` lasts until its reply or arrival, `session_id` is the topic, and
    `client_ref` the event and the push's ref.

    `slow_part` took longest: generator (until it was sent), append (until its own broadcast), agent (until its answer),
    reply (to a push) or event (until it came). None marks what did not happen or is unknown. `trace_id` exists in a run
    with trace contexts.
    """

    run_id: str
    metric: str
    scenario: str
    phase: str
    session_id: str
    seq: int | None
    client_ref: str
    due_at: str
    sent_at: str
    done_at: str
    latency_ms: float
    slow_part: Literal["generator", "append", "agent", "reply", "event"]
    lateness_ms: float
    append_ms: float
    agent_ms: float | None
    trace_id: NotRequired[str]
    trace_sampled: NotRequired[bool]


class BaselineSentence(TypedDict):
    """One sentence on a difference, and the metric it concerns; empty if it concerns the whole run."""

    text: str
    metric: str


class BaselineEntry(TypedDict):
    """The result of a comparison with an earlier run: the answer and exit code of `fleetlm-bench compare`, and the most
    important differences; there are `more`. `run_id` is empty if no run could be compared.
    """

    run_id: str
    path: str
    answer: str
    exit_code: int
    sentences: list[BaselineSentence]
    more: int


class AnnotationsEntry(TypedDict):
    """How many annotations a Grafana accepted, how many it refused, and the first reason; `url` is its dashboard."""

    url: str
    posted: int
    failed: int
    problem: str
