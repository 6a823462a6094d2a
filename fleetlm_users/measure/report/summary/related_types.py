"""The parts of a summary that lead on from its figures: single messages, an earlier run, annotations in a Grafana."""

from typing import Literal, NotRequired, TypedDict


class FindingEntry(TypedDict):
    """One message with something wrong; `seq` None and `client_ref` empty are unknown."""

    run_id: str
    kind: str
    scenario: str
    session_id: str
    seq: int | None
    client_ref: str
    detail: str


class FindingsEntry(TypedDict):
    """The first wrong messages, and how many there were."""

    total: int
    shown: list[FindingEntry]


class SlowMessageEntry(TypedDict):
    """One of the slowest messages, by `metric`: when it was due (ISO 8601, UTC), and how long each part took, in ms.

    Of a push or an awaited event, `append_ms` lasts to its reply or arrival, `session_id` is the topic, and
    `client_ref` the event and the push's ref.

    `slow_part` took longest: generator (until it was sent), append (until its own broadcast), agent (until its
    answer), reply (to a push) or event (until it came). None is what did not happen or is not known. `trace_id`
    is there in a run with trace contexts.
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
    """One sentence on what differs, and the metric that it is about; empty where it is about the whole run."""

    text: str
    metric: str


class BaselineEntry(TypedDict):
    """What a run's comparison with an earlier one came to: the answer and exit code of `fleetlm-bench compare`, and the
    weightiest differences; `more` there are. `run_id` is empty where no run could be compared.
    """

    run_id: str
    path: str
    answer: str
    exit_code: int
    sentences: list[BaselineSentence]
    more: int


class AnnotationsEntry(TypedDict):
    """How many annotations a Grafana took, how many it did not, and the first reason; `url` says its dashboard."""

    url: str
    posted: int
    failed: int
    problem: str
