"""Locust's own tables of errors and exceptions stay small and printable, on each process and on the master."""

from itertools import pairwise

import pytest
from locust.env import Environment
from locust.stats import RequestStats, StatsError
from locust.util.date import format_utc_timestamp

from fleetlm_users.errors import ConnectFailed, Disconnected, JoinRefused, PushRefused, ReplyTimeout, RestFailed
from fleetlm_users.foreign_text import MAX_SHOWN
from fleetlm_users.measure.counter_kinds import MAX_KINDS, OTHER
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.locust_stats import LocustStats
from fleetlm_users.swarm.stats.locust_tables import (
    POINTS_KEPT,
    POINTS_WHOLE,
    SECONDS_KEPT,
    bound_history,
    bound_report,
    bound_tables,
    text_of,
    thin,
)


@pytest.fixture
def environment():
    """Return an environment with a local runner whose tables are bounded."""
    made = Environment()
    made.create_local_runner()
    bound_tables(made)
    return made


def fail(environment, error, name="append"):
    environment.events.request.fire(
        request_type="WS", name=name, response_time=None, response_length=0, exception=error, context={}
    )


def report(errors, name="append"):
    """A worker's report with these texts, as Locust sends it."""
    found = [StatsError("WS", name, text, 2, 10.0 + n, 20.0 + n) for n, text in enumerate(errors)]
    return {"errors": {StatsError.create_key(e.method, e.name, e.error): e.serialize() for e in found}}


@pytest.mark.parametrize(
    ("error", "row"),
    [
        (JoinRefused("session:019a3c5e-7b1d-7c3a-8f00-0123456789ab", "no #PID<0.1.2>"), "join_refused: no #PID<…>"),
        (PushRefused("session:x", "send", "retry after 12 ms"), "push_refused: retry after TIME"),
        (RestFailed("POST", "/api/sessions", "http_503", 503, "request 4f90d13a42"), "http_503: request ID"),
        (ConnectFailed("ws://x", "upgrade_403", "Forbidden", 403), "upgrade_403: Forbidden"),
        (Disconnected("closed_1012", 1012, "node 7 restarts"), "closed_1012"),
        (ReplyTimeout("session:x", "phx_join", 5.0), "reply_timeout"),
        (ValueError("HTTP 404"), "ValueError('HTTP 404')"),
        ("rejected: \x1b[2J", r"rejected: \x1b[2J"),
    ],
)
def test_a_row_is_a_kind_and_not_a_request(error, row):
    """Our own status and close codes tell rows apart; ids, numbers and times of the server do not."""
    assert text_of(error) == row


def test_a_server_that_says_something_new_each_time_fills_no_table(environment):
    """50 texts per request; the rest is counted as other, so the sum is exact."""
    for number in range(1000):
        fail(environment, f"rejected: {chr(97 + number % 26) * (number // 26 + 1)}\x1b" + "x" * 5000)
        fail(environment, "the same", name="join")
    errors = environment.stats.errors.values()
    appends = [error for error in errors if error.name == "append"]
    assert len(appends) == MAX_KINDS + 1
    assert sum(error.occurrences for error in appends) == 1000
    assert [error.occurrences for error in errors if error.name == "join"] == [1000]
    assert all(len(error.error) <= MAX_SHOWN and error.error.isprintable() for error in errors)
    assert environment.stats.get("append", "WS").num_failures == 1000


def test_who_listens_to_requests_is_given_the_error_itself(environment):
    """Only Locust's table is bounded."""
    heard = []
    environment.events.request.add_listener(lambda exception, **_: heard.append(exception))
    events, problem = RunEvents(), JoinRefused("session:s", "no")
    LocustStats(environment).listen(events)
    events.joined.fire(scenario="s", phase="main", session_id="s", started_s=1.0, done_s=2.0, exception=problem)
    assert heard == [problem]
    assert [error.error for error in environment.stats.errors.values()] == ["join_refused: no"]


def test_a_master_of_many_workers_has_no_more_rows_than_one():
    """Locust adds what each reports; whatever version a worker is of."""
    environment, stats = Environment(), RequestStats()
    environment.events.worker_report.add_listener(lambda client_id, data: bound_report(stats, data))
    environment.events.worker_report.add_listener(lambda client_id, data: merge_as_locust(stats, data))
    for worker in range(50):
        texts = [f"worker {worker} kind {number} \x1b[2J" + "y" * 1000 for number in range(60)]
        environment.events.worker_report.fire(client_id=str(worker), data=report(texts))
    assert len(stats.errors) == MAX_KINDS + 1
    assert sum(error.occurrences for error in stats.errors.values()) == 50 * 60 * 2
    other = next(error for error in stats.errors.values() if error.error == OTHER)
    assert (other.first_seen, other.last_seen) == (10.0, 79.0)
    assert all(error.error.isprintable() for error in stats.errors.values())


def merge_as_locust(stats, data):
    """Act as Locust's own listener does (stats.py on_worker_report)."""
    for key, error in data["errors"].items():
        known = stats.errors.setdefault(key, StatsError.unserialize({**error, "occurrences": 0}))
        known.occurrences += error["occurrences"]
        known.first_seen = min(known.first_seen, error["first_seen"])
        known.last_seen = max(known.last_seen, error["last_seen"])


@pytest.mark.parametrize("data", [{}, {"errors": None}, {"errors": {"key": "no error"}}])
def test_what_is_not_of_locusts_form_is_left_to_locust(data):
    """It is not ours to judge."""
    before = dict(data)
    bound_report(RequestStats(), data)
    assert data == before


def test_exceptions_of_users_are_bounded_and_printable(environment):
    """A row per traceback; the message may quote what a server sent."""
    runner = environment.runner
    for number in range(200):
        runner.log_exception("local", f"\x1b[2J{number}" + "z" * 9999, f'  File "a.py", line {number}, in f\n')
    rows = runner.exceptions.values()
    assert len(rows) == MAX_KINDS + 1
    assert sum(row["count"] for row in rows) == 200
    assert all(row["msg"].isprintable() and len(row["msg"]) <= MAX_SHOWN for row in rows)


def test_seconds_that_locust_reads_no_more_are_forgotten():
    """Its rates are those that it would show with all of them."""
    stats, whole = Environment().stats, Environment().stats
    for second in range(1_700_000_000, 1_700_000_500):
        for table in (stats, whole):
            for entry in (table.total, table.get("append", "WS")):
                entry.num_reqs_per_sec[second] = second % 9
                entry.num_fail_per_sec[second] = second % 4
            table.total.last_request_timestamp = float(second)
            table.total.start_time = 1_700_000_000.0
        bound_history(stats)
        assert stats.total.current_rps == whole.total.current_rps
        assert stats.total.current_fail_per_sec == whole.total.current_fail_per_sec
    assert len(stats.total.num_reqs_per_sec) == len(stats.get("append", "WS").num_fail_per_sec) == SECONDS_KEPT


def test_a_day_of_points_is_as_many_as_half_an_hour():
    """The first and the newest are there, the others lie evenly in between."""
    points = []
    for number in range(17_280):
        points.append({"time": format_utc_timestamp(1_700_000_000.0 + 5 * number), "number": number})
        thin(points)
        assert len(points) <= POINTS_KEPT
    numbers = [point["number"] for point in points]
    assert numbers[-POINTS_WHOLE:] == list(range(17_280 - POINTS_WHOLE, 17_280))
    assert numbers[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(numbers[:-POINTS_WHOLE])]
    assert max(gaps) <= 6 * 17_280 / POINTS_KEPT
    assert len(points) > POINTS_KEPT / 3
