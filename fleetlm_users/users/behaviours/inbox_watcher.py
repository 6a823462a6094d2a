"""Inbox latency: how soon a message shows in the inbox of the user who wrote it."""

import time
from typing import ClassVar

from fleetlm_users.client import InboxChannel, SentMessage
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.users.session import LEAVE_TIMEOUT_S, UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.inbox_watch import InboxWatch, ShownMessage
from fleetlm_users.workload.timetables import INBOX_DEADLINE_S, InboxPace


class InboxWatcher(FleetUser):
    """A session with its inbox joined as well, a message every 0.3–3 s for 30 s, each expected there; 1 s pause; again.

    A message that no delta shows within 5 s is missed. FleetLM at the recorded commit sends an inbox nothing more after
    its first second without a message: there most are missed, which is what its users see.
    """

    scenario = "inbox_watcher"
    thresholds = BEHAVIOUR_THRESHOLDS["inbox_watcher"]
    pace: ClassVar[InboxPace] = InboxPace()

    def journey(self) -> None:
        """Live one session of 30 s and watch its inbox."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            deltas = InboxDeltas(self, session)
            inbox = InboxChannel(session.socket, session.session_id, deltas.on_delta, session.observer.anomaly)
            inbox.join(self.current_run.options.join_timeout_s)
            session.observer.on_appended = deltas.on_appended
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.hold(session, session.joined_s + pace.session_s)
            session.settle()
            self._await_deltas(session, deltas)
            _leave(inbox, session)

    def pause_s(self) -> float:
        """Return the pause of `pace`."""
        return self.pace.pause_s * self.current_run.options.time_scale

    def on_delta(self) -> None:
        """Wake the user: a delta came."""
        self._sleeper.wake()

    def _await_deltas(self, session: UserSession, deltas: "InboxDeltas") -> None:
        """Wait until every message was shown or missed; at the end of a run at most until the drain's end."""
        while deltas.waiting and session.down is None and time.perf_counter() < self.current_run.patience_until_s():
            self._sleeper.sleep(min(deltas.next_deadline_s, self.current_run.patience_until_s()))
            deltas.expire(time.perf_counter())


class InboxDeltas:
    """One session's messages and what the inbox shows of them, counted as it happens."""

    def __init__(self, user: InboxWatcher, session: UserSession) -> None:
        self._user = user
        self._session = session
        self._watch = InboxWatch(INBOX_DEADLINE_S)

    @property
    def waiting(self) -> int:
        """Messages that are neither shown nor missed yet."""
        return len(self._watch)

    @property
    def next_deadline_s(self) -> float:
        """When the oldest of them will count as missed."""
        return self._watch.next_deadline_s()

    def on_appended(self, message: SentMessage, done_s: float) -> None:
        """Expect a message in the inbox, now that it is stored."""
        stored_at = self._session.last_payload.get("inserted_at")
        if not isinstance(stored_at, str):
            self._session.observer.anomaly("no_inserted_at")
            return
        self._user.count("inbox_watched")
        self._show(self._watch.appended(message.due_s, message.sent_s, stored_at, done_s))

    def on_delta(self, last_activity_at: str | None, done_s: float) -> None:
        """Match a delta against the waiting messages, after those that waited for too long."""
        self._user.count("inbox_deltas")
        self.expire(done_s)
        if last_activity_at is not None:
            self._show(self._watch.delta(last_activity_at, done_s))
        self._user.on_delta()

    def expire(self, now_s: float) -> None:
        """Count the messages that waited for too long as missed."""
        missed = self._watch.expire(now_s)
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
