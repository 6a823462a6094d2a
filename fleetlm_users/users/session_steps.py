"""The steps of a session, over a socket or over REST alone: each is timed and reported to the run's event hooks."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec

from fleetlm_users.client import PhoenixSocket
from fleetlm_users.errors import ClientError
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import StepHook
from fleetlm_users.users.audit.audited_observer import AuditedObserver
from fleetlm_users.users.session_observer import SessionObserver
from fleetlm_users.users.shared_client import SharedClient


class StepTimes(msgspec.Struct, frozen=True):
    """When a step began and when it was done, monotonic seconds."""

    sent_s: float
    done_s: float


class TimedAnswer(Protocol):
    """The result of a step: the client's own stamps are more accurate than a clock around the call."""

    @property
    def sent_s(self) -> float:
        """When the step began."""

    @property
    def done_s(self) -> float:
        """When its answer's bytes arrived."""


Answer = TypeVar("Answer", bound=TimedAnswer)


def observer_of(  # noqa: PLR0913  # a session is made of these, over whatever it goes
    run: Run,
    client: SharedClient,
    scenario: str,
    participant_id: str,
    payloads: Iterator[tuple[str, str]],
    *,
    follows_agent: bool,
) -> tuple[SessionObserver, Iterator[tuple[str, str]]]:
    """Return the observer of a session's messages, and the messages to send; in an audited run it remembers
    acknowledged ones.
    """
    audit = client.audit
    if audit is None:
        return SessionObserver(run, scenario, follows_agent=follows_agent), payloads
    observer = AuditedObserver(run, scenario, audit.memory, participant_id, follows_agent=follows_agent)
    return observer, observer.watched(payloads)


def timed(
    run: Run,
    client: SharedClient,
    observer: SessionObserver,
    fact: StepHook,
    step: Callable[..., Answer],
    *arguments: Any,
) -> Answer:
    """Run one step and report when it began and ended, and how; its ClientError propagates to the caller.

    A step cut short from outside (GreenletExit) is not reported: it neither succeeded nor failed.
    """
    started_s = time.perf_counter()
    try:
        answer = step(*arguments)
    except ClientError as problem:
        report_step(run, observer, fact, StepTimes(started_s, time.perf_counter()), problem)
        client.warn_once(problem)
        raise
    report_step(run, observer, fact, answer)
    return answer


def report_step(
    run: Run, observer: SessionObserver, fact: StepHook, times: TimedAnswer, exception: ClientError | None = None
) -> None:
    """Report a step to its event hook, in the phase in which it began."""
    observer.stepped(fact, run.phase_at(times.sent_s), times.sent_s, times.done_s, exception)


def connect(socket: PhoenixSocket) -> StepTimes:
    """Connect a socket; return when that began and ended. Raise ConnectFailed."""
    socket.connect()
    return StepTimes(socket.connect_started_s or 0.0, socket.connected_s or 0.0)
