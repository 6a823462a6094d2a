"""The audit of real runs over the late protocol: replies acknowledge, whole sessions, open outcomes resolved."""

import pytest
import requests

from tests.e2e.benchmarks import run

pytestmark = pytest.mark.e2e

LATE = ["--protocol", "late", "--quirks", "--builtin-agent", "--flush-us-per-message", "0"]
STEADY = ["-u", "2", "--send-interval", "20", "-t", "4s", "--warm-up", "0s", "--audit-after", "2s"]
WAYS = ["replay", "rest"]


def of(finished, *fates):
    return sum(finished.count(f"{whose}_{fate}") for whose in ("messages", "answers") for fate in fates)


@pytest.mark.parametrize("way", WAYS)
def test_whole_sessions_are_audited(tmp_path, standin_with, way):
    """Longer than one replay; a server that forgets nothing is green."""
    standin = standin_with(*LATE, "--flush-ms", "300")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", way)
    assert finished.code == 0, finished.output
    appended = finished.count("messages_appended")
    assert appended == finished.count("messages_stored") > 2 * 55  # with the answers more than 100 in a session
    assert finished.count("answers_stored") == appended
    assert of(finished, "unaudited") == finished.count("messages_unconfirmed") == 0


@pytest.mark.parametrize("way", WAYS)
def test_one_lost_message_in_fifty_is_found(tmp_path, standin_with, way):
    """Each of them, wherever it is in its session."""
    standin = standin_with(*LATE, "--flush-ms", "300", "--lose-replay-every", "50")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", way)
    assert finished.code == 3, finished.output
    assert of(finished, "unstored") == 2 * finished.count("messages_appended") // 50 > 0
    assert of(finished, "stored_changed", "unaudited") == 0


@pytest.mark.parametrize("way", WAYS)
def test_sessions_of_one_group_lose_each_others_messages(tmp_path, standin_with, way):
    """The real server's do the same. Everything is checked, and the losses are those in the stand-in's own record."""
    standin = standin_with(*LATE, "--flush-ms", "300", "--storage-groups", "1")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", way)
    assert finished.code == 3, finished.output
    books = requests.get(f"{standin.url}/standin/storage", timeout=60).json()
    assert of(finished, "unstored") == books["lost_total"] == books["lost_by_cause"]["group"] > 0, finished.output
    assert of(finished, "audited") == 2 * finished.count("messages_appended")
    assert "messages are not stored" in finished.said


@pytest.mark.parametrize("way", WAYS)
def test_open_outcomes_are_resolved(tmp_path, standin_with, way):
    """Every tenth send gets the reply `timeout` and is appended anyway. Those messages are stored, and are no loss."""
    standin = standin_with(*LATE, "--flush-ms", "300", "--timeout-every", "10", "--no-agent")
    flags = [*STEADY, "--agent-replies", "0", "--send-interval", "100", "--audit", way]
    finished = run(tmp_path, "message_throughput", standin, *flags)
    assert finished.count("messages_unconfirmed") == finished.count("unconfirmed_stored") > 0, finished.output
    assert finished.count("messages_audited") == finished.count("messages_appended")
    assert of(finished, "unstored", "unaudited") == finished.count("unconfirmed_unstored") == 0
    assert "whose outcome the server left open" in finished.said


def test_what_was_acknowledged_and_never_pushed_is_audited(tmp_path, standin_with):
    """The ok reply is a promise: each fiftieth message gets one, and no push."""
    standin = standin_with(*LATE, "--flush-ms", "300", "--lose-every", "50", "--no-agent")
    flags = [*STEADY, "--agent-replies", "0", "--reply-timeout", "5s", "--audit", "rest"]
    flags += ["--threshold", "messages_lost: count==0"]
    finished = run(tmp_path, "message_throughput", standin, *flags)
    assert finished.code == 3, finished.output
    sent = finished.count("messages_sent")
    assert finished.count("messages_audited") == finished.count("messages_stored") == sent
    assert finished.count("messages_lost") == sent // 50


def test_a_server_that_has_not_flushed_yet_is_not_accused(tmp_path, standin_with):
    """Pages mix memory and database while the audit reads, and memory may fill one: nothing of that is a loss."""
    standin = standin_with(*LATE, "--flush-ms", "2500")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", "replay", "--audit-after", "0s")
    assert finished.code == 0, finished.output
    assert finished.count("messages_stored") == finished.count("messages_appended") > 2 * 55
    assert of(finished, "unstored", "unaudited") == 0
