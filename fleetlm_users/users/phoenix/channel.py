"""A joined topic of a PhoenixUser: pushes and their replies, events, presence, rejoining."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from fleetlm_users.client import PhoenixSocket, copy_of
from fleetlm_users.errors import ClientError, Disconnected, PushRefused, ReplyTimeout, RunEnded, UsageError
from fleetlm_users.protocol.presence import DIFF, STATE, Presence
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.phoenix.recording import Recording
from fleetlm_users.users.phoenix.waits import NOT_AWAITED, OPEN, Due, Event, Expectation, Push

LEAVE_TIMEOUT_S = 5.0
"""Seconds to wait for the answer to a leave; Phoenix answers at once, and a slower server is not worth waiting for."""

Handler = Callable[[Any, float], None]


class Waiting(Protocol):
    """The user, as its channels see it."""

    @property
    def ending(self) -> bool:
        """Whether nothing new may begin."""

    def wake(self) -> None:
        """Make the user check again what it is waiting for."""

    def failed(self, what: str, error: Exception) -> None:
        """Report an exception of the user's own code that cannot be raised in the user's journey."""

    def wait_while(self, is_open: Callable[[], bool], until_s: float) -> bool:
        """Wait until something is no longer open; return False if the moment or the run's end came first."""

    def wait_while_paused(self, is_over: Callable[[], bool]) -> float:
        """Wait while the run is paused, or until something is over; return since when it has not been paused."""


class Channel:
    """A topic on a socket. `join` is called by the connection, and by `rejoin`.

    `presence` is the state of Phoenix.Presence; `down` says why the topic ended, None while it is joined; `ready_s` is
    when the next push is due by default: after the last join, awaited reply or event, or pause.
    """

    def __init__(self, socket: PhoenixSocket, topic: str, run: Run, recording: Recording, user: Waiting) -> None:
        self.topic = topic
        self.presence = Presence()
        self.down: Disconnected | None = Disconnected("not_joined")
        self.join_response: Any = None
        self.ready_s = 0.0
        self._socket = socket
        self._run = run
        self._recording = recording
        self._user = user
        self._payload: Any = None
        self._open: dict[str, Push] = {}
        self._expected: list[Expectation] = []
        self._handlers: dict[str, list[Handler]] = {}
        self._untold: set[Expectation] = set()  # whose `where` raised before anybody awaited them

    def __repr__(self) -> str:
        return f"Channel({self.topic}, {'joined' if self.down is None else self.down})"

    @property
    def open_until_s(self) -> float:
        """The latest moment by which every push and expected event has its fate; 0 if none is open."""
        open_: list[Push | Expectation] = [*self._open.values(), *filter(self._can_come, self._expected)]
        return max((each.deadline_s for each in open_), default=0.0)

    def join(self, payload: Any) -> None:
        """Join the topic. Raise JoinRefused, ReplyTimeout, Disconnected, RunEnded."""
        self._require_run()
        _require_text("join", "topic", self.topic)
        self._payload = payload
        self.presence.begin()
        began_s = time.perf_counter()
        phase = self._run.phase_at(began_s)
        self.down = None  # a broadcast may arrive before the joining greenlet continues
        try:
            joined = self._socket.join(self.topic, payload, self, self._run.options.join_timeout_s)
        except TypeError as problem:
            self.down = Disconnected("not_joined")
            raise _not_json(f"the payload of a join of {self.topic}", problem) from problem
        except ClientError as problem:
            self.down = problem if isinstance(problem, Disconnected) else Disconnected("not_joined")
            self._recording.joined(phase, began_s, time.perf_counter(), problem)
            raise
        self._recording.joined(phase, joined.sent_s, joined.done_s, None)
        self.join_response = joined.response
        self.ready_s = joined.done_s

    def rejoin(self, payload: Any = None) -> Any:
        """Join the topic again after phx_error, phx_close or `leave`; this never happens on its own.

        Args:
            payload: The payload of the join; None repeats the last join's.

        Returns:
            The server's response.

        Raises:
            JoinRefused, ReplyTimeout, Disconnected: As for a join; Disconnected if the socket itself is gone.
            UsageError: The topic is joined.
        """
        if self.down is None:
            raise UsageError("rejoin", self.topic, "a topic that has ended", "leave it first")
        self.join(self._payload if payload is None else payload)
        self._recording.count("rejoins")
        return self.join_response

    # -- pushes

    def push(self, event: str, payload: Any, *, due_s: float | None = None, awaits_reply: bool = True) -> Push:
        """Write a push and go on; its reply is counted when it arrives.

        Args:
            event: The push's event.
            payload: The push's payload: bytes go out as a binary frame, everything else must be JSON.
            due_s: When it was due, in perf_counter seconds: its latency counts from then; None: `ready_s`.
            awaits_reply: False for an event that the server does not reply to.

        Returns:
            The push, which holds its `outcome`.

        Raises:
            Disconnected: The topic is not joined, or no longer.
            RunEnded: The run ends, so nothing new is sent.
            UsageError: The event is not text, or the payload cannot be encoded.
        """
        if due_s is None:
            due_s = max(self.ready_s, self._user.wait_while_paused(lambda: self.down is not None))
        self._require_run()
        _require_text("push", "event", event)
        self.require_joined()
        self.expire()
        phase = self._run.message_phase_at(due_s)
        due = Due(due_s, phase, self._run.options.reply_timeout_s)
        push = Push(self.topic, event, due, self._recording, self._settled)
        push.outcome = OPEN if awaits_reply else NOT_AWAITED
        try:
            push.ref, push.sent_s = self._socket.post(self.topic, event, payload, push)
        except TypeError as problem:
            raise _not_json(f"the payload of {event}", problem) from problem
        except Disconnected as problem:  # a part of it may have arrived, so it counts as sent
            self._recording.pushed(phase, due_s, push.sent_s, awaits_reply=awaits_reply)
            push.set_exception(problem)
            raise
        self._recording.pushed(phase, due_s, push.sent_s, awaits_reply=awaits_reply)
        if push.is_open:
            self._open[push.ref] = push
        elif not awaits_reply:
            self._socket.forget(push.ref)
        return push

    def ask(self, event: str, payload: Any, *, due_s: float | None = None) -> Any:
        """Write a push and wait for its reply; the arguments are those of `push`.

        Returns:
            The reply's response, bytes for a binary one.

        Raises:
            PushRefused: The reply's status is not ok.
            ReplyTimeout: No reply came within the reply timeout.
            Disconnected, RunEnded, UsageError: As for `push`, or while waiting.
        """
        push = self.push(event, payload, due_s=due_s)
        self._user.wait_while(lambda: push.is_open, push.deadline_s)
        self.expire()
        if push.is_open:
            raise RunEnded(f"the reply to {event}")
        if push.outcome == "refused":
            raise PushRefused(self.topic, event, push.reason)
        if push.outcome == "timed_out":
            raise ReplyTimeout(self.topic, event, self._run.options.reply_timeout_s)
        if push.outcome != "replied":
            raise copy_of(push.down or Disconnected("not_joined"))
        self.ready_s = max(self.ready_s, push.done_s)
        return push.response

    def expire(self) -> None:
        """Give up on pushes without a reply in time."""
        now_s = time.perf_counter()
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.deadline_s > now_s:
                return
            self._socket.forget(oldest.ref)
            oldest.expire()

    # -- events

    def on(self, event: str, handler: Handler) -> None:
        """Call `handler(payload, done_s)` for each such event from now on; it must not block, nor push."""
        self._handlers.setdefault(event, []).append(handler)

    def expect(
        self,
        event: str,
        where: Callable[[Any], bool] = lambda _payload: True,
        *,
        timeout_s: float | None = None,
        due_s: float | None = None,
    ) -> Expectation:
        """Expect an event from now on; call this before the push that causes it, then wait with `await_event`.

        Args:
            event: Its name.
            where: Called with the payload of each such event; the first for which it is true matches.
            timeout_s: The longest it may take, in seconds; None: the reply timeout.
            due_s: The moment from which event_latency_ms counts, in perf_counter seconds; None: it is not measured, nor
                awaited once the run ends, because by then nobody causes it.
        """
        self._require_run()
        self.require_joined()
        now_s = time.perf_counter()
        timeout_s = self._run.options.reply_timeout_s if timeout_s is None else timeout_s
        phase = self._run.message_phase_at(now_s if due_s is None else due_s)
        expected = Expectation(self.topic, event, where, now_s, Due(due_s, phase, timeout_s), self._recording)
        self._expected.append(expected)
        return expected

    def await_event(self, expected: Expectation) -> Event:
        """Wait for an expected event and return it. Raise ReplyTimeout, Disconnected, RunEnded, and any exception of
        `where`.
        """
        self._user.wait_while(lambda: expected.is_open and self._can_come(expected), expected.deadline_s)
        if expected.error is not None:
            self._untold.discard(expected)
            raise expected.error
        if expected.event is not None:
            self.ready_s = max(self.ready_s, expected.event.done_s)
            return expected.event
        if expected.down is not None:
            raise copy_of(expected.down)
        if time.perf_counter() < expected.deadline_s:
            raise RunEnded(f"the event {expected.name}")
        self._miss_overdue()
        raise ReplyTimeout(self.topic, expected.name, expected.deadline_s - expected.sent_s)

    def wait_for(
        self, event: str, where: Callable[[Any], bool] = lambda _payload: True, *, timeout_s: float | None = None
    ) -> Event:
        """Wait for the next such event; `expect` and `await_event` in one."""
        return self.await_event(self.expect(event, where, timeout_s=timeout_s))

    # -- the end

    def leave(self) -> None:
        """Leave the topic; anything still awaiting its reply or event is lost or missed. Never raises ClientError."""
        if self.down is not None:
            return
        try:
            self._socket.leave(self.topic, LEAVE_TIMEOUT_S)
        except Disconnected:
            return  # on_down has counted it
        except ClientError as problem:
            self._recording.anomaly(f"leave_{problem.kind}")
        if self.down is None:
            self.down = Disconnected("left")
            self._recording.left()
            for push in list(self._open.values()):
                self._socket.forget(push.ref)
                push.set_exception(self.down)
            self._miss_all(self.down)

    def end_waits(self) -> None:
        """Settle everything open: what could still have come is in flight, because the run ends."""
        self.expire()
        self._miss_overdue()
        for push in list(self._open.values()):
            self._socket.forget(push.ref)
            push.close()
        for expected in self._expected:
            expected.close(Disconnected("closed_by_client"))
        self._expected.clear()
        for expected in self._untold:
            if expected.error is not None:
                self._user.failed(f"the predicate for {expected.name} on {self.topic}", expected.error)
        self._untold.clear()

    def finish(self) -> None:
        """Note that the connection has been closed."""
        if self.down is None:
            self.down = Disconnected("closed_by_client")
            self._recording.left()

    def require_joined(self) -> None:
        """Raise why the topic is not joined."""
        if self.down is not None:
            raise copy_of(self.down)

    # -- called by the socket's reader

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Take an event from the server that is not a reply."""
        self._recording.count("events_received")
        if event in (STATE, DIFF) and not self.presence.take(event, payload):
            self._recording.anomaly("malformed_presence")
        if self._expected:
            self._match(Event(event, payload, done_s))
        for handler in self._handlers.get(event, ()):
            try:
                handler(payload, done_s)
            except Exception as error:
                self._user.failed(f"the handler of {event} on {self.topic}", error)

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Count a reply that nobody awaits, or awaits any longer."""
        del ref, status, response, done_s
        self._recording.count("late_replies")

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Note why the topic ended: phx_error, phx_close, or the socket's end."""
        del done_s
        self.down = down
        self._recording.channel_lost(down.kind)
        self._miss_all(down)
        self._user.wake()

    def _match(self, event: Event) -> None:
        taken = [expected for expected in self._expected if expected.take(event)]
        if taken:
            self._untold.update(expected for expected in taken if expected.error is not None)
            self._expected = [expected for expected in self._expected if expected.is_open]
            self._user.wake()

    def _can_come(self, expected: Expectation) -> bool:
        """Return whether an event is worth waiting for: once the run ends, only those that something has caused."""
        return expected.is_due or not self._user.ending

    def _miss_all(self, down: Disconnected) -> None:
        for expected in self._expected:
            expected.miss(down)
        self._expected.clear()

    def _miss_overdue(self) -> None:
        now_s = time.perf_counter()
        for expected in self._expected:
            if expected.deadline_s <= now_s:
                expected.miss(Disconnected("event_timeout"))
        self._expected = [expected for expected in self._expected if expected.is_open]

    def _settled(self, push: Push) -> None:
        self._open.pop(push.ref, None)
        self._user.wake()

    def _require_run(self) -> None:
        if self._user.ending:
            raise RunEnded(self.topic)


def _require_text(call: str, what: str, value: object) -> None:
    """Raise UsageError for a topic or event that a server would not understand, and never answer."""
    if not isinstance(value, str):
        raise UsageError(f"{what} of a {call}", value, "text", "new_msg" if what == "event" else "room:lobby")


def _not_json(what: str, problem: TypeError) -> UsageError:
    return UsageError(what, str(problem), "what JSON can hold, or bytes for a binary frame", '{"body": "hello"}')
