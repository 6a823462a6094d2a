"""The reconnect storm, whose counts are the stand-in's own; and the storms that are never green."""

import pytest

from tests.e2e.benchmarks import PREFLIGHT_SOCKETS, RUN_ID, SHORT_RAMP, SPREADS, run, samples
from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

USERS = 6
LOAD = ["-u", USERS, "--send-interval", "300", "--warm-up", "0s", "--ramp-up", "0.2s", "--cut-at", "4s", "-t", "10s"]
LENIENT = ["--threshold", "message_success_rate: rate>0.2; reconnect_ms: off"]
"""What is sent on a dead connection is lost, which is much of so short a run."""


def storm(finished):
    return finished.summary["storm"]


@SPREADS
@pytest.mark.parametrize("protocol", ["early", "late"])
def test_counts_are_the_stand_ins_own(tmp_path, standin_with, protocol, spread):
    """Everybody is cut and comes back; the agent's messages and those sent on dead connections are in the replay."""
    standin = standin_with("--builtin-agent", "--no-agent", "--protocol", protocol)
    flags = [*LOAD, *LENIENT, "--unnoticed", "600ms", "--reconnect-after", "300ms", *spread]
    finished = run(tmp_path, "reconnect_storm", standin, *flags)
    truth, told = standin.counters(RUN_ID), storm(finished)
    assert finished.summary["verdict"]["failures"] == [], finished.output
    assert told["planned"] == told["cut"] == told["back"] == USERS
    assert finished.count("disconnects") == finished.count("sessions_resumed") == finished.count("reconnects") == USERS
    assert finished.count("session_failures") == finished.count("sessions_not_resumed") == 0
    assert truth["joins_ok"] == samples(finished, "ws_join_ms") == 2 * USERS
    assert truth["leaves"] == truth["sessions_created"] == USERS
    assert standin.counters()["connections_opened"] == 2 * USERS + PREFLIGHT_SOCKETS
    assert told["attempts"] == finished.count("reconnect_attempts") == finished.count("sessions_cut") == USERS
    assert finished.count("away_messages") == told["away"]["appended"]
    assert finished.count("away_messages_failed") == 0
    assert told["away"] == {"appended": truth["messages_appended_agent"], "failed": 0}
    accounting = finished.accounting()
    # a message written right before the cut may be in a buffer that a reset empties
    assert 0 <= accounting["sent"] - truth["sends_received"] <= accounting["lost"]
    unseen = truth["messages_appended_user"] - accounting["appended"]
    missed = told["missed"]
    assert accounting["in_flight"] == 0
    assert missed["all"] == unseen + truth["messages_appended_agent"] > 0, finished.output
    assert missed["replayed"] + missed["pushed"] == missed["all"]
    assert finished.count("missed_messages") == missed["all"]
    assert finished.count("missed_replayed") == missed["replayed"]
    assert missed["not_brought"] == finished.count("missed_not_brought") == finished.summary["findings"]["total"] == 0
    assert finished.count("seq_gaps") == finished.count("messages_duplicated") == 0
    assert accounting["unknown"] == 0
    assert "THE RECONNECT STORM" in finished.output


def test_a_share_is_exact_and_the_others_stay(tmp_path, standin):
    """Over two workers; the latency of those that stayed is measured beside that before the cut."""
    flags = [*LOAD, *LENIENT, "--cut-share", "0.5", "--reconnect-jitter", "full", "--processes", "2"]
    finished = run(tmp_path, "reconnect_storm", standin, *flags)
    told = storm(finished)
    assert told["planned"] == told["cut"] == told["back"] == USERS // 2, finished.output
    assert finished.count("disconnects") == USERS // 2
    assert told["latency"]["stayed_count"] == samples(finished, "stayed_append_ms") > 0
    assert samples(finished, "calm_append_ms") > 0


@pytest.mark.parametrize("protocol", ["early", "late"])
def test_a_replay_that_forgets_fails_and_names_each_message(tmp_path, standin_with, protocol):
    """The server pushes everything and stores nothing."""
    standin = standin_with("--builtin-agent", "--no-agent", "--protocol", protocol, "--lose-replay-every", "1")
    finished = run(tmp_path, "reconnect_storm", standin, *LOAD, *LENIENT, "--unnoticed", "600ms")
    told = storm(finished)
    assert finished.code == 3, finished.output
    assert told["missed"]["not_brought"] >= told["away"]["appended"] - told["missed"]["pushed"] > 0
    findings = finished.summary["findings"]
    assert findings["total"] == told["missed"]["not_brought"]
    assert {finding["kind"] for finding in findings["shown"]} == {"not_brought_after_cut"}
    assert any("-away-" in finding["client_ref"] for finding in findings["shown"])


def test_nobody_comes_back(tmp_path, standin):
    """The server refuses all joins after the cut: red, and each refusal is counted."""
    flags = [*targets(standin), *SHORT_RAMP, *LOAD, "--cut-at", "8s", "-t", "11s", "--run-id", RUN_ID]
    with Locust(tmp_path, *flags, locustfile="locustfiles/reconnect_storm.py") as locust:
        eventually(lambda: standin.counters()["runs"].get(RUN_ID, {}).get("joins_ok") == USERS, "all joined")
        standin.faults(refuse_joins=True)
        finished = locust.finish()
    told = storm(finished)
    assert finished.code == 3, finished.output
    assert (told["cut"], told["back"], told["back_s"]["50 %"]) == (USERS, 0, None)
    assert finished.count("sessions_not_resumed") == USERS
    assert sum(told["refused"].values()) == finished.count("resumes_failed") >= USERS
    assert "nobody came back" in finished.output


def test_a_restart_of_the_server_cuts_everybody(tmp_path):
    """The stand-in is stopped and started again; who stored what is another benchmark's question."""
    flags = ["--standin", *SHORT_RAMP, *LOAD, *LENIENT, "-t", "14s", "--cut", "server", "--crash", "term"]
    flags += ["--reconnect-after", "200ms"]
    with Locust(tmp_path, *flags, locustfile="locustfiles/reconnect_storm.py") as locust:
        finished = locust.finish()
    told = storm(finished)
    assert (told["cut"], told["back"]) == (USERS, USERS), finished.output
    assert finished.summary["crash"]["how"] == "by SIGTERM to the stand-in"
    assert finished.count("sessions_resumed") == USERS
    assert told["how"] == "by a restart of the server"
