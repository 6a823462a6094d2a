"""Held sessions: pinged on a timetable, left after KEEP_ALIVE_MS and begun again, or held to the end."""

import pytest

from tests.e2e.benchmarks import SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

USERS = 20  # as many joins as a 95th percentile needs
# 30 s between pings become 0.6 s, sessions of 60 s become 1.2 s: most of them have time for more than one to begin
FAST = ["-u", USERS, "--time-scale", "0.02", "-t", "5s"]
MOST_SESSIONS = 6
PINGS_PER_SESSION = 1


@SPREADS
def test_sessions_are_held_pinged_left_and_begun_again(tmp_path, standin, spread):
    """Every count agrees; each user held more than one session, each with its ping."""
    finished = run(tmp_path, "concurrent_sessions", standin, *FAST, *spread)
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert USERS < truth["sessions_created"] <= MOST_SESSIONS * USERS
    assert finished.count("sessions_completed") == truth["sessions_created"]
    assert truth["sends_received"] >= USERS * PINGS_PER_SESSION
    assert truth["messages_appended_agent"] == truth["sends_received"]
    assert all(entry["ok"] for entry in finished.summary["thresholds"])
    judged = {entry["metric"] for entry in finished.summary["thresholds"]}
    assert judged >= {"session_creation_ms", "ws_join_ms", "connection_failures"}  # the preset's


def test_nought_holds_every_session_until_the_run_ends(tmp_path, standin):
    """KEEP_ALIVE_MS=0, as an environment variable: one session per user, no more."""
    finished = run(tmp_path, "concurrent_sessions", standin, *FAST, env={"KEEP_ALIVE_MS": "0"})
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert truth["sessions_created"] == USERS
    assert finished.summary["metrics"]["active_connections"]["peak"] == USERS
    assert truth["sends_received"] >= 2 * USERS


def test_a_server_that_takes_no_more_sessions_fails(tmp_path, standin_with):
    """Beyond its limit it answers 503; the failures are counted and the verdict is not green."""
    standin = standin_with("--builtin-agent", "--session-limit", "3")
    finished = run(tmp_path, "concurrent_sessions", standin, *FAST, "--keep-alive-ms", "0", "-t", "4s")
    assert finished.code == 4, finished.output
    assert finished.count("session_failures") > 0
    assert "sessions failed" in str(finished.summary["verdict"]["doubts"])
