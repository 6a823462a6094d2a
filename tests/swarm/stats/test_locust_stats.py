"""Locust's own table shows the same events, with None where nothing was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.env import Environment
from locust.stats import RequestStats

from fleetlm_users.errors import JoinRefused
from fleetlm_users.protocol.observer import SentMessage
from fleetlm_users.swarm.locust_internals import log_response_times
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.locust_stats import APPEND, POST_MESSAGE, REST, WS, LocustStats

WHERE = {"scenario": "burst", "phase": "main", "session_id": "s"}


@pytest.fixture
def table():
    """Events, a list of what reaches Locust's request event, and what feeds it."""
    environment, events, rows = Environment(), RunEvents(), []
    environment.events.request.add_listener(lambda **row: rows.append(row))
    made = LocustStats(environment, {"posts"})
    made.listen(events)
    return events, rows, made


def message():
    return SentMessage("c", 1.0, 1.002, "main")


def test_who_listens_to_requests_hears_of_each_message():
    """There is one event each, in milliseconds, at the next flush; nothing comes twice."""
    environment, rows = Environment(), []
    environment.events.request.add_listener(lambda **row: rows.append((row["name"], row["response_time"])))
    table = LocustStats(environment)
    columns = table.columns_of("burst")
    columns.append(10.0)
    columns.append(11.0)
    columns.reply(20.0)
    assert rows == []
    table.flush()
    table.flush()
    assert rows == [("append", 10.0), ("append", 11.0), ("agent reply", 20.0)]


def test_without_another_listener_all_go_into_locusts_table_at_once():
    """The names are the same, in the entry and in the total."""
    environment = Environment()
    environment.create_local_runner()
    table = LocustStats(environment)
    for time_ms in (10.0, 12.0):
        table.columns_of("burst").append(time_ms)
    table.flush()
    entry = environment.stats.get(APPEND, WS)
    assert (entry.num_requests, entry.min_response_time, entry.max_response_time) == (2, 10.0, 12.0)
    assert environment.stats.total.num_requests == 2


@given(st.lists(st.lists(st.none() | st.floats(0, 100_000), min_size=1, max_size=20), min_size=1, max_size=4))
def test_in_bulk_is_the_same_as_one_by_one(batches):
    """It holds for everything that Locust's own logging keeps, at the same moment."""
    bulk, single = RequestStats(use_response_times_cache=False), RequestStats(use_response_times_cache=False)
    for times_ms in batches:
        log_response_times(bulk, WS, APPEND, times_ms, 1_700_000_000.5)
        for time_ms in times_ms:
            single.log_request(WS, APPEND, time_ms, 0)
    for ours, locusts in ((bulk.total, single.total), (bulk.get(APPEND, WS), single.get(APPEND, WS))):
        kept = ("num_requests", "num_none_requests", "min_response_time", "max_response_time", "response_times")
        assert [getattr(ours, name) for name in kept] == [getattr(locusts, name) for name in kept]
        assert ours.total_response_time == pytest.approx(locusts.total_response_time)
        assert sum(ours.num_reqs_per_sec.values()) == sum(locusts.num_reqs_per_sec.values())
        assert ours.last_request_timestamp == 1_700_000_000.5


def test_a_message_over_rest_is_no_append_on_a_socket(table):
    """It covers its time and its failure: the row is that of the POST."""
    events, rows, made = table
    made.columns_of("posts").append(10.0)
    made.columns_of("burst").append(20.0)
    made.flush()
    events.message_failed.fire(**{**WHERE, "scenario": "posts"}, message=message(), fate="lost", reason="http_503")
    shown = [(row["request_type"], row["name"], row["response_time"]) for row in rows]
    assert shown == [(REST, POST_MESSAGE, 10.0), (WS, APPEND, 20.0), (REST, POST_MESSAGE, None)]


@pytest.mark.parametrize(("fate", "shown"), [("rejected", 1), ("lost", 1), ("in_flight", 0)])
def test_a_failed_message_is_a_failure_without_a_time(table, fate, shown):
    """0 would drag the percentiles down; in flight at the end is neither."""
    events, rows, _ = table
    events.message_failed.fire(**WHERE, message=message(), fate=fate, reason="timeout")
    assert [row["response_time"] for row in rows] == [None] * shown


def test_steps_show_their_errors(table):
    """A refused join is a failed join."""
    events, rows, _ = table
    problem = JoinRefused("session:s", "unauthorized")
    events.joined.fire(**WHERE, started_s=1.0, done_s=1.5, exception=problem)
    assert (rows[0]["name"], rows[0]["exception"]) == ("join", problem)


def test_names_stay_few(table):
    """No ids in names: Locust keeps a row per name."""
    events, rows, feed = table
    for session_id in ("a", "b"):
        where = {**WHERE, "session_id": session_id}
        events.session_created.fire(**where, started_s=1.0, done_s=1.5, exception=None)
        events.session_deleted.fire(**where, started_s=1.0, done_s=1.5, exception=None)
        events.disconnected.fire(**where, kind="eof")
        events.agent_unanswered.fire(**where, message=message(), reason="timeout")
    feed.flush()
    assert len(rows) == 8
    assert len({(row["request_type"], row["name"]) for row in rows}) == 4
