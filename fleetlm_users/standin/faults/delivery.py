"""The delivery of a push when faults are on: lost, doubled, altered, out of order, with garbage, delayed exactly."""

import time
from collections.abc import Callable
from typing import Protocol

import orjson

from fleetlm_users.standin.chat.session import Listener, Session
from fleetlm_users.standin.counters import HoldTimes
from fleetlm_users.standin.faults.faults import FaultState

HOLD_AT_MOST_S = 1.0  # a held push with no successor is released, or reordering would be loss


class Later(Protocol):
    """Runs something later, on the event loop."""

    def after(self, delay_s: float, action: "Action") -> None:
        """Run `action` `delay_s` seconds from now."""


class Exact(Protocol):
    """Runs actions at moments of its clock; those of one moment run in the order given."""

    def at(self, due_s: float, action: "Action") -> None:
        """Run `action` at that moment."""


class Action(Protocol):
    """Something to run."""

    def __call__(self) -> None:
        """Run it."""


class Delivery:
    """Applies the fate of each message to its pushes.

    `exact` keeps its delays to a fraction of a millisecond; `rough` need not. `held` records how long each push was
    really held, from `arrived_s`: the moment when the bytes being handled were read, None while there are none.
    """

    def __init__(
        self,
        faults: FaultState,
        exact: Exact,
        rough: Later,
        held: HoldTimes,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.faults = faults
        self._exact = exact
        self._rough = rough
        self._held = held
        self._clock = clock
        self.arrived_s: float | None = None

    def deliver(self, session: Session, payload: bytes, again: bytes | None = None) -> None:
        """Push a message to the session's listeners under the faults in force; `again` is its second push, if any."""
        fate = self.faults.on_message()
        if fate.is_altered:
            payload, again = altered(payload), again and altered(again)
        pushes = [payload] if again is None else [payload, again]
        if fate.copies == 0:
            session.run.broadcasts_dropped += len(session.listeners) * len(pushes)
            return
        if fate.hold:
            session.held += pushes
            self._rough.after(HOLD_AT_MOST_S, lambda: self._release(session))
            return
        for _ in range(fate.copies):
            self._send(list(session.listeners), payload, fate.garbage)
        if again is not None:
            self._send(list(session.listeners), again, garbage=False)
        self._release(session)

    def deliver_event(self, session: Session, event: str, payload: bytes) -> None:
        """Push an event other than a message, delayed like messages, or pieces of an answer would overtake it."""
        listeners = list(session.listeners)

        def push() -> None:
            for listener in listeners:
                if listener.open:
                    listener.push_event(event, payload)
                    listener.flush()

        self._exact.at(self._began_s() + self.faults.faults.broadcast_delay_ms / 1000, push)

    def _release(self, session: Session) -> None:
        held, session.held = session.held, []
        for payload in held:
            self._send(list(session.listeners), payload, garbage=False)

    def _send(self, listeners: list[Listener], payload: bytes, garbage: bool) -> None:
        """Push now or after the delay, always to those joined when the message was appended."""

        def push() -> None:
            for listener in listeners:
                if listener.open:
                    listener.push(payload)
                    if garbage:
                        listener.push_garbage()

        delay_s = self.faults.faults.broadcast_delay_ms / 1000
        if delay_s > 0:
            self._hold(delay_s, push, listeners)
        else:
            push()

    def _hold(self, delay_s: float, push: Action, listeners: list[Listener]) -> None:
        """Push, and time the hold up to the kernel: a client measures the server's own work and queues."""
        began_s = self._began_s()

        def push_and_time() -> None:
            push()
            self._held.add(self._clock() - began_s)  # before the write, during which it arrives at the other end
            for listener in listeners:
                listener.flush()

        self._exact.at(began_s + delay_s, push_and_time)

    def _began_s(self) -> float:
        """Return when the cause of the current push occurred: a delay counts from there."""
        return self._clock() if self.arrived_s is None else self.arrived_s


def altered(payload: bytes) -> bytes:
    """Return a push with a different text, or without one if it had none; everything else stays."""
    push = orjson.loads(payload)
    content = push["content"]
    text = content.get("text")
    push["content"] = {**content, "text": f"{text} (altered)"} if isinstance(text, str) else {"altered": True}
    return orjson.dumps(push)
