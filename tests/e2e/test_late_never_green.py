"""A fault of a server with the late protocol is never green: falling behind, open outcomes, a third push."""

import pytest

from tests.e2e.benchmarks import OF_BACKLOGS, run

pytestmark = pytest.mark.e2e

LATE = ["--protocol", "late", "--quirks", "--builtin-agent"]
STEADY = [
    *("-u", "4", "--send-interval", "50", "-t", "5s", "--warm-up", "0s", "--drain-timeout", "1s"),
    *("--threshold", "agent_reply_rate: off"),
]
"""Eighty messages a second."""
ROUNDS = ["-u", "2", "--iterations", "2", "--messages", "10", "--reply-timeout", "5s", "--audit", "off"]


@pytest.mark.parametrize(
    ("faults", "metric"),
    [
        (["--webhook-order", "session", "--webhook-service-ms", "200"], "agent_backlog_end_s"),
        (["--append-rate-limit", "20"], "append_backlog_end_s"),
    ],
    ids=["each session's agent", "appends"],
)
def test_a_server_that_falls_behind_fails(tmp_path, standin_with, faults, metric):
    """A quarter of the answers, session by session; a quarter of the appends, whose acknowledgements come late."""
    finished = run(tmp_path, "message_throughput", standin_with(*LATE, *faults), *STEADY, **OF_BACKLOGS)
    assert finished.code == 3, finished.output
    (judged,) = [entry for entry in finished.summary["thresholds"] if entry["metric"] == metric]
    assert not judged["ok"]
    assert judged["measured"] > 2
    assert "the server did not keep up" in finished.said


@pytest.mark.parametrize("fault", ["--timeout-every", "--double-every", "--lose-every"])
def test_the_correctness_of_a_faulty_server_fails(tmp_path, standin_with, fault):
    """An append without its push, a third push, and an ok reply that no push follows."""
    finished = run(tmp_path, "message_correctness", standin_with(*LATE, fault, "7"), *ROUNDS)
    assert finished.code == 3, finished.output
    assert finished.count("message_flaws") > 0
    assert "Traceback" not in finished.output
