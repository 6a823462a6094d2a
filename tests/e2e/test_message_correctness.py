"""One message in a thousand that is lost, doubled, reordered or not replayed is found and named."""

import pytest
import requests

from tests.e2e.benchmarks import RUN_ID, SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

USERS, ITERATIONS, MESSAGES = 4, 10, 20
SENT = USERS * ITERATIONS * MESSAGES  # with the answers 1,600 messages: one in a thousand is one of them
ROUNDS = ["-u", USERS, "--iterations", ITERATIONS, "--messages", MESSAGES, "--audit", "off"]
SHORT_WAIT = ["--reply-timeout", "10s"]
"""The wait for messages that never come."""


def correctness(tmp_path, standin, *arguments):
    return run(tmp_path, "message_correctness", standin, *ROUNDS, *arguments)


@SPREADS
@pytest.mark.parametrize("depth", [[], ["--pipeline-depth", "3"]], ids=["all-at-once", "depth-3"])
def test_a_healthy_server_passes(tmp_path, standin, spread, depth):
    """Every message of every round is checked, live and in the replay; the run ends by itself."""
    finished = correctness(tmp_path, standin, *spread, *depth)
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert truth["sends_received"] == finished.count("messages_checked") == finished.count("messages_correct") == SENT
    assert truth["sessions_created"] == USERS * ITERATIONS
    assert truth["joins_ok"] == 2 * USERS * ITERATIONS
    assert finished.count("replay_checked") == 2 * SENT
    assert finished.summary["findings"] == {"total": 0, "shown": []}


ONE_AFTER_THE_OTHER = ["-u", 1, "--iterations", USERS * ITERATIONS]
"""The rounds of one user: the 999th push is the last but one of its session, whose last one overtakes it."""

FAULTS = {
    "lose_every": (1000, "lost"),
    "double_every": (1000, "doubled"),
    "reorder_every": (999, "reordered"),
    "lose_replay_every": (1000, "unreplayed"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("spread", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_one_fault_in_a_thousand_is_found_and_named(tmp_path, standin_with, fault, spread):
    """Verdict fail; run id, session, seq and client_ref of the very message stand in the summary and on the console."""
    every, kind = FAULTS[fault]
    standin = standin_with("--builtin-agent", f"--{fault.replace('_', '-')}", every)
    order = ONE_AFTER_THE_OTHER if fault == "reorder_every" else []
    finished = correctness(tmp_path, standin, *spread, *SHORT_WAIT, *order)
    assert finished.code == 3, finished.output
    assert "message_correctness_rate" in str(finished.summary["verdict"]["failures"])
    found = [finding for finding in finished.summary["findings"]["shown"] if finding["kind"] == kind]
    assert len(found) == 1, finished.summary["findings"]
    assert finished.count("message_flaws") == finished.summary["findings"]["total"]
    check_name(found[0], finished, standin, stored=kind != "unreplayed")


def check_name(finding, finished, standin, *, stored):
    """The message that the finding names exists at the server under that number, or is the one missing there."""
    assert finding["run_id"] == RUN_ID
    assert finding["client_ref"].startswith(f"{RUN_ID}-")
    session = {"session_id": finding["session_id"]}
    told = requests.get(f"{standin.url}/standin/messages", params=session, timeout=60).json()
    named = [message for message in told["messages"] if message["seq"] == finding["seq"]]
    assert bool(named) == stored
    assert 1 <= finding["seq"] <= told["seq"]
    if stored:
        assert named[0]["content"]["client_ref"] == finding["client_ref"]
    flat = " ".join(finished.output.split())
    line = f"{finding['kind']}: run {RUN_ID}, session {finding['session_id']}, seq {finding['seq']},"
    assert f"{line} client_ref {finding['client_ref']}" in flat


def test_the_list_is_bounded_and_the_total_is_not(tmp_path, standin_with):
    """A server that replays nothing at all."""
    standin = standin_with("--builtin-agent", "--lose-replay-every", "1")
    finished = correctness(tmp_path, standin)
    assert finished.code == 3, finished.output
    assert finished.count("replay_missing") == finished.summary["findings"]["total"] == 2 * SENT
    assert len(finished.summary["findings"]["shown"]) == 50
    assert f"{2 * SENT - 50:,} more" in finished.output


def test_a_dead_agent_is_not_correct(tmp_path, standin_with):
    """Own broadcasts are not answers: every message is unanswered, and none is correct."""
    flags = ["-u", "2", "--iterations", "1", "--messages", "5", "--reply-timeout", "5s"]
    finished = run(tmp_path, "message_correctness", standin_with("--no-agent"), *flags)
    assert finished.code == 3, finished.output
    assert finished.count("messages_checked") == 10
    assert finished.count("messages_correct") == 0
    assert {finding["kind"] for finding in finished.summary["findings"]["shown"]} == {"unanswered"}


def test_the_end_of_the_run_is_no_fault_of_the_server(tmp_path, standin):
    """Rounds cut short by -t are judged on what happened; nothing is found."""
    finished = run(
        tmp_path, "message_correctness", standin, "-u", "4", "--iterations", "100000", "-t", "3s", "--audit", "off"
    )
    check_accounting(finished, standin)
    assert finished.code != 3, finished.output  # such a loop takes all the CPU there is, which may be told as a doubt
    assert finished.summary["verdict"]["failures"] == []
    assert finished.summary["findings"]["total"] == 0
