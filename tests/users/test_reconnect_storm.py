"""Sessions whose connections are cut return on their own, and missed messages are delivered or named."""

import time

import pytest

from fleetlm_users.protocol.profile import LATE
from fleetlm_users.users.behaviours.durability import DurabilityUser
from fleetlm_users.users.behaviours.reconnect_storm import ReconnectStormUser
from fleetlm_users.workload.orders.load_clock import LoadOrder, SpeedChange

OWN_AND_WHOLE = ("reconnect_own_ms", "reconnect_ms")
QUICK = {"send_interval": "10", "reconnect_after": "1ms", "rejoin_after": "1ms"}
SOON = {"cut_at": "800ms", "unnoticed": "50ms", **QUICK}


def by_client(stage, users=1, **raw):
    """Return a storm whose connections this process cuts."""
    storm = stage(ReconnectStormUser, users=users, **{**SOON, **raw})
    storm.server.answers = False
    storm.server.conversation = LATE
    return storm


def by_server(stage, users=1, **raw):
    """A storm that the test makes; the moment from which on a loss is meant has come."""
    storm = stage(ReconnectStormUser, users=users, **{"cut": "server", "cut_at": "1ms", **QUICK, **raw})
    storm.server.answers = False
    storm.server.conversation = LATE
    return storm


def writing(storm):
    """Wait until every session has a message that was seen; return the sessions."""
    sessions = storm.server.sessions
    storm.until(lambda: len(sessions) == len(storm.users) and all(len(s.messages) > 2 for s in sessions.values()))
    return list(sessions.values())


def check_books(counts):
    fates = ("messages_appended", "messages_lost", "messages_in_flight")
    assert counts["messages_sent"] == sum(counts.get(fate, 0) for fate in fates)
    parts = ("missed_replayed", "missed_pushed", "missed_not_brought")
    assert counts.get("missed_messages", 0) == sum(counts.get(part, 0) for part in parts)


def test_everybody_is_cut_at_the_moment_and_comes_back(stage):
    """Each asks for messages it has not seen: those written into a dead connection, and the agent's meanwhile."""
    storm = by_client(stage, users=3, away_messages="2")
    seen_before = {}
    storm.server.on_cut = lambda session: seen_before.setdefault(session.session_id, len(session.messages))
    storm.until(lambda: storm.count_of("sessions_resumed") == 3)
    counts = storm.end()
    check_books(counts)
    assert counts["sessions_cut"] == counts["disconnects:cut"] == counts["reconnects"] == 3
    assert counts["reconnect_attempts:connect"] == counts["storm_attempts"] == 3
    assert counts["away_messages"] == 6
    assert counts["missed_messages"] == counts["missed_replayed"] >= 6
    assert counts["sessions_started"] == counts.get("sessions_completed", 0) + counts.get("sessions_cut_short", 0) == 3
    times = ("cut_lateness_ms", "reconnect_ms", "reconnect_own_ms", "outage_ms")
    assert [storm.trend(metric) for metric in times] == [3] * 4
    for session in storm.server.sessions.values():
        assert session.joins == 2
        first, second = session.last_seqs
        assert first == 0 < second <= seen_before[session.session_id] - 2
    assert storm.found == []


def test_a_share_at_a_time_and_those_that_stay_are_timed(stage):
    """Half of the sessions, then the other half; each is cut once."""
    storm = by_client(stage, users=4, cut_share="0.5", cut_every="1s", unnoticed="0s", away_messages="0")
    storm.until(lambda: storm.count_of("sessions_resumed") == 4)
    counts = storm.end()
    check_books(counts)
    assert counts["sessions_cut"] == 4
    assert [session.joins for session in storm.server.sessions.values()] == [2] * 4
    assert storm.trend("calm_append_ms") > 0
    assert storm.trend("stayed_append_ms") > 0
    assert "away_messages" not in counts


def test_a_message_that_the_agent_could_not_write_is_not_missed(stage):
    """It is counted as failed."""
    storm = by_client(stage)
    storm.server.refuse_agent = 1
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    counts = storm.end()
    check_books(counts)
    assert counts["away_messages_failed:http_500"] == 1
    assert "away_messages" not in counts
    assert storm.found == []


def test_what_nothing_brings_is_named(stage):
    """The name has seq and client_ref; the replay leaves out the agent's messages."""
    storm = by_client(stage)
    away = []

    def without_away(messages):
        away.extend(m["seq"] for m in messages if "-away-" in m["content"]["client_ref"])
        return [message for message in messages if "-away-" not in message["content"]["client_ref"]]

    storm.server.replayed = without_away
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    back_s = time.perf_counter() - storm.run.started_s
    counts = storm.end()
    check_books(counts)
    assert counts["missed_not_brought"] == 1
    firsts = {first.metric: first.at_s for first in storm.local_run.snapshot().firsts}
    assert 0.25 <= firsts["missed_not_brought"] <= back_s  # not when the session ended
    assert [(found["kind"], found["session_id"], found["seq"]) for found in storm.found] == [
        ("not_brought_after_cut", "s1", away[0])
    ]
    assert storm.found[0]["client_ref"].endswith("-away-1")


def test_the_wait_after_a_refused_join_is_not_the_generators_own(stage):
    """The server refused, and the official client waits: only the delay beyond that wait is ours."""
    storm = by_server(stage, rejoin_after="500ms")
    (session,) = writing(storm)
    storm.server.refuse_joins = 1
    session.socket.lose("closed_1012")
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    own_us, whole_us = (storm.run.ledger.trend(name, "storm", "main").max for name in OWN_AND_WHOLE)
    storm.end()
    assert whole_us >= 500_000
    assert own_us <= whole_us - 500_000


@pytest.mark.parametrize("jitter", ["none", "full"])
def test_it_comes_back_as_often_as_it_takes(stage, jitter):
    """A refused connection is tried again, and so is a refused join, on the socket that is open."""
    storm = by_server(stage, reconnect_after="20ms,1ms", reconnect_jitter=jitter)
    (session,) = writing(storm)
    storm.server.refuse_connects, storm.server.refuse_joins = 2, 3
    session.socket.lose("closed_1012")
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    counts = storm.end()
    check_books(counts)
    assert counts["sessions_cut"] == counts["reconnects"] == 1
    assert (counts["resumes_failed:refused"], counts["resumes_failed:join_refused"]) == (2, 3)
    assert (counts["reconnect_attempts:connect"], counts["reconnect_attempts:join"]) == (3, 3)
    assert session.joins == 2
    if jitter == "none":
        assert counts["messages_not_sent:no_session"] >= 1


def test_the_first_wait_comes_again_after_the_socket_has_opened(stage):
    """A socket that opens and breaks before the join is a new break: the table begins anew."""
    storm = by_server(stage, reconnect_after="1ms,1ms,1h", rejoin_after="1h")
    (session,) = writing(storm)
    storm.server.refuse_connects = storm.server.refuse_joins = 1
    session.socket.lose("eof")
    storm.until(lambda: storm.count_of("resumes_failed", "join_refused"))
    storm.server.refuse_connects = 1  # the second failure, and the third wait, if the table did not begin anew
    storm.server.sockets[-1].lose("eof")
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    counts = storm.end()
    check_books(counts)
    assert counts["resumes_failed:refused"] == counts["reconnects"] == 2
    assert (counts["reconnect_attempts:connect"], session.joins) == (4, 2)


def test_a_connection_that_the_server_closed_cleanly_stays_closed(stage):
    """The official client does so; messages it would have sent are counted to the end."""
    storm = by_server(stage)
    (session,) = writing(storm)
    session.socket.lose("closed_1000")
    storm.until(lambda: storm.count_of("sessions_not_resumed") == 1)
    counts = storm.end()
    check_books(counts)
    assert session.joins == 1
    assert "reconnects" not in counts
    assert "sessions_resumed" not in counts
    assert storm.trend("outage_ms") == storm.trend("reconnect_ms") == 0


def test_a_loss_that_no_cut_was_meant_for_is_not_of_the_storm(stage):
    """The session comes back all the same, and its outage is timed."""
    storm = by_server(stage, cut_at="1h")
    (session,) = writing(storm)
    session.socket.lose("eof")
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    counts = storm.end()
    check_books(counts)
    assert "sessions_cut" not in counts
    assert (storm.trend("outage_ms"), storm.trend("reconnect_ms")) == (1, 0)


def test_the_end_of_the_run_comes_into_a_wait(stage):
    """The session is not resumed, and the run ends at once."""
    storm = by_server(stage, reconnect_after="1h")
    (session,) = writing(storm)
    session.socket.lose("eof")
    storm.until(lambda: storm.count_of("sessions_cut"))
    counts = storm.end()
    assert counts["sessions_not_resumed"] == 1
    assert counts["sessions_cut"] == 1
    assert session.joins == 1


@pytest.mark.parametrize("kind", [DurabilityUser, ReconnectStormUser])
@pytest.mark.parametrize("speed", [0.0, 5.0])
def test_a_changed_rate_moves_what_is_due_and_no_attempt_to_come_back(stage, kind, speed):
    """A session comes back while the run is paused; afterwards its timetable is where the changed rate has it."""
    raw = {} if kind is DurabilityUser else {"cut": "server", "cut_at": "1ms", "reconnect_after": "300ms"}
    storm = stage(kind, send_interval="10", **raw)
    (session,) = writing(storm)
    run, (user,) = storm.run, storm.users
    run.follow(LoadOrder((SpeedChange(time.perf_counter() - run.started_s, speed),)))
    before = len(session.messages)
    storm.until(lambda: not speed or len(session.messages) > before + 40)
    session.socket.lose("eof")
    storm.until(lambda: storm.count_of("sessions_resumed") == 1)
    before = len(session.messages)
    storm.until(lambda: not speed or len(session.messages) > before + 40)
    ended_s = time.perf_counter()
    counts = storm.end()
    due = (user.planned_s(ended_s) - user.since_s) / 0.01
    assert counts["messages_sent"] + counts.get("messages_not_sent", 0) == pytest.approx(due, rel=0.3, abs=5)
