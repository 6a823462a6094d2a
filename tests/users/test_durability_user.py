"""A user that lives through the crash of its server: it returns to the same session and goes on writing."""

import pytest

from fleetlm_users.users.behaviours import durability
from fleetlm_users.users.behaviours.durability import DurabilityUser
from fleetlm_users.users.behaviours.reconnect_storm import ReconnectStormUser


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(durability, "RESUME_PAUSE_S", 0.02)


def begin(stage, **raw):
    """Return a user whose session has messages, and the session."""
    lives = stage(DurabilityUser, send_interval="10", **raw)
    session = lives.until(lambda: next(iter(lives.server.sessions.values()), None))
    lives.until(lambda: len(session.messages) > 4)
    return lives, session


def test_it_comes_back_to_its_session_and_counts_what_was_due_meanwhile(stage):
    """Refused connections and joins are tried again; nothing is sent late."""
    lives, session = begin(stage)
    lives.server.refuse_connects, lives.server.refuse_joins = 2, 1
    session.socket.lose("closed_1012")
    lives.until(lambda: lives.count_of("sessions_resumed"))
    before = len(session.messages)
    lives.until(lambda: len(session.messages) > before)
    counts = lives.end()
    assert (counts["resumes_failed:refused"], counts["resumes_failed:join_refused"]) == (2, 1)
    assert counts["sessions_resumed"] == counts["disconnects:closed_1012"] == 1
    assert counts["messages_not_sent:no_session"] >= 2  # 60 ms of pauses at 100 a second
    assert (len(lives.server.sessions), session.joins, lives.trend("outage_ms")) == (1, 2, 1)
    fates = ("messages_appended", "messages_lost", "messages_in_flight")
    assert counts["messages_sent"] == sum(counts.get(fate, 0) for fate in fates)


def test_a_server_that_never_comes_back_is_counted_at_the_end(stage):
    """The user tries until then."""
    lives, session = begin(stage)
    lives.server.refuse_connects = 1_000_000
    session.socket.lose("eof")
    lives.until(lambda: lives.count_of("resumes_failed", "refused") >= 2)
    counts = lives.end()
    assert counts["sessions_not_resumed"] == 1
    assert "sessions_resumed" not in counts
    assert session.joins == 1


@pytest.mark.parametrize("kind", [DurabilityUser, ReconnectStormUser])
def test_sessions_of_the_whole_run_do_not_arrive(stage, kind):
    """The reason follows the behaviour's name in the error."""
    assert kind.stays(stage(kind, **({} if kind is DurabilityUser else {"cut_at": "1h"})).options).startswith("whose ")
