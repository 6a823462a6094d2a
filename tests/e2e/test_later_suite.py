"""The benchmarks of FleetLM's later suite on a late stand-in with quirks: its counts, never falsely green."""

import pytest

from tests.e2e.benchmarks import RUN_ID, SPREADS, run, samples
from tests.e2e.calm import LENIENT

pytestmark = pytest.mark.e2e

LATE = ("--protocol", "late", "--quirks", "--builtin-agent", "--flush-ms", "200")
SHORT = ["--audit-after", "1s", "--warm-up", "0s", "--reply-timeout", "30s"]
CASES = {
    "cold_start_replay": [
        *("--backlog-sessions", "2", "--backlog-size", "110", "--replay-duration", "1s"),
    ],
    "rest_read_write_mix": [
        *("-u", "3", "--payload-size", "200", "-t", "2s"),
    ],
    "hot_path_throughput": [
        *("--max-vus", "3", "--ramp-duration", "300ms", "--steady-duration", "700ms", "--ramp-down-duration", "300ms"),
    ],
}
EARLY = {"calmly": False, "env": LENIENT}
"""On the early protocol some of the preset's latencies do not exist; the others are given bounds here."""
EARLY_COLD_STARTS = ["--threshold", "replay_join_ms: max<60s; active_append_ms: max<60s"]

FORGETFUL = [("--lose-replay-every", "7"), ("--change-every", "5")]


def later(tmp_path, name, standin, *arguments):
    return run(tmp_path, name, standin, *SHORT, *CASES[name], *arguments)


@SPREADS
@pytest.mark.parametrize("name", CASES)
def test_its_counts_are_the_servers(tmp_path, standin_with, name, spread):
    """Every message has its fate, each one appended was read back, and nobody is left behind."""
    standin = standin_with(*LATE)
    finished = later(tmp_path, name, standin, *spread)
    assert finished.code == 0, finished.output
    standin.await_leaving()
    truth = standin.counters(RUN_ID)
    accounting = finished.accounting()
    assert accounting["sent"] == accounting["appended"] == truth["messages_appended_user"] > 0
    assert finished.count("sessions_started") == finished.count("sessions_completed") == truth["sessions_created"]
    assert finished.count("messages_audited") == finished.count("messages_stored") == accounting["appended"]


@pytest.mark.parametrize("faults", FORGETFUL, ids=lambda faults: faults[0])
@pytest.mark.parametrize("name", CASES)
def test_a_server_that_forgets_or_changes_is_never_green(tmp_path, standin_with, name, faults):
    """However fast it is."""
    finished = later(tmp_path, name, standin_with(*LATE, *faults))
    assert finished.code == 3, finished.output
    assert finished.count("messages_unstored") + finished.count("messages_stored_changed") > 0


def test_every_acknowledgement_is_counted(tmp_path, standin_with):
    """One for each send."""
    finished = later(tmp_path, "hot_path_throughput", standin_with(*LATE))
    assert finished.count("messages_acknowledged") == finished.count("messages_sent") > 0


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("rest_read_write_mix", [], "can be read over REST"),
        ("cold_start_replay", ["--audit", "replay"], "leave --audit out"),
        (
            "hot_path_throughput",
            ["--threshold", "ack_latency: p(95)<5000"],
            "a metric that this run (pipeline) measures",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_the_early_protocol_is_refused_where_it_cannot_do_it(tmp_path, standin_with, name, arguments, reason):
    """Before anything is created, in a sentence."""
    standin = standin_with("--builtin-agent")
    finished = run(tmp_path, name, standin, *SHORT, *arguments, **EARLY)
    assert finished.code == 2, finished.output
    assert reason in finished.said
    assert not standin.counters()["sessions_created"]


@SPREADS
def test_early_broadcasts_acknowledge_the_hot_path(tmp_path, standin_with, spread):
    """The early protocol replies to no send, which the run says; the preset's threshold on replies is not judged."""
    standin = standin_with("--builtin-agent", "--quirks")
    finished = run(tmp_path, "hot_path_throughput", standin, *SHORT, *CASES["hot_path_throughput"], *spread, **EARLY)
    assert finished.code == 0, finished.output
    said = finished.said
    assert "a user's own broadcast is the acknowledgement" in said
    assert "not judged, as this run does not measure it: ack_latency_ms: p(95)<10" in said
    assert "not audited (--audit auto)" in said
    accounting = finished.accounting()
    assert accounting["sent"] == accounting["appended"] == standin.counters(RUN_ID)["messages_appended_user"] > 0
    assert finished.count("messages_acknowledged") == 0


def early_cold_starts(tmp_path, standin, *arguments):
    flags = [*SHORT, *CASES["cold_start_replay"], *EARLY_COLD_STARTS, *arguments]
    return run(tmp_path, "cold_start_replay", standin, *flags, **EARLY)


@SPREADS
def test_early_cold_starts_are_replayed_by_single_joins(tmp_path, standin_with, spread):
    """The oldest hundred messages of each session, which is all that its joins replay."""
    standin = standin_with("--builtin-agent")
    finished = early_cold_starts(tmp_path, standin, *spread)
    assert finished.code == 0, finished.output
    assert "each replay is checked for those" in finished.said
    accounting = finished.accounting()
    assert accounting["sent"] == accounting["appended"] == standin.counters(RUN_ID)["messages_appended_user"] > 220
    assert finished.count("replay_checked") >= 40 * finished.count("replays") > 0
    assert samples(finished, "replay_rest_ms") == 0


def test_an_early_replay_that_lacks_messages_is_not_green(tmp_path, standin_with):
    """Every seventh is gone."""
    standin = standin_with("--builtin-agent", "--lose-replay-every", "7")
    finished = early_cold_starts(tmp_path, standin)
    assert finished.code == 3, finished.output
    assert finished.count("replay_missing") > 0


def test_each_message_is_read_back_by_the_read_that_follows(tmp_path, standin_with):
    """Posts are accepted, refused or failed, and each accepted one was looked for."""
    finished = later(tmp_path, "rest_read_write_mix", standin_with(*LATE))
    accepted = finished.accounting()["appended"]
    assert accepted == finished.count("replay_checked") == finished.count("rest_reads")
    assert finished.count("messages_read") > accepted
    assert samples(finished, "rest_read_ms") == accepted


@pytest.mark.parametrize("name", ["rest_read_write_mix", "cold_start_replay"])
def test_a_server_that_appends_twice_is_never_green(tmp_path, standin_with, name):
    """A copy under a second seq is found by the reads: each once, by name."""
    standin = standin_with(*LATE, "--append-twice-every", "5")
    finished = later(tmp_path, name, standin, "--audit", "off")
    assert finished.code == 3, finished.output
    assert 0 < finished.count("replay_changed") <= standin.counters(RUN_ID)["messages_appended_twice"]
    assert finished.count("replay_missing") == 0
    assert "stored a second time: it is seq" in str(finished.summary["findings"])


@pytest.mark.parametrize("fault", ["--garbage-every", "--double-every"])
def test_a_hot_path_that_is_acknowledged_and_wrong_is_not_green(tmp_path, standin_with, fault):
    """Every send is acknowledged, in frames that are no JSON now and then, or with one push too many."""
    finished = later(tmp_path, "hot_path_throughput", standin_with(*LATE, fault, "9"), "--audit", "off")
    assert finished.code == 3, finished.output
    assert finished.count("malformed_frames") + finished.count("messages_duplicated") > 0


def test_a_run_without_replays_is_not_green(tmp_path, standin_with):
    """The second phase must have run."""
    finished = later(tmp_path, "cold_start_replay", standin_with(*LATE), "--replay-duration", "0s")
    assert finished.code == 3, finished.output
    assert "replays" in str(finished.summary["verdict"]["failures"])
