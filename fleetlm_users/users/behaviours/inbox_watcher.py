"""Somebody with an open inbox, who writes and watches how soon it shows there."""

import time
from typing import ClassVar

from fleetlm_users.client import InboxChannel, SentMessage
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.users.session import LEAVE_TIMEOUT_S, UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.inbox_watch import InboxWatch, Shown
from fleetlm_users.workload.timetables import INBOX_DEADLINE_S, InboxPace


class InboxWatcher(FleetUser):
    """Session, inbox joined beside it, a message every 0.3–3 s for 30 s, each looked for there, 1 s pause, again.

    A message that no delta shows within 5 s is missed. FleetLM at the recorded commit tells an inbox nothing more after
    its first second without a message: there most are missed, which is what its users see.
    """

    scenario = "inbox_watcher"
    pace: ClassVar[InboxPace] = InboxPace()

    def journey(self) -> None:
        """One session of 30 s under watch."""
        pace = self.pace.scaled(self.current_run.options.time_scale)
        with self.session() as session:
            watched = Watched(self, session)
            inbox = InboxChannel(session.socket, session.session_id, watched.on_delta, session.observer.anomaly)
            inbox.join(self.current_run.options.join_timeout_s)
            session.observer.on_appended = watched.on_appended
            self.send_at(session, pace.dues(session.joined_s, self.rng))
            self.hold(session, session.joined_s + pace.session_s)
            session.settle()
            self._await_deltas(session, watched)
            _leave(inbox, session)

    def pause_s(self) -> float:
        """1 s."""
        return self.pace.pause_s * self.current_run.options.time_scale

    def on_news(self) -> None:
        """A delta came."""
        self._sleeper.wake()

    def _await_deltas(self, session: UserSession, watched: "Watched") -> None:
        """Until every message was shown or missed; at the end of a run at most until the drain's end."""
        while watched.waiting and session.down is None and time.perf_counter() < self.current_run.patience_until_s():
            self._sleeper.sleep(min(watched.next_deadline_s, self.current_run.patience_until_s()))
            watched.expire(time.perf_counter())


class Watched:
    """One session's messages and what the inbox shows of them, counted as it happens."""

    def __init__(self, user: InboxWatcher, session: UserSession) -> None:
        self._user = user
        self._session = session
        self._watch = InboxWatch(INBOX_DEADLINE_S)

    @property
    def waiting(self) -> int:
        """Messages that were neither shown nor missed yet."""
        return len(self._watch)

    @property
    def next_deadline_s(self) -> float:
        """When the oldest of them is missed."""
        return self._watch.next_deadline_s()

    def on_appended(self, message: SentMessage, done_s: float) -> None:
        """A message is stored; from now on it should show."""
        stored_at = self._session.last_payload.get("inserted_at")
        if not isinstance(stored_at, str):
            self._session.observer.anomaly("no_inserted_at")
            return
        self._user.count("inbox_watched")
        self._show(self._watch.appended(message.due_s, message.sent_s, stored_at, done_s))

    def on_delta(self, last_activity_at: str | None, done_s: float) -> None:
        """A delta came; what waited for too long is missed before it is looked at."""
        self._user.count("inbox_deltas")
        self.expire(done_s)
        if last_activity_at is not None:
            self._show(self._watch.delta(last_activity_at, done_s))
        self._user.on_news()

    def expire(self, now_s: float) -> None:
        """Counts what has waited for too long."""
        missed = self._watch.expire(now_s)
        if missed:
            self._user.count("inbox_missed", missed)

    def _show(self, shown: list[Shown]) -> None:
        for due_s, sent_s, shown_s in shown:
            self._user.count("inbox_shown")
            self._user.record("inbox_latency_ms", due_s, shown_s)
            self._user.record("inbox_service_ms", sent_s, shown_s)


def _leave(inbox: InboxChannel, session: UserSession) -> None:
    try:
        inbox.leave(LEAVE_TIMEOUT_S)
    except Disconnected:
        return  # the session tells it
    except ClientError as problem:
        session.observer.anomaly(f"inbox_leave_{problem.kind}")
