"""Inbox latency: how soon a message shows in the inbox of the user who wrote it, whatever its session."""

import heapq
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from typing import ClassVar

from locust.env import Environment

from fleetlm_users.client import InboxChannel, SentMessage
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.users.session import LEAVE_TIMEOUT_S, UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.inbox_watch import InboxWatch, ShownMessage
from fleetlm_users.workload.options.benchmark_specs import INBOX_SESSIONS
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.timetables import INBOX_DEADLINE_S, InboxPace


class InboxWatcher(FleetUser):
    """INBOX_SESSIONS sessions and the inbox of their user, which shows them all; 30 s, 1 s pause, repeat.

    In each session there is a message every 0.3–3 s, which is expected in the inbox. A message that no delta shows
    within 5 s is missed. FleetLM at the recorded commit stops sending to an inbox after its first second without a
    message: most are missed there, as its users experience.
    """

    scenario = "inbox_watcher"
    options = BEHAVIOUR_OPTIONS["inbox_watcher"]
    thresholds = BEHAVIOUR_THRESHOLDS["inbox_watcher"]
    pace: ClassVar[InboxPace] = InboxPace()

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._watched: list[UserSession] = []

    @classmethod
    def sockets_of(cls, options: Options) -> int:
        """Return the sessions of a user."""
        return int(options.extra[INBOX_SESSIONS.name])

    def journey(self) -> None:
        """Live the sessions of one user for 30 s and watch its inbox."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with ExitStack() as opened:
            while len(self._watched) < self.option(INBOX_SESSIONS.name) and not (self._watched and self.ending):
                self._watched.append(opened.enter_context(self.session()))
            sessions = self._watched
            deltas = InboxDeltas(self, sessions)
            inbox = InboxChannel(sessions[0].socket, deltas.on_delta, sessions[0].observer.anomaly)
            inbox.join(self.current_run.options.join_timeout_s)
            for session in sessions:
                session.observer.on_appended = partial(deltas.on_appended, session)
            for due_s, session in self._dues(pace, sessions):
                if not self._hold_all(sessions, session, due_s):
                    break
                session.send(session.held_until_s)
            self._hold_all(sessions, sessions[-1], sessions[-1].joined_s + pace.session_s)
            for session in sessions:
                session.settle()
            self._await_deltas(sessions, deltas)
            _leave(inbox, sessions[0])

    def pause_s(self) -> float:
        """Return the pause of `pace`."""
        return self.pace.pause_s * self.current_run.options.time_scale

    def on_delta(self) -> None:
        """Wake the user: a delta has arrived."""
        self._sleeper.wake()

    def wake(self) -> None:
        """Wake the user, also where one of its sessions waits."""
        super().wake()
        for session in self._watched:
            session.wake()

    def after_journey(self) -> None:
        """Let go of the journey's sessions."""
        super().after_journey()
        self._watched = []

    def _dues(self, pace: InboxPace, sessions: Sequence[UserSession]) -> Iterator[tuple[float, UserSession]]:
        """Yield every message's due moment with its session; each session draws its own gaps."""
        timetables = []
        for place, session in enumerate(sessions):
            rng = random.Random(self.rng.getrandbits(64))
            timetables.append(zip(pace.dues(session.joined_s, rng), repeat(place)))
        for due_s, place in heapq.merge(*timetables):
            yield due_s, sessions[place]

    def _hold_all(self, sessions: Sequence[UserSession], session: UserSession, moment_s: float) -> bool:
        """Wait as `hold` does, for the session whose turn it is. Raise Disconnected for any session lost meanwhile."""
        is_due = self.hold(session, moment_s)
        for each in sessions:
            if each.down is not None:
                raise each.down
        return is_due

    def _await_deltas(self, sessions: Sequence[UserSession], deltas: "InboxDeltas") -> None:
        """Wait until every message was shown or missed; at the end of a run, at most until the drain's end."""
        while (
            deltas.waiting
            and all(session.down is None for session in sessions)
            and time.perf_counter() < self.current_run.patience_until_s()
        ):
            self._sleeper.sleep(min(deltas.next_deadline_s, self.current_run.patience_until_s()))
            deltas.expire(time.perf_counter())


class InboxDeltas:
    """The messages of some sessions as their user's inbox shows them, counted as it happens."""

    def __init__(self, user: InboxWatcher, sessions: Sequence[UserSession]) -> None:
        self._user = user
        self._watches = {session.session_id: InboxWatch(INBOX_DEADLINE_S) for session in sessions}

    @property
    def waiting(self) -> int:
        """Messages that are neither shown nor missed yet."""
        return sum(len(watch) for watch in self._watches.values())

    @property
    def next_deadline_s(self) -> float:
        """When the oldest of them will count as missed."""
        return min(watch.next_deadline_s() for watch in self._watches.values() if watch)

    def on_appended(self, session: UserSession, message: SentMessage, done_s: float) -> None:
        """Expect a message in the inbox, now that it is stored."""
        stored_at = session.last_payload.get("inserted_at")
        if not isinstance(stored_at, str):
            session.observer.anomaly("no_inserted_at")
            return
        self._user.count("inbox_watched")
        watch = self._watches[session.session_id]
        self._show(watch.appended(message.due_s, message.sent_s, stored_at, done_s))

    def on_delta(self, last_activity_at: Mapping[str, str], done_s: float) -> None:
        """Match a delta against the waiting messages, after dropping those that waited too long."""
        self._user.count("inbox_deltas")
        self.expire(done_s)
        for session_id, watch in self._watches.items():
            if session_id in last_activity_at:
                self._show(watch.delta(last_activity_at[session_id], done_s))
        self._user.on_delta()

    def expire(self, now_s: float) -> None:
        """Count the messages that waited too long as missed."""
        missed = sum(watch.expire(now_s) for watch in self._watches.values())
        if missed:
            self._user.count("inbox_missed", missed)

    def _show(self, shown: list[ShownMessage]) -> None:
        for due_s, sent_s, shown_s in shown:
            self._user.count("inbox_shown")
            self._user.record("inbox_latency_ms", due_s, shown_s)
            self._user.record("inbox_service_ms", sent_s, shown_s)


def _leave(inbox: InboxChannel, session: UserSession) -> None:
    try:
        inbox.leave(LEAVE_TIMEOUT_S)
    except Disconnected:
        return  # reported by the session
    except ClientError as problem:
        session.observer.anomaly(f"inbox_leave_{problem.kind}")
