"""Each counter of the catalogue counts something: a fault of the stand-in, or a healthy run, moves it."""

from pathlib import Path

import pytest

from fleetlm_users.measure.metrics.catalogue import DEFAULT
from tests.e2e.harness import ROOT, Locust, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "0s", "--ramp-up", "200ms", "-t", "4s"]
WATCHED = ["--inbox-watcher-vus", "2"]
ROUNDS = ["-u", "2", "--iterations", "2", "--messages", "20", "--reply-timeout", "1s"]
CROWD = ["-u", "2", "--listeners", "2", "--send-interval", "50", "-t", "3s", "--warm-up", "0s", "--ramp-up", "0s"]

RUNS = {
    "healthy": (
        "mixed",
        (),
        [*FAST[:-1], "5s", *WATCHED, "--cleanup"],
        """messages_sent messages_received messages_appended agent_replies agent_replies_due agent_replies_matched
        connections_attempted sessions_started sessions_completed session_churn_total cleanup_attempted
        cleanup_succeeded inbox_watched inbox_deltas inbox_shown worker_cpu_samples""",
    ),
    "broken delivery": (
        "message_correctness",
        (
            "--double-every",
            "7",
            "--reorder-every",
            "11",
            "--lose-every",
            "13",
            "--lose-replay-every",
            "17",
            "--alter-every",
            "19",
        ),
        ROUNDS,
        """messages_checked messages_correct message_flaws messages_duplicated messages_out_of_order seq_gaps
        messages_altered
        messages_lost replay_checked replay_missing""",
    ),
    "a server that forgets": (
        "message_throughput",
        ("--lose-replay-every", "7", "--change-every", "5"),
        ["-u", "2", "--send-interval", "20", "-t", "4s", "--warm-up", "0s", "--audit", "replay"],
        """messages_audited messages_stored messages_unstored messages_unaudited answers_audited answers_stored
        answers_unstored answers_unaudited messages_stored_changed answers_stored_changed""",
    ),
    "refused sends": (
        "mixed",
        ("--reject-every", "5", "--backpressure-every", "7", "--garbage-every", "9"),
        FAST,
        "messages_rejected message_failures backpressure_events malformed_frames",
    ),
    "lost sockets": (
        "mixed",
        ("--disconnect-every", "10"),
        FAST,
        "disconnects session_failures",
    ),
    "refused joins": ("mixed", ("--refuse-joins",), FAST, "connection_failures session_failures"),
    "a silent agent": (
        "mixed",
        ("--no-agent",),
        [*FAST, "--reply-timeout", "500ms"],
        "messages_unanswered",
    ),
    "a slow server at the end": (
        "mixed",
        ("--broadcast-delay-ms", "60000"),  # longer than any machine stands still between the last send and the end
        [*FAST, "--drain-timeout", "100ms"],
        "messages_in_flight",
    ),
    "lost sockets at a fixed rate": (
        "message_throughput",
        ("--disconnect-every", "10"),
        ["-u", "4", "--arrival-rate", "40", "-t", "4s", "--warm-up", "0s"],
        "messages_not_sent",
    ),
    "an end amid interviews": (
        "session_lifecycle",
        ("--broadcast-delay-ms", "1000"),
        ["-u", "4", "--iterations", "9", "-t", "4s", "--drain-timeout", "100ms"],
        "sessions_cut_short",
    ),
    "an inbox that falls silent": (
        "mixed",
        ("--quirks",),
        [
            "--long-lived-vus",
            "0",
            "--burst-vus",
            "0",
            "--churn-vus",
            "0",
            "--inbox-watcher-vus",
            "3",
            "-t",
            "5s",
            "--warm-up",
            "0s",
            "--seed",
            "7",
        ],
        "inbox_missed",
    ),
    "open outcomes of the late protocol": (
        "mixed",
        ("--protocol", "late", "--quirks", "--timeout-every", "3", "--no-agent"),
        [*FAST, "--reply-timeout", "500ms"],
        "messages_unconfirmed",
    ),
    "a crowd of the late protocol": (
        "fan_out",
        ("--protocol", "late", "--quirks", "--lose-every", "7", "--double-every", "5", "--reorder-every", "11"),
        [*CROWD, "--reply-timeout", "500ms"],
        """deliveries_expected deliveries_seen deliveries_missed deliveries_repeated deliveries_duplicated
        deliveries_out_of_order fan_outs_whole fan_outs_missed chunks_delivered messages_not_pushed""",
    ),
    "a crowd whose messages come late": (
        "fan_out",
        ("--broadcast-delay-ms", "700"),
        [*CROWD, "--drain-timeout", "100ms", "--reply-timeout", "500ms"],
        "deliveries_open fan_outs_open deliveries_unexpected",
    ),
    "acknowledgements": (
        "hot_path_throughput",
        ("--protocol", "late", "--quirks", "--flush-ms", "300"),
        ["-u", "2", "--ramp-up", "0s", "--steady-duration", "2s", "--ramp-down-duration", "0s", "--audit-after", "1s"],
        "messages_acknowledged",
    ),
    "backlogs": (
        "cold_start_replay",
        ("--protocol", "late"),
        ["-u", "2", "--backlog-size", "20", "--replay-duration", "2s", "--audit-after", "1s"],
        "backlog_appends active_appends replays messages_replayed",
    ),
    "posts and reads": (
        "rest_read_write_mix",
        ("--protocol", "late"),
        ["-u", "2", "-t", "3s", "--warm-up", "0s", "--audit-after", "1s"],
        "rest_reads messages_read",
    ),
    "streams that stall": (
        "mixed",
        ("--protocol", "late", "--quirks"),
        [*FAST, "--stall-limit", "10ms"],
        "agent_chunks agent_streams agent_stream_stalls",
    ),
    "an agent that answers twice": (
        "mixed",
        (),
        FAST,
        "agent_replies_unmatched",
    ),
}

AGENTS = {
    "an agent that answers twice": ("--replies", "2"),
    "streams that stall": ("--chunks", "3", "--chunk-delay-ms", "30"),
}
"""The options of the agent, where the stand-in's own would not do."""

ELSEWHERE = {
    "client_anomalies": "tests/users/test_inbox_watcher.py",  # the stand-in's messages have their times
    "messages_unacknowledged": "tests/users/test_session_observer.py",  # the stand-in replies to every send
    "backlogs_short": "tests/users/test_rest_user.py",  # the stand-in writes as fast as it is asked to
    "replays_failed": "tests/users/test_rest_user.py",  # the stand-in answers every GET
    "rest_reads_failed": "tests/users/test_rest_user.py",  # the stand-in answers every GET
    "agent_latencies_left_out": "tests/client/test_messages_read_together.py",  # a matter of the reader's luck
    **dict.fromkeys(
        (
            *("sessions_resumed", "sessions_not_resumed", "resumes_failed"),
            *("seqs_given_twice", "messages_below_resume"),
        ),
        "tests/e2e/test_durability.py",  # the stand-in has to be killed and started again
    ),
    **dict.fromkeys(
        ("open_messages_stored", "open_messages_unstored", "open_messages_unaudited"),
        "tests/measure/audit/test_crash.py",  # a matter of the moment at which a server is killed
    ),
    **dict.fromkeys(("unconfirmed_stored", "unconfirmed_unstored"), "tests/e2e/test_late_audit.py"),
    "unconfirmed_unaudited": "tests/measure/audit/test_comparison.py",  # of a reading that fails or reaches too short
    "agent_streams_incomplete": "tests/swarm/stats/test_tally.py",  # our agent never breaks off
    "cleanup_failed": "tests/e2e/test_cleanup_of_a_run.py",  # the server is gone by then
    "replay_changed": "tests/measure/judging/test_correctness.py",  # the stand-in never changes what it stored
    "worker_cpu_starved": "tests/measure/test_ledger.py",  # no server starves a generator
    **dict.fromkeys(
        (
            *("sessions_cut", "reconnects", "reconnect_attempts", "away_messages", "away_messages_failed"),
            *("missed_messages", "missed_replayed", "missed_not_brought"),
        ),
        "tests/e2e/test_reconnect_storm.py",  # connections are cut on purpose
    ),
    **dict.fromkeys(
        ("missed_pushed", "storm_attempts", "storm_cpu_ms"),
        "tests/measure/judging/storm/test_result.py",  # a matter of the moment, and of the generator
    ),
    **dict.fromkeys(
        (
            *("visits_due", "visits_begun", "visits_dropped", "visits_ended", "visits_unfinished"),
            *("visit_carried_ms", "visit_presence_ms", "visit_unfinished_ms"),
        ),
        "tests/swarm/test_visits.py",  # of sessions that arrive at a rate, whatever the server does
    ),
}
"""Counters that no fault of the stand-in moves, with the test that does."""


def test_every_counter_has_something_that_moves_it():
    """And a test that names it; sums of other counters are listed too, by what moves their parts."""
    counters = {name for name, metric in DEFAULT.items() if metric.kind == "counter"}
    moved = {name for *_, names in RUNS.values() for name in names.split()}
    assert moved | set(ELSEWHERE) == counters
    for name, path in ELSEWHERE.items():
        assert name in Path(ROOT, path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RUNS)
def test_a_fault_moves_its_counters(tmp_path, standin_with, agent_with, name):
    """Each of them is above 0 in the summary."""
    benchmark, faults, flags, counters = RUNS[name]
    agent = agent_with(*AGENTS[name]) if name in AGENTS else None
    standin = standin_with(*([] if agent else ["--builtin-agent"]), *faults)
    with Locust(tmp_path, *targets(standin, agent), *flags, locustfile=f"locustfiles/{benchmark}.py") as locust:
        finished = locust.finish()
    still = [counter for counter in counters.split() if not finished.count(counter)]
    assert not still, finished.output
