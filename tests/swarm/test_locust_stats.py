"""Locust's own table shows the same events, with None where nothing was measured."""

import pytest
from locust.env import Environment

from fleetlm_users.errors import JoinRefused
from fleetlm_users.protocol.conversation import SentMessage
from fleetlm_users.swarm.events import FleetEvents
from fleetlm_users.swarm.locust_stats import LocustStats

WHERE = {"scenario": "burst", "phase": "main", "session_id": "s"}


@pytest.fixture
def table():
    """Events, and a list of what reaches Locust's request event."""
    environment, events, rows = Environment(), FleetEvents(), []
    environment.events.request.add_listener(lambda **row: rows.append(row))
    LocustStats(environment).listen(events)
    return events, rows


def message():
    made = SentMessage("c", 1.0, 1.002, "main")
    made.appended_s = 1.010
    return made


def test_latency_is_in_milliseconds_from_due(table):
    """As in our own ledger."""
    events, rows = table
    events.message_appended.fire(**WHERE, message=message(), done_s=1.010)
    events.agent_replied.fire(**WHERE, message=message(), done_s=1.030)
    assert [(row["name"], round(row["response_time"], 6)) for row in rows] == [("append", 10.0), ("agent reply", 20.0)]


@pytest.mark.parametrize(("fate", "shown"), [("rejected", 1), ("lost", 1), ("in_flight", 0)])
def test_a_failed_message_is_a_failure_without_a_time(table, fate, shown):
    """0 would drag the percentiles down; in flight at the end is neither."""
    events, rows = table
    events.message_failed.fire(**WHERE, message=message(), fate=fate, reason="timeout")
    assert [row["response_time"] for row in rows] == [None] * shown


def test_steps_show_their_errors(table):
    """A refused join is a failed join."""
    events, rows = table
    problem = JoinRefused("session:s", "unauthorized")
    events.joined.fire(**WHERE, started_s=1.0, done_s=1.5, exception=problem)
    assert (rows[0]["name"], rows[0]["exception"]) == ("join", problem)


def test_names_stay_few(table):
    """No ids in names: Locust keeps a row per name."""
    events, rows = table
    for session_id in ("a", "b"):
        where = {**WHERE, "session_id": session_id}
        events.session_created.fire(**where, started_s=1.0, done_s=1.5, exception=None)
        events.session_deleted.fire(**where, started_s=1.0, done_s=1.5, exception=None)
        events.disconnected.fire(**where, kind="eof")
        events.agent_unanswered.fire(**where, message=message(), reason="timeout")
    assert len({(row["request_type"], row["name"]) for row in rows}) == 4
