"""The slowest messages of a run by name: a bounded list per metric, scenario and phase, merged over workers.

A percentile says that something was slow; a name says where to look in the server's log.
"""

import heapq
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.metrics.metric import PHASES

MAX_SLOW: Final = 10
"""The most messages per metric, scenario and phase. Enough to see a pattern (one session, one moment), and 2 kB of a
report.
"""

SlowMetric = Literal["append_latency_ms", "agent_latency_ms", "push_latency_ms", "event_latency_ms"]
SLOW_METRICS: Final[tuple[SlowMetric, ...]] = (
    *("append_latency_ms", "agent_latency_ms"),
    *("push_latency_ms", "event_latency_ms"),
)

SlowPart = Literal["generator", "append", "agent", "reply", "event"]
_SERVERS_PART: Final[dict[SlowMetric, SlowPart]] = {
    "append_latency_ms": "append",
    "push_latency_ms": "reply",
    "event_latency_ms": "event",
}

LATEST_S: Final = 253_402_300_799.0
"""The end of the year 9999 (UTC): the last moment that a date can show."""

MAX_SEQ: Final = 2**53
"""The largest message number: JSON readers keep none beyond it (RFC 8259 §6)."""

_Text = Annotated[str, Meta(max_length=10_000)]
_Moment = Annotated[float, Meta(ge=0, le=LATEST_S)]
_Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class SlowMessage(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """One slow message: when it was due (UTC, seconds since 1970), and how long each part took, in seconds.

    `lateness_s` is the generator's own part (sent - due), `append_s` lasts from there to the sender's own broadcast,
    `agent_s` from the broadcast to the agent's answer; None marks what did not happen or is unknown. For a push,
    `append_s` lasts to its reply; for an event, from the moment it was expected to its arrival; `session_id` is then
    the topic, and `client_ref` the event and the push's ref.
    """

    metric: SlowMetric
    scenario: Annotated[str, Meta(max_length=200)]
    phase: Annotated[str, Meta(pattern=f"^({'|'.join(PHASES)})$")]
    session_id: _Text
    client_ref: _Text
    seq: Annotated[int, Meta(ge=0, le=MAX_SEQ)] | None
    due_at_s: _Moment
    lateness_s: _Seconds
    append_s: _Seconds
    agent_s: _Seconds | None

    @property
    def latency_s(self) -> float:
        """The latency it is listed for: from due to the broadcast, or from the broadcast to the answer."""
        if self.metric == "agent_latency_ms":
            return self.agent_s or 0.0
        return self.lateness_s + self.append_s

    @property
    def slow_part(self) -> SlowPart:
        """The part that took longest of that latency."""
        if self.metric == "agent_latency_ms":
            return "agent"
        return "generator" if self.lateness_s > self.append_s else _SERVERS_PART[self.metric]

    @property
    def printable(self) -> "SlowMessage":
        """The same message with its texts bounded and printable: ids come from the server."""
        return msgspec.structs.replace(
            self, session_id=printable(self.session_id), client_ref=printable(self.client_ref)
        )


class TimedMessage(Protocol):
    """A message with its monotonic stamps; `appended_s` and `replied_s` are 0 until then."""

    client_ref: str
    seq: int | None
    due_s: float
    sent_s: float
    appended_s: float
    replied_s: float


class Slowest:
    """The slowest messages of one metric, scenario and phase.

    A hot path compares with `floor_s` and only calls `add` for slower messages: in random order, about MAX_SLOW × ln(n
    / MAX_SLOW) of n are, 92 of 100,000.
    """

    __slots__ = ("_heap", "_n", "floor_s")

    def __init__(self) -> None:
        self.floor_s = -1.0
        self._n = 0
        self._heap: list[tuple[float, int, float, str, TimedMessage]] = []

    def __repr__(self) -> str:
        return f"Slowest({len(self._heap)}, from {self.floor_s:.6f} s)"

    def add(self, latency_s: float, message: TimedMessage, done_s: float, session_id: str) -> None:
        """Keep a message that took longer than `floor_s`; `done_s` is when the timed part ended."""
        self._n += 1
        entry = (latency_s, self._n, done_s, session_id, message)  # the number decides among equals
        if len(self._heap) < MAX_SLOW:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)
        if len(self._heap) == MAX_SLOW:
            self.floor_s = self._heap[0][0]

    def named(self, metric: SlowMetric, scenario: str, phase: str, utc_offset_s: float) -> list[SlowMessage]:
        """Return the messages; `utc_offset_s` turns a stamp into the time since 1970 in UTC."""
        return [
            _named(message, done_s, session_id, (metric, scenario, phase), utc_offset_s)
            for _, _, done_s, session_id, message in self._heap
        ]


def _named(
    message: TimedMessage, done_s: float, session_id: str, where: tuple[SlowMetric, str, str], utc_offset_s: float
) -> SlowMessage:
    appended_s = message.appended_s if where[0] == "agent_latency_ms" else done_s
    replied_s = done_s if where[0] == "agent_latency_ms" else message.replied_s
    return SlowMessage(
        *where,
        session_id,
        message.client_ref,
        message.seq if message.seq is not None and 0 <= message.seq <= MAX_SEQ else None,
        min(max(0.0, message.due_s + utc_offset_s), LATEST_S),
        max(0.0, message.sent_s - message.due_s),
        max(0.0, float(appended_s - message.sent_s)),
        float(replied_s - appended_s) if replied_s > appended_s else None,
    )


def merged_slowest(parts: Iterable[Iterable[SlowMessage]]) -> list[SlowMessage]:
    """Return the slowest of all workers by metric, scenario and phase, the slowest of each first."""
    by_place: dict[tuple[str, str, str], list[SlowMessage]] = {}
    for part in parts:
        for message in part:
            by_place.setdefault((message.metric, message.scenario, message.phase), []).append(message)
    return [
        message.printable
        for _, messages in sorted(by_place.items(), reverse=True)  # main before warm-up; reports sort by metric
        for message in sorted(messages, key=lambda message: -message.latency_s)[:MAX_SLOW]
    ]
