"""One process, forked workers, separate workers: with one seed, the same run and the same numbers."""

import pytest

from tests.e2e.benchmarks import check_accounting
from tests.e2e.layouts import apart, check_percentiles, figures, in_five, in_one, told

pytestmark = pytest.mark.e2e

USERS, ITERATIONS, MESSAGES = 10, 2, 15
ROUNDS = ["-u", USERS, "--iterations", ITERATIONS, "--messages", MESSAGES, "--audit", "off"]  # joins are counted
MIXED_USERS = 18  # the light preset


def test_finite_work_gives_the_same_counts_in_every_layout(tmp_path, standin_with):
    """The same users say the same words, every count is the same, and percentiles are of the merged histogram."""
    seen = {}
    for layout in (in_one, in_five, apart):
        standin = standin_with("--builtin-agent")
        finished = layout(tmp_path / layout.__name__, standin, "message_correctness", *ROUNDS)
        assert finished.code == 0, finished.output
        check_accounting(finished, standin)
        assert check_percentiles(finished) >= 5  # of appends and joins: an answer in the same read has no latency
        seen[layout] = told(standin, USERS), figures(finished)
    users, (accounting, counts) = seen[in_one]
    assert sorted(users) == list(range(1, USERS + 1))
    assert {tuple(map(len, sessions)) for _, sessions in users.values()} == {(MESSAGES,) * ITERATIONS}
    assert accounting["all"]["all"]["sent"] == USERS * ITERATIONS * MESSAGES
    assert counts["messages_correct", "main"] == USERS * ITERATIONS * MESSAGES
    assert seen[in_five] == seen[apart] == seen[in_one]


def test_a_timetable_plans_the_same_in_every_layout(tmp_path, standin_with):
    """The clock may cut a session one message earlier or later, but what is drawn for each user is the same."""
    seen = {}
    for layout in (in_one, in_five):
        standin = standin_with("--builtin-agent")
        clock = ["--time-scale", "0.1", "-t", "4s", "--warm-up", "1s"]
        finished = layout(tmp_path / layout.__name__, standin, "mixed", *clock)
        assert finished.code == 0, finished.output
        seen[layout] = told(standin, MIXED_USERS)
    compared = 0
    for number, (scenario, sessions) in seen[in_one].items():
        assert seen[in_five][number][0] == scenario
        for one, other in zip(sessions, seen[in_five][number][1], strict=False):
            common = min(len(one), len(other))
            assert one[:common] == other[:common]
            compared += common
    assert compared > 2 * MIXED_USERS
