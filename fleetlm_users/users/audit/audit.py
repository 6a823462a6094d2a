"""The end of an audited run in one process: wait for the server's flushes, read everything back, report losses.

None of this counts as load: its sockets and requests appear in no latency and in none of Locust's tables.
"""

import contextlib
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import gevent
from gevent.event import Event

from fleetlm_users.errors import ClientError, FleetlmError
from fleetlm_users.measure.audit.comparison import (
    CUT_SHORT,
    TIME_UP,
    AuditOutcome,
    Flawed,
    Stored,
    compare,
    not_remembered,
    unaudited,
)
from fleetlm_users.measure.audit.crash import BreakOutcome, break_outcome
from fleetlm_users.measure.audit.memory import AuditMemory, SessionMemory
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.swarm.run import AUDIT_S, FORCE_S, Run, audit_wait_s
from fleetlm_users.units import MS_PER_S, US_PER_MS
from fleetlm_users.users.audit.reader import StoredReader

logger = logging.getLogger(__name__)

GIVE_UP_AFTER: Final = 32
"""When this many sessions in a row could not be read, the server counts as gone."""

MESSAGES_AT_ONCE: Final = 20_000
"""The most messages in one batch of a reader, unless a single session has more: some ten megabytes."""

TELL_EVERY_S: Final = 10.0


class Batch:
    """Sessions to be read in one batch; it knows how many are left if a reader is stopped halfway."""

    def __init__(self, sessions: Sequence[SessionMemory]) -> None:
        self.open = {id(session): session for session in sessions}

    def __len__(self) -> int:
        """Return how many have not been read yet."""
        return len(self.open)

    def sessions(self) -> list[SessionMemory]:
        """Return those that have not been read yet."""
        return list(self.open.values())

    def done(self, session: SessionMemory) -> None:
        """Remove a session that has been read."""
        self.open.pop(id(session), None)


class Audit:
    """The audit of one run in one process. `close` audits; it never raises ClientError.

    Args:
        run: The run.
        memory: The memory of the run's sessions.
        readers: Makes a reader; called once for each greenlet that reads.
        parallel: How many greenlets read.
        batch: The most sessions in one batch; fewer if they are long.
    """

    def __init__(
        self, run: Run, memory: AuditMemory, readers: Callable[[], StoredReader], *, parallel: int, batch: int
    ) -> None:
        self.memory = memory
        self._run = run
        self._readers = readers
        self._parallel = parallel
        self._batch = batch
        self._batches: deque[Batch] = deque()
        self._under_way: list[Batch] = []
        self._failed_in_a_row = 0
        self._failure: FleetlmError | None = None
        self._done = 0
        self._since_ms = 0
        self._wall_minus_run_s = 0.0

    def __repr__(self) -> str:
        return f"<Audit {self.memory!r}>"

    def close(self) -> None:
        """Read back the remembered sessions within AUDIT_S seconds; count by cause what cannot be read."""
        sessions = self.memory.sessions
        since_reset_s = max(0.0, self._run.ledger.since_s - self._run.started_s)
        self._since_ms = int(since_reset_s * MS_PER_S)
        batch = min(self._batch, math.ceil(len(sessions) / self._parallel))
        self._batches = deque(Batch(part) for part in _parts(_by_participant(sessions), max(1, batch)))
        self._wall_minus_run_s = time.time() - time.perf_counter() + self._run.started_s
        if sessions:
            self._run.wait_for(Event(), audit_wait_s(self._run.options))
            self._read_all()
        self._give_up()
        for scenario, counts in self.memory.not_remembered.items():
            self._count(scenario, not_remembered(*counts))

    def _read_all(self) -> None:
        logger.info("The audit reads back %s messages of %s sessions", f"{len(self.memory):,}", self._left())
        teller = gevent.spawn(self._tell)
        readers = [gevent.spawn(self._read_some) for _ in range(min(self._parallel, len(self._batches)))]
        self._run.wait_for(gevent.spawn(gevent.joinall, readers), AUDIT_S)
        with contextlib.suppress(
            gevent.Timeout
        ):  # a reader that cannot close its socket in time has stopped reading anyway
            gevent.killall([*readers, teller], timeout=FORCE_S)

    def _read_some(self) -> None:
        reader = self._readers()
        try:
            while self._batches and self._failed_in_a_row < GIVE_UP_AFTER and not self._run.drain_cut_short:
                batch = self._batches.popleft()
                self._under_way.append(batch)
                for session, stored in reader.read(batch.sessions()):
                    self._take_read(session, stored)
                    batch.done(session)
        finally:
            reader.close()

    def _take_read(self, session: SessionMemory, stored: Stored | FleetlmError) -> None:
        if isinstance(stored, Stored):
            self._failed_in_a_row = 0
            self._take(session, compare(session, stored, self._since_ms))
            self._take_breaks(session.scenario, break_outcome(session, stored, self._since_ms))
            return
        self._failed_in_a_row += 1
        if self._failure is None:
            logger.warning("The audit cannot read session %s: %s", session.session_id, stored)
        self._failure = stored
        self._take(session, unaudited(session, _kind(stored), self._since_ms))

    def _take(self, session: SessionMemory, outcome: AuditOutcome) -> None:
        self._done += len(session)
        self._count(session.scenario, outcome)
        for flawed in outcome.flawed:
            if session.named is None or flawed.message.seq not in session.named:
                self._name(session, flawed)

    def _take_breaks(self, scenario: str, outcome: BreakOutcome) -> None:
        for metric, n in outcome.counts.items():
            self._run.ledger.count(metric, scenario, MAIN, n)
        for metric, ages_ms in (("lost_ack_age_ms", outcome.lost_ages_ms), ("kept_ack_age_ms", outcome.kept_ages_ms)):
            for age_ms in ages_ms:
                self._run.ledger.trend(metric, scenario, MAIN).add(age_ms * US_PER_MS)

    def _count(self, scenario: str, outcome: AuditOutcome) -> None:
        for (metric, label), n in outcome.counts.items():
            self._run.ledger.count(metric, scenario, MAIN, n, label)
        for metric, at_ms in outcome.firsts_ms.items():
            self._run.ledger.first(metric, scenario, MAIN, at_ms / MS_PER_S)

    def _name(self, session: SessionMemory, flawed: Flawed) -> None:
        message = flawed.message
        self._run.events.finding.fire(
            scenario=session.scenario,
            phase=MAIN,
            session_id=session.session_id,
            kind=flawed.kind,
            seq=message.seq,
            client_ref=session.client_ref(message.number),
            detail=self._moment(message.at_ms, "pushed" if message.is_answer else "acknowledged"),
        )

    def _moment(self, at_ms: int, what: str) -> str:
        at_s = at_ms / MS_PER_S
        moment = datetime.fromtimestamp(self._wall_minus_run_s + at_s, UTC)
        return f"{what} {at_s:.3f} s into the run, at {moment.isoformat(timespec='milliseconds')}"

    def _give_up(self) -> None:
        """Count the messages not read, by cause."""
        cause = CUT_SHORT if self._run.drain_cut_short else TIME_UP
        if self._failed_in_a_row >= GIVE_UP_AFTER and self._failure is not None:
            cause = _kind(self._failure)
        left: Counter[str] = Counter()
        for batch in (*self._under_way, *self._batches):
            for session in batch.sessions():
                left[cause] += len(session)
                self._take(session, unaudited(session, cause, self._since_ms))
        for reason, n in left.items():
            logger.warning("The audit did not reach %s messages: %s", f"{n:,}", reason)

    def _tell(self) -> None:
        while True:
            gevent.sleep(TELL_EVERY_S)
            logger.info("The audit has read back %s of %s messages", f"{self._done:,}", f"{len(self.memory):,}")

    def _left(self) -> str:
        return f"{sum(len(batch) for batch in self._batches):,}"


def _by_participant(sessions: Sequence[SessionMemory]) -> list[SessionMemory]:
    """Return the sessions grouped by participant: one participant's sessions are read over one socket."""
    return sorted(sessions, key=lambda session: session.participant_id)


def _parts(sessions: Sequence[SessionMemory], most: int) -> Iterator[Sequence[SessionMemory]]:
    """Yield all sessions in batches of at most `most` and of few messages, because a batch is held in memory."""
    part: list[SessionMemory] = []
    messages = 0
    for session in sessions:
        if part and (len(part) >= most or messages + len(session) > MESSAGES_AT_ONCE):
            yield part
            part, messages = [], 0
        part.append(session)
        messages += len(session)
    if part:
        yield part


def _kind(failure: FleetlmError) -> str:
    return failure.kind if isinstance(failure, ClientError) else type(failure).__name__
