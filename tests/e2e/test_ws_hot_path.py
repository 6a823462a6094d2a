"""The legacy benchmark: joins and appends only, without the agent."""

import pytest

from tests.e2e.benchmarks import SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

USERS = 6
FAST = ["-u", USERS, "--time-scale", "0.1", "-t", "5s", "--warm-up", "1s"]  # a message every 500 ms


@SPREADS
def test_only_joins_and_appends_are_measured(tmp_path, standin, spread):
    """Each user on a session of its own; no agent latency and no agent rate, although the agent answers."""
    finished = run(tmp_path, "ws_hot_path", standin, *FAST, *spread)
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert truth["sessions_created"] == USERS
    assert truth["sends_received"] >= USERS * 3
    assert not {"agent_latency_ms", "message_roundtrip_ms", "agent_reply_rate"} & finished.summary["metrics"].keys()
    assert finished.count("agent_replies") == truth["messages_appended_agent"]
    assert finished.count("messages_unanswered") == finished.count("agent_replies_unmatched") == 0


def test_a_dead_agent_does_not_matter(tmp_path, standin_with):
    """Nor does the end of the run wait for it."""
    standin = standin_with("--no-agent")
    long = ["-t", "80s"]  # the runtime, scaled, is over after 2 s
    finished = run(tmp_path, "ws_hot_path", standin, *FAST, *long, "--send-interval", "1000", "--runtime-ms", "20000")
    check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert finished.summary["run"]["elapsed_s"] < 60
