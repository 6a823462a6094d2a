"""The trends and counters that every message of one scenario and phase touches, bound in advance: no look-up by name.

The facts of a message are the hot path of a whole run, so they arrive here by a direct call. The event hooks
(events.py) are for other listeners, and are only fired if there are any.
"""

from collections.abc import Callable
from typing import NamedTuple

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.slow_messages import TimedMessage
from fleetlm_users.protocol.observer import SentMessage, UpperBound
from fleetlm_users.units import MS_PER_S, US_PER_S


class LocustColumns(NamedTuple):
    """The functions by which Locust's own table takes the times of a message, in milliseconds; None: not measured."""

    append: Callable[[float], None]
    reply: Callable[[float | None], None]
    first_chunk: Callable[[float | None], None] = lambda _time_ms: None


class Tally:
    """The trends and counters of one (scenario, phase) of a ledger, by what happens to a message.

    Fates of messages sent before the ledger began are not counted: the ledger has not counted their sending either. A
    negative duration is a defect, which the trend counts and the verdict reports.
    """

    __slots__ = (
        "_ack_service_us",
        "_ack_us",
        "_acknowledged",
        "_agent_replies",
        "_agent_us",
        "_append_us",
        "_appended",
        "_columns",
        "_due_replies",
        "_lateness_us",
        "_left_out",
        "_matched",
        "_received",
        "_roundtrip_us",
        "_sent",
        "_service_us",
        "_since_s",
        "_slow_agent",
        "_slow_append",
        "_unacknowledged",
    )

    def __init__(self, ledger: Ledger, scenario: str, phase: str, columns: LocustColumns) -> None:
        self._columns = columns
        self._since_s = ledger.since_s
        self._lateness_us = ledger.trend("generator_lateness_ms", scenario, phase).add
        self._append_us = ledger.trend("append_latency_ms", scenario, phase).add
        self._service_us = ledger.trend("append_service_ms", scenario, phase).add
        self._ack_us = ledger.trend("ack_latency_ms", scenario, phase).add
        self._ack_service_us = ledger.trend("ack_service_ms", scenario, phase).add
        self._acknowledged = ledger.counter("messages_acknowledged", scenario, phase)
        self._unacknowledged = ledger.counter("messages_unacknowledged", scenario, phase)
        self._agent_us = ledger.trend("agent_latency_ms", scenario, phase).add
        self._roundtrip_us = ledger.trend("message_roundtrip_ms", scenario, phase).add
        self._slow_append = ledger.slowest("append_latency_ms", scenario, phase)
        self._slow_agent = ledger.slowest("agent_latency_ms", scenario, phase)
        self._sent = ledger.counter("messages_sent", scenario, phase)
        self._received = ledger.counter("messages_received", scenario, phase)
        self._appended = ledger.counter("messages_appended", scenario, phase)
        self._agent_replies = ledger.counter("agent_replies", scenario, phase)
        self._due_replies = ledger.counter("agent_replies_due", scenario, phase)
        self._matched = ledger.counter("agent_replies_matched", scenario, phase)
        self._left_out = ledger.counter("agent_latencies_left_out", scenario, phase)

    def sent(self, message: TimedMessage) -> None:
        """Record a send: generator_lateness_ms is sent − due, the generator's own fault."""
        if message.sent_s < self._since_s:
            return
        self._lateness_us(round((message.sent_s - message.due_s) * US_PER_S))
        self._sent.n += 1

    def received(self, from_agent: bool) -> None:
        """Count a `message` broadcast; the agent's are counted separately as well."""
        self._received.n += 1
        if from_agent:
            self._agent_replies.n += 1

    def appended(self, message: TimedMessage, done_s: float, awaits_agent: bool, session_id: str = "") -> None:
        """Record append_latency_ms from due and append_service_ms from sent, and whether an agent's reply is due."""
        if message.sent_s < self._since_s:
            return
        latency_s = done_s - message.due_s
        self._append_us(round(latency_s * US_PER_S))
        self._service_us(round((done_s - message.sent_s) * US_PER_S))
        self._appended.n += 1
        if awaits_agent:
            self._due_replies.n += 1
        self._columns.append(latency_s * MS_PER_S)
        if latency_s > self._slow_append.floor_s:
            self._slow_append.add(latency_s, message, done_s, session_id)

    def acknowledged(self, message: TimedMessage, done_s: float) -> None:
        """Record ack_latency_ms from due and ack_service_ms from sent, for a protocol that replies to a send."""
        if message.sent_s >= self._since_s:
            self._ack_us(round((done_s - message.due_s) * US_PER_S))
            self._ack_service_us(round((done_s - message.sent_s) * US_PER_S))
            self._acknowledged.n += 1

    def unacknowledged(self, message: TimedMessage) -> None:
        """Count an appended message whose send got no ok reply."""
        if message.sent_s >= self._since_s:
            self._unacknowledged.n += 1

    def resolved(self, message: TimedMessage, awaits_agent: bool, *, is_answered: bool) -> None:
        """Count a message that was appended although its own broadcast never came: it has no latency."""
        if message.sent_s < self._since_s:
            return
        self._appended.n += 1
        if awaits_agent:
            self._due_replies.n += 1
            if is_answered:
                self._matched.n += 1

    def replied(self, message: TimedMessage, done_s: float, session_id: str = "") -> None:
        """Record agent_latency_ms from the sender's own broadcast and message_roundtrip_ms from sent.

        If only an upper bound of the broadcast's arrival is known, the time from there is unknown.
        """
        if message.sent_s < self._since_s:
            return
        self._roundtrip_us(round((done_s - message.sent_s) * US_PER_S))
        self._matched.n += 1
        appended_s = message.appended_s
        if type(appended_s) is UpperBound:
            self._left_out.n += 1
            self._columns.reply(None)
            return
        latency_s = done_s - appended_s
        self._agent_us(round(latency_s * US_PER_S))
        self._columns.reply(latency_s * MS_PER_S)
        if latency_s > self._slow_agent.floor_s:
            self._slow_agent.add(latency_s, message, done_s, session_id)


class StreamTally:
    """The counts of the streamed answers of one (scenario, phase); `stall_limit_s` is the longest gap that is not a
    stall.
    """

    __slots__ = (
        *("_chunks", "_first_service_us", "_first_us", "_gap_us", "_incomplete", "_length_us"),
        *("_shown_ms", "_stall_limit_s", "_stalls", "_streams"),
    )

    def __init__(self, ledger: Ledger, scenario: str, phase: str, columns: LocustColumns, stall_limit_s: float) -> None:
        self._shown_ms = columns.first_chunk
        self._first_us = ledger.trend("agent_first_chunk_ms", scenario, phase).add
        self._first_service_us = ledger.trend("agent_first_chunk_service_ms", scenario, phase).add
        self._gap_us = ledger.trend("agent_chunk_gap_ms", scenario, phase).add
        self._length_us = ledger.trend("agent_stream_ms", scenario, phase).add
        self._chunks = ledger.counter("agent_chunks", scenario, phase)
        self._streams = ledger.counter("agent_streams", scenario, phase)
        self._incomplete = ledger.counter("agent_streams_incomplete", scenario, phase)
        self._stalls = ledger.counter("agent_stream_stalls", scenario, phase)
        self._stall_limit_s = stall_limit_s

    def began(self, message: SentMessage | None, done_s: float) -> None:
        """Record the first piece of an answer to this message; None if nobody knows which message it answers.

        For a message with several answers, only the first one counts.
        """
        self._streams.n += 1
        self._chunks.n += 1
        if message is not None and not message.replies:
            latency_s = done_s - message.due_s
            self._first_us(round(latency_s * US_PER_S))
            self._shown_ms(latency_s * MS_PER_S)
            self._first_service_us(round((done_s - message.sent_s) * US_PER_S))

    def went_on(self, gap_s: float | None) -> None:
        """Record a further piece, and whether the answer had stalled before it; None is a gap of unknown length."""
        self._chunks.n += 1
        if gap_s is None:
            return
        self._gap_us(round(gap_s * US_PER_S))
        if gap_s > self._stall_limit_s:
            self._stalls.n += 1

    def ended(self, length_s: float | None, *, is_whole: bool) -> None:
        """Record the end of an answer's pieces: followed by the whole answer, or by nothing."""
        if is_whole and length_s is not None:
            self._length_us(round(length_s * US_PER_S))
        if not is_whole:
            self._incomplete.n += 1


class StreamTallies(dict[str, StreamTally]):
    """The counts of the agent's streamed answers of one scenario, by phase, each created on first use."""

    def __init__(self, ledger: Ledger, scenario: str, columns: LocustColumns, stall_limit_s: float) -> None:
        super().__init__()
        self._arguments = (ledger, scenario, columns, stall_limit_s)

    def __missing__(self, phase: str) -> StreamTally:
        ledger, scenario, columns, stall_limit_s = self._arguments
        tally = self[phase] = StreamTally(ledger, scenario, phase, columns, stall_limit_s)
        return tally


class Tallies(dict[str, Tally]):
    """The tallies of one scenario by phase, each created on first use; `streams` are those of streamed answers."""

    def __init__(self, ledger: Ledger, scenario: str, columns: LocustColumns, stall_limit_s: float) -> None:
        super().__init__()
        self._arguments = (ledger, scenario, columns)
        self._stall_limit_s = stall_limit_s
        self.streams = StreamTallies(*self._arguments, stall_limit_s)

    def renew(self, ledger: Ledger) -> None:
        """Count messages in a new ledger from now on."""
        self._arguments = (ledger, *self._arguments[1:])
        self.clear()
        self.streams = StreamTallies(*self._arguments, self._stall_limit_s)

    def __missing__(self, phase: str) -> Tally:
        ledger, scenario, columns = self._arguments
        tally = self[phase] = Tally(ledger, scenario, phase, columns)
        return tally
