"""A user with an open inbox: each of its messages is shown there, from whichever session, or missed."""

import pytest

from fleetlm_users.users.behaviours.inbox_watcher import InboxWatcher


def begin(stage, sessions="3", **raw):
    watcher = stage(InboxWatcher, inbox_sessions=sessions, time_scale="0.01", **raw)
    watcher.server.answers = False
    watcher.server.on_appended = lambda session: watcher.server.show(session.user)
    return watcher


def check_books(counts):
    assert counts["inbox_watched"] == counts.get("inbox_shown", 0) + counts.get("inbox_missed", 0)


def test_one_inbox_shows_the_messages_of_all_sessions(stage):
    """Each once; when their time is over the sessions are left and others follow."""
    watcher = begin(stage)
    watcher.until(lambda: watcher.count_of("sessions_completed") >= 3 and watcher.server.inboxes == {})
    counts = watcher.end()
    check_books(counts)
    first = list(watcher.server.sessions.values())[:3]
    assert all(session.messages for session in first)
    assert counts["inbox_watched"] == counts["messages_appended"] == counts["inbox_shown"]
    assert watcher.trend("inbox_latency_ms") == watcher.trend("inbox_service_ms") == counts["inbox_shown"]
    assert counts["inbox_deltas"] >= counts["inbox_shown"]
    assert len({session.user for session in first}) == 1


def test_a_message_that_no_delta_shows_is_missed(stage, monkeypatch):
    """Its deadline is 5 s; none at all here."""
    monkeypatch.setattr("fleetlm_users.users.behaviours.inbox_watcher.INBOX_DEADLINE_S", 0.01)
    watcher = begin(stage, sessions="2")
    hidden = {"s1"}
    show = watcher.server.on_appended
    watcher.server.on_appended = lambda session: None if session.session_id in hidden else show(session)
    monkeypatch.setattr(watcher.server, "show", lambda user: None)
    watcher.until(lambda: watcher.count_of("sessions_completed") >= 2)
    counts = watcher.end()
    check_books(counts)
    assert counts["inbox_missed"] == counts["inbox_watched"] > 0
    assert watcher.trend("inbox_latency_ms") == 0


def test_one_lost_session_breaks_the_journey_of_all(stage):
    """All of them are left, and the failure has the name of the loss."""
    watcher = begin(stage)
    sessions = watcher.server.sessions
    watcher.until(lambda: len(sessions) == 3 and watcher.server.inboxes and sessions["s2"].messages)
    sessions["s2"].socket.lose("closed_1012")
    watcher.until(lambda: watcher.count_of("session_failures", "closed_1012"))
    counts = watcher.end()
    assert counts["disconnects:closed_1012"] == 1
    assert counts["session_failures:closed_1012"] >= 1
    assert all(session.handler is None for session in sessions.values())


def test_a_message_without_the_moment_of_its_storing_is_an_anomaly(stage):
    """It can be found in no delta."""
    watcher = begin(stage, sessions="1")
    watcher.server.tell = lambda messages: [{**message, "inserted_at": None} for message in messages]
    watcher.until(lambda: watcher.count_of("client_anomalies", "no_inserted_at"))
    counts = watcher.end()
    assert counts["client_anomalies:no_inserted_at"] == counts["messages_appended"]
    assert "inbox_watched" not in counts


@pytest.mark.parametrize("sessions", ["1", "5"])
def test_the_sockets_of_a_watcher_are_its_sessions(stage, sessions):
    """The inbox is a further topic on the first one."""
    assert InboxWatcher.sockets_of(begin(stage, sessions).options) == int(sessions)
