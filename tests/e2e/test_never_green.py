"""Nothing broken is ever green: each broken server gives fail or inconclusive, and the report says why."""

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "1s", "--drain-timeout", "60s", "-t", "4s", "-u", "6"]
FAST += ["--reply-timeout", "3s"]
"""Every message has its fate before the drain's end."""
PROTOCOLS = pytest.mark.parametrize("spoken", [(), ("--protocol", "late", "--quirks")], ids=["early", "late"])


def run(tmp_path, *arguments):
    with Locust(tmp_path, *FAST, *arguments) as locust:
        return locust.finish()


@PROTOCOLS
def test_a_server_that_never_broadcasts_fails(tmp_path, standin_with, spoken):
    """Messages go out and no push comes back: each is lost or in flight, or was acknowledged by a reply at most."""
    finished = run(tmp_path, *targets(standin_with("--builtin-agent", "--no-broadcast", *spoken)))
    assert finished.code == 3, finished.output
    accounting = finished.accounting()
    assert finished.count("messages_received") == 0
    assert accounting["appended"] <= finished.count("messages_acknowledged")
    assert accounting["sent"] == sum(accounting[fate] for fate in ("appended", "lost", "in_flight")) > 0


@PROTOCOLS
def test_a_server_that_refuses_every_join_fails(tmp_path, standin_with, spoken):
    """No message is ever sent; thresholds without samples fail, and the refusals are counted by kind."""
    finished = run(tmp_path, *targets(standin_with("--builtin-agent", "--refuse-joins", *spoken)))
    assert finished.code == 3, finished.output
    assert finished.count("connection_failures") > 0
    assert "join_refused" in finished.output


def test_a_server_that_turns_unavailable_fails(tmp_path, standin):
    """Found healthy before the run, then 503 on everything."""
    with Locust(tmp_path, *FAST, *targets(standin)) as locust:
        eventually(lambda: standin.counters()["sessions_created"] > 0, "the run begins")
        standin.faults(unavailable=True)
        finished = locust.finish()
    assert finished.code in (3, 4), finished.output
    assert finished.count("session_failures") > 0


@PROTOCOLS
def test_a_dead_agent_fails_though_every_append_works(tmp_path, standin_with, spoken):
    """Own broadcasts are not agent replies: the rate is 0 and the run fails."""
    standin = standin_with(*spoken)  # calls the webhook of an agent that nobody serves
    finished = run(tmp_path, *targets(standin), "--agent-url", "http://127.0.0.1:9")
    assert finished.code == 3, finished.output
    assert finished.accounting()["appended"] > 0
    assert finished.count("agent_replies") == 0
    assert "agent_reply_rate" in str(finished.summary["verdict"]["failures"])


def test_a_total_failure_that_nobody_bounds_is_named(tmp_path, standin_with):
    """No message is answered, and the promise of answers was taken away: inconclusive, and why."""
    standin = standin_with("--builtin-agent", "--no-agent")
    finished = run(tmp_path, *targets(standin), "--threshold", "agent_reply_rate: off")
    assert finished.code == 4, finished.output
    assert "default threshold dropped, as requested: agent_reply_rate: off" in finished.output
    unanswered = finished.count("messages_unanswered", "main")
    expected = f"agent_reply_rate is 0 % of {unanswered:,}: a total failure that no threshold bounds"
    assert expected in finished.summary["verdict"]["doubts"]


def test_answers_that_nobody_awaits_are_no_failure(tmp_path, standin_with):
    """An agent that is said not to answer, and does not."""
    finished = run(tmp_path, *targets(standin_with("--builtin-agent", "--no-agent")), "--agent-replies", "0")
    assert not [doubt for doubt in finished.summary["verdict"]["doubts"] if "total failure" in doubt]
