"""Both chat protocols: detected or given, every benchmark on each of them, counts equal to the stand-in's own."""

import pytest

from fleetlm_users.workload.benchmarks import BENCHMARKS as PACKAGED
from tests.e2e import test_later_suite
from tests.e2e.benchmarks import SPREADS
from tests.e2e.harness import Locust, targets
from tests.e2e.test_fan_out import READ

pytestmark = pytest.mark.e2e

RUN_ID = "protocols"
SHORT = ["--warm-up", "0s", "--ramp-up", "200ms", "-t", "4s"]
ROUNDS = ["-u", "2", "--iterations", "2"]
BENCHMARKS = {
    "mixed": ["-u", "6", "--time-scale", "0.2", "--inbox-watcher-vus", "1", "--cleanup", *SHORT],
    "message_throughput": ["-u", "4", "--send-interval", "100", *SHORT],
    "message_correctness": [*ROUNDS, "--messages", "5"],
    "session_lifecycle": ROUNDS,
    "concurrent_sessions": ["-u", "4", "--keep-alive-ms", "500", *SHORT],
    "ws_hot_path": ["-u", "4", "--send-interval", "300", *SHORT],
    "fan_out": ["-u", "2", "--listeners", "2", "--send-interval", "100", *SHORT],
    "durability": ["-u", "2", "--send-interval", "100", "--crash", "none", "--audit-after", "1s", *SHORT],
    "capacity": [
        *("-u", "4", "--most", "4", "--hold", "1s", "--settle", "300ms", "--confirm", "0", "--join-rate", "100"),
        *("--message-interval", "200ms"),
    ],
}
ELSEWHERE = {"reconnect_storm", *test_later_suite.CASES}
"""Those that other tests run on both protocols, standalone and distributed."""
TROUBLES = (
    *("messages_duplicated", "messages_out_of_order", "client_anomalies", "messages_lost", "messages_unacknowledged"),
    *("agent_streams_incomplete", "deliveries_duplicated"),
)


def test_no_benchmark_is_left_out():
    """The early protocol's runs are those of each benchmark's own tests."""
    assert {*BENCHMARKS, *ELSEWHERE} == {benchmark.name for benchmark in PACKAGED}


def agree(finished, run):
    """Check that the counts of sent, appended and answered messages are the stand-in's."""
    assert finished.count("messages_sent") == run["sends_received"]
    assert finished.count("messages_appended") == run["messages_appended_user"]
    assert finished.count("agent_replies") == run["messages_appended_agent"]
    assert sum(map(finished.count, READ)) == run["broadcasts_sent"]
    assert finished.count("sessions_started") == run["sessions_created"]


@SPREADS
@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_speaks_the_late_protocol(tmp_path, standin_with, name, spread):
    """Pushes doubled, answers streamed, as a real server does it; on one process and on two."""
    standin = standin_with("--protocol", "late", "--quirks", "--builtin-agent", "--flush-ms", "300")
    flags = [*BENCHMARKS[name], *spread, "--run-id", RUN_ID]
    with Locust(tmp_path, *targets(standin, None), *flags, locustfile=f"locustfiles/{name}.py") as locust:
        finished = locust.finish()
    agree(finished, standin.counters(RUN_ID))
    assert "protocol late, detected" in finished.output
    assert finished.summary["options"]["protocol"] == "late"
    for trouble in TROUBLES:
        assert not finished.count(trouble), finished.output
    assert finished.count("agent_streams") == finished.count("agent_replies")
    assert finished.count("messages_sent") or name == "concurrent_sessions"


def test_a_server_of_both_protocols_serves_runs_of_each(tmp_path, standin_with):
    """The one that is given is spoken; one that is not given is found to be the late one."""
    standin = standin_with("--protocol", "both", "--builtin-agent")
    for given, spoken in ((["--protocol", "early"], "early, as given"), ([], "late, detected")):
        flags = [*ROUNDS, "--run-id", spoken[:4], *given]
        with Locust(tmp_path, *targets(standin, None), *flags, locustfile="locustfiles/session_lifecycle.py") as locust:
            finished = locust.finish()
        assert f"protocol {spoken}" in finished.output
        assert finished.count("sessions_completed") == 4
        agree(finished, standin.counters(spoken[:4]))


@pytest.mark.parametrize(
    ("spoken", "asked", "said"),
    [
        ("early", "late", "it speaks the early protocol, but --protocol late was given; set --protocol early"),
        ("late", "early", "it speaks the late protocol, but --protocol early was given; set --protocol late"),
    ],
)
def test_the_other_protocol_is_refused_before_the_run(tmp_path, standin_with, spoken, asked, said):
    """Every session would fail."""
    standin = standin_with("--protocol", spoken, "--builtin-agent")
    flags = ["--protocol", asked, *SHORT]
    with Locust(tmp_path, *targets(standin, None), *flags, locustfile="locustfiles/mixed.py") as locust:
        finished = locust.finish()
    assert finished.code == 1
    assert said in " ".join(finished.output.split())
    assert not standin.counters()["sessions_created"]
