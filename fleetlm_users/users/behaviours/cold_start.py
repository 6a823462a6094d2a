"""Cold start: a backlog is written over REST, then read whole again and again while writes go on."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import gevent

from fleetlm_users.client import PhoenixSocket
from fleetlm_users.errors import ClientError
from fleetlm_users.measure.audit.read_back import Accepted, coverage
from fleetlm_users.protocol.conversation import REPLAY_LIMIT
from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.rest_session import RestSession
from fleetlm_users.users.rest_user import RestUser
from fleetlm_users.users.shared_client import SharedClient, shared_client_of
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options

AGAIN_S: Final = 0.1
"""How long a reader waits for messages a page left out: they are only in memory, or only in the database (late
record).
"""

FLUSHES: Final = 2
"""Flush periods after which everything appended before them is in the database."""


class ColdStartUser(RestUser):
    """One session: up to BACKLOG_SIZE messages in BACKLOG_DURATION, then REPLAY_DURATION of whole reads.

    The reads are over REST, with a limit above the session, and by joins with `last_seq`, in turn. Each must hold every
    message accepted before it began. If the protocol supports neither, the reads are single joins, which hold the
    oldest messages. Meanwhile a message is posted every ACTIVE_WRITE_INTERVAL.
    """

    scenario = "cold_start"
    options = BEHAVIOUR_OPTIONS["cold_start"]
    thresholds = BEHAVIOUR_THRESHOLDS["cold_start"]
    lacks: ClassVar[Mapping[str, str]] = {
        "lists_messages": "the messages of a session cannot be read over REST, so there is no replay_rest_ms",
        "resumes": "a join replays the oldest 100 messages only, so each replay is checked for those",
    }

    @classmethod
    def journeys(cls, options: Options) -> int:
        """Return one journey."""
        del options
        return 1

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session is part of the whole run."""
        del options
        return "whose users share the phases of one run"

    def journey(self) -> None:
        """Write the backlog, then read it until time is up."""
        with self.rest_session() as session:
            self._fill(session)
            if not self.ending:
                self._replay(session)

    def _fill(self, session: RestSession) -> None:
        due_s = time.perf_counter()
        end_s = due_s + self.option("backlog_duration") * self.current_run.options.time_scale
        while len(session.accepted) < self.option("backlog_size") and due_s < end_s and not self.ending:
            due_s = max(due_s, self.wait_while_paused())
            due_s = time.perf_counter() if session.append(due_s) else self.wait_after_failure()
        self.count("backlog_appends", len(session.accepted))
        if len(session.accepted) < self.option("backlog_size"):
            self.count("backlogs_short")

    def _replay(self, session: RestSession) -> None:
        until_s = time.perf_counter() + self.option("replay_duration") * self.current_run.options.time_scale
        writer = gevent.spawn(self._write_on, session, until_s)
        try:
            while time.perf_counter() < until_s and not self.ending:
                self.wait_while_paused()
                if self._client.profile.lists_messages:
                    self._replay_over_rest(session)
                self._replay_by_join(session)
        finally:
            writer.join()

    def _write_on(self, session: RestSession, until_s: float) -> None:
        """Post a message every interval; one that is late because of the previous one still counts as due on time."""
        interval_s = self.option("active_write_interval") / MS_PER_S * self.current_run.options.time_scale
        due_s = time.perf_counter()
        while due_s < until_s and self._paused_until(max(due_s, self.current_run.resumed_s())):
            if session.append(due_s):
                self.count("active_appends")
                self.record("active_append_ms", due_s, session.accepted_s)
            due_s += interval_s

    def _paused_until(self, moment_s: float) -> bool:
        """Wait in the writer's greenlet, in slices, because the user's own sleeper belongs to the reader."""
        while not self.ending and (left_s := moment_s - time.perf_counter()) > 0:
            gevent.sleep(min(left_s, AGAIN_S))
        return not self.ending

    def _replay_over_rest(self, session: RestSession) -> None:
        expected, due_s = list(session.accepted), time.perf_counter()
        messages = session.read(due_s, "replay_rest_ms")
        if messages is None:
            self.count("replays_failed", label="rest")
            self.wait_after_failure()
        else:
            self._take(session, expected, messages)

    def _replay_by_join(self, session: RestSession) -> None:
        expected, due_s = list(session.accepted), time.perf_counter()
        must_hold: Sequence[Accepted] = expected
        try:
            if self._client.profile.resumes:
                messages = self._joined_pages(session, expected)
            else:
                messages, must_hold = self._oldest(session, expected)
        except ClientError as problem:
            self.count("replays_failed", label=str(problem.kind))
            self.wait_after_failure()
            return
        self.record("replay_join_ms", due_s, time.perf_counter())
        self._take(session, must_hold, messages)

    def _take(self, session: RestSession, expected: Sequence[Accepted], messages: Sequence[Any]) -> None:
        self.count("replays")
        self.count("messages_replayed", len(messages))
        session.check(expected, messages)

    def _oldest(self, session: RestSession, expected: Sequence[Accepted]) -> tuple[list[Any], Sequence[Accepted]]:
        """Join once; return the replay of the oldest messages, and the accepted ones that it must hold.

        A server that has not flushed yet may replay the first messages of its memory instead. A read gives it two flush
        periods, after which everything accepted before the read is flushed. Raise ClientError.
        """
        patient_until_s = time.perf_counter() + FLUSHES * self._client.profile.flush_period_s
        with self._socket(session) as socket:
            while True:
                replay = self._client.replay(socket, session.session_id, 0)
                start, stop, may_begin_early = coverage(expected, replay, REPLAY_LIMIT, self.participant_id)
                if not may_begin_early or self.ending or time.perf_counter() >= patient_until_s:
                    return replay, expected[start:stop]
                gevent.sleep(AGAIN_S)

    def _joined_pages(self, session: RestSession, expected: Sequence[Accepted]) -> list[Any]:
        """Join with the last seq known without a gap, until everything up to the newest is there.

        A page may leave messages out as long as they are not flushed. A read waits for them for two flush periods in
        all; any still left out then are missing. Raise ClientError.
        """
        newest = max((one.seq or 0 for one in expected), default=0)
        pages: dict[int, Any] = {}
        last_seq, patient_until_s = 0, 0.0
        with self._socket(session) as socket:
            while last_seq < newest and not self.current_run.is_closed:
                page = self._client.replay(socket, session.session_id, last_seq)
                pages |= {each["seq"]: each for each in page if isinstance(each, dict) and type(each.get("seq")) is int}
                reached = last_seq
                while reached + 1 in pages:
                    reached += 1
                now_s = time.perf_counter()
                if reached > last_seq:
                    last_seq = reached
                elif self.ending or (patient_until_s and now_s >= patient_until_s):
                    beyond = [seq for seq in pages if seq > last_seq]
                    last_seq = min(beyond) if beyond else newest
                else:
                    patient_until_s = patient_until_s or now_s + FLUSHES * self._client.profile.flush_period_s
                    gevent.sleep(AGAIN_S)
        return [pages[seq] for seq in sorted(pages)]

    @contextmanager
    def _socket(self, session: RestSession) -> Iterator[PhoenixSocket]:
        """Connect a socket of this user for a `with` block. Raise ClientError."""
        socket = self._client.socket(self.participant_id, session.observer.anomaly)
        try:
            socket.connect()
            yield socket
        finally:
            socket.close()

    @property
    def _client(self) -> SharedClient:
        return shared_client_of(self.current_run)
