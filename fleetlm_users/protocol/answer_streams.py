"""Assign the streamed pieces of an agent's answers to their answers. Pure.

The late protocol pushes each line of an agent's answer at once as a `stream_chunk`, and the whole answer as a `message`
after the line `finish` or `abort`. A session's answers come one after the other (late wire record: "One call per user
message, one after the other per session"), so a piece belongs to the previous answer unless something shows that a new
one begins.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fleetlm_users.protocol.observer import SentMessage, StreamObserver, UpperBound

ENDS: Final = frozenset(("finish", "abort"))
STEPS: Final = frozenset(("start-step", "finish-step"))
"""Chunk types that separate the steps of one answer; each step may reuse the part names of the step before."""

WITHIN: Final = frozenset(("text-delta", "text-end", "reasoning-delta", "reasoning-end", "tool-input-delta"))
"""Chunk types that can only continue the current answer, as nearly all do."""

MAX_PARTS: Final = 1_000
"""How many parts of one answer are remembered in order to recognise the start of the next answer."""


class _Stream:
    """The pieces received so far of one answer; times in seconds."""

    __slots__ = ("chunks", "first_s", "last_s", "message", "parts")

    def __init__(self, message: SentMessage | None, done_s: float) -> None:
        self.message = message
        self.first_s = self.last_s = done_s
        self.chunks = 1
        self.parts: set[str] = set()


class AnswerStreams:
    """The streaming answers of one session; `observer` is called for each fact about them.

    `on_missed` is called when the first piece of the next answer shows that an answer will never come. Its arguments
    are the message that was to be answered, and whether all pieces of the answer had arrived, so that only its
    `message` is missing.
    """

    __slots__ = ("_current", "_finished", "_observer", "_on_missed")

    def __init__(self, observer: StreamObserver, on_missed: Callable[[SentMessage | None, bool], None]) -> None:
        self._observer = observer
        self._on_missed = on_missed
        self._current: _Stream | None = None
        self._finished: _Stream | None = None

    def __repr__(self) -> str:
        return f"AnswerStreams({(self._current and self._current.chunks) or 0} pieces)"

    def chunk(self, payload: Any, awaiting: Sequence[SentMessage], done_s: float) -> None:
        """Take one `stream_chunk` push.

        Args:
            payload: Its payload, `{"agent_id": ..., "chunk": {"type": ...}}`.
            awaiting: The messages that await an answer, the oldest first.
            done_s: When it arrived, in monotonic seconds.
        """
        try:
            kind = payload["chunk"]["type"]
        except (TypeError, LookupError):
            kind = None
        if type(kind) is not str:
            self._observer.anomaly("malformed_chunk")
            return
        stream = self._current
        if stream is not None and kind in WITHIN:
            self._go_on(stream, done_s)
            return
        part = payload["chunk"].get("id") if kind.endswith("-start") else None
        if stream is not None and (kind == "start" or (part is not None and self._has(part))):
            self._miss(stream, is_finished=False)
            stream = None
        if stream is None:
            if self._finished is not None:  # one process of the server pushes both, in that order
                finished, self._finished = self._finished, None
                self._miss(finished, is_finished=True)
            message = awaiting[0] if awaiting else None
            stream = self._current = _Stream(message, done_s)
            self._observer.stream_began(message, done_s)
        else:
            self._go_on(stream, done_s)
        if isinstance(part, str) and len(stream.parts) < MAX_PARTS:
            stream.parts.add(part)
        if kind in ENDS:
            self._current, self._finished = None, stream
        elif kind in STEPS:
            stream.parts.clear()

    def message(self) -> None:
        """Note the agent's `message`, which completes the current answer."""
        stream, self._finished = self._finished, None
        if stream is not None:
            self._end(stream, is_whole=True)

    def close(self, *, is_left: bool = False) -> None:
        """End any answer that has begun: the conversation is over.

        If the conversation `is_left` by a user who does not wait for the agent, that says nothing about the answer.
        """
        for stream in (self._finished, self._current):
            if stream is not None and not is_left:
                self._end(stream, is_whole=False)
        self._finished = self._current = None

    def _go_on(self, stream: _Stream, done_s: float) -> None:
        gap_s = None if type(stream.last_s) is UpperBound else done_s - stream.last_s
        self._observer.stream_went_on(stream.message, gap_s)
        stream.last_s = done_s
        stream.chunks += 1

    def _has(self, part: Any) -> bool:
        """Return whether this part has started before, which means that the next answer has begun."""
        return isinstance(part, str) and self._current is not None and part in self._current.parts

    def _miss(self, stream: _Stream, *, is_finished: bool) -> None:
        """End an answer that will never come."""
        self._end(stream, is_whole=False)
        self._on_missed(stream.message, is_finished)

    def _end(self, stream: _Stream, *, is_whole: bool) -> None:
        length_s = None if type(stream.first_s) is UpperBound else stream.last_s - stream.first_s
        self._observer.stream_ended(stream.message, stream.chunks, length_s, is_whole=is_whole)
