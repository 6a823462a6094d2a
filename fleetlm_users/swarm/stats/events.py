"""The facts of a run as Locust event hooks: any locustfile can listen to them, as our statistics do to most.

All times are `time.perf_counter()` seconds of this process; `phase` is "warm_up" or "main" by the moment the thing was
due; `exception` is None after a success; a `reason` is the server's own words as a bounded kind, without the numbers
and ids in them (foreign_text.py). Listeners must accept `**kwargs`: arguments may be added. They must not block:
events of a socket fire in the event loop itself, where gevent refuses to wait (BlockingSwitchOutError).
"""

from collections.abc import Callable
from typing import Any

from locust.event import EventHook

from fleetlm_users.swarm.locust_internals import listeners_of

StepCounter = Callable[[str, str, float, float, "Exception | None"], None]
"""Takes scenario, phase, started_s, done_s and exception of a step."""


class FactHook(EventHook):
    """An event hook whose `is_heard` says whether it has listeners: without listeners a fact costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.is_heard = False

    def add_listener(self, handler: Any) -> Any:
        """Add a listener; return it, as Locust does."""
        self.is_heard = True
        return super().add_listener(handler)

    def remove_listener(self, handler: Any) -> None:
        """Remove a listener. Raise ValueError if it does not listen."""
        super().remove_listener(handler)
        self.is_heard = bool(listeners_of(self))


class StepHook(FactHook):
    """An event hook for a step of a session.

    Our own statistics take each step by position, which costs a tenth of an event with its keyword arguments. The event
    itself is fired only when there are listeners.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counters: tuple[StepCounter, ...] = ()

    def add_counter(self, counter: StepCounter) -> None:
        """Call this counter with each step, before any listener; it must not raise."""
        self._counters += (counter,)

    def report(  # noqa: PLR0913, PLR0917  # the facts of a step
        self,
        scenario: str,
        phase: str,
        started_s: float,
        done_s: float,
        exception: Exception | None,
        session_id: str = "",
    ) -> None:
        """Tell all counters and listeners that a step was done or failed."""
        for count in self._counters:
            count(scenario, phase, started_s, done_s, exception)
        if self.is_heard:
            super().fire(
                scenario=scenario,
                phase=phase,
                started_s=started_s,
                done_s=done_s,
                exception=exception,
                session_id=session_id,
            )

    def fire(self, *, reverse: bool = False, **facts: Any) -> None:
        """Tell all, as `report` does: other code fires a hook by this name."""
        del reverse
        self.report(**facts)


class RunEvents:
    """One hook per fact; reach them by `context_of(environment).events` in an `init` listener.

    ==================== =====================================================================================
    session_created      scenario, phase, session_id, started_s, done_s, exception: POST /api/sessions
    connected            scenario, phase, started_s, done_s, exception: TCP, TLS and WebSocket upgrade
    joined               scenario, phase, session_id, started_s, done_s, exception: phx_join and its reply
    session_ended        scenario, phase, session_id, exception, cut_short: a whole journey, from creation to close
    session_deleted      scenario, phase, session_id, started_s, done_s, exception: DELETE /api/sessions/:id
    message_sent         scenario, phase, session_id, message (due_s, sent_s, client_ref)
    message_appended     scenario, phase, session_id, message, done_s, awaits_agent: its own broadcast came back
    message_failed       scenario, phase, session_id, message, fate ("rejected", "lost", "unconfirmed",
                         "in_flight"), reason
    message_unfailed     scenario, phase, session_id, message, fate, reason: a fate that was only presumed is taken back
    message_received     scenario, phase, session_id, payload, from_agent, done_s: any `message` broadcast
    agent_replied        scenario, phase, session_id, message, done_s
    agent_unanswered     scenario, phase, session_id, message, reason
    backpressure         scenario, phase, session_id, reason
    disconnected         scenario, phase, session_id, kind: a joined session lost its channel or socket
    left                 scenario, phase, session_id: a joined session left
    anomaly              scenario, phase, kind: something on the wire that should not be there
    finding              scenario, phase, session_id, kind, seq, client_ref, detail: one wrong message, by name
    ==================== =====================================================================================
    """

    def __init__(self) -> None:
        self.session_created = StepHook()
        self.connected = StepHook()
        self.joined = StepHook()
        self.session_ended = FactHook()
        self.session_deleted = StepHook()
        self.message_sent = FactHook()
        self.message_appended = FactHook()
        self.message_failed = FactHook()
        self.message_unfailed = FactHook()
        self.message_received = FactHook()
        self.agent_replied = FactHook()
        self.agent_unanswered = FactHook()
        self.backpressure = FactHook()
        self.disconnected = FactHook()
        self.left = FactHook()
        self.anomaly = FactHook()
        self.finding = FactHook()
