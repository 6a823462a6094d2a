"""Three loads: a timetable per user, a rate of all users together, a fixed number in flight."""

import pytest

from tests.e2e.benchmarks import SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

RUNTIME_S = 4


def throughput(tmp_path, standin, *arguments):
    flags = ["--warm-up", "0", "--runtime-ms", RUNTIME_S * 1000, "--reply-timeout", "30s"]
    return run(tmp_path, "message_throughput", standin, *flags, *arguments)


@SPREADS
def test_a_timetable_per_user_ends_with_its_runtime(tmp_path, standin, spread):
    """Every user sends on its timetable for RUNTIME_MS; when all are done the run ends, long before its duration."""
    finished = throughput(tmp_path, standin, "-u", 4, "--send-interval", 100, *spread)
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    dues = RUNTIME_S * 10 - 1  # the last moment is the runtime's end and no longer in it
    assert 4 * dues <= truth["sends_received"] <= 4 * (dues + 1)
    assert finished.summary["run"]["elapsed_s"] < finished.summary["plan"]["duration_s"]
    assert truth["sessions_created"] == 4


@SPREADS
@pytest.mark.parametrize("delay_ms", [0, 700], ids=["at-once", "slow-replies"])
def test_an_arrival_rate_is_exact_however_many_workers_and_however_slow_the_replies(
    tmp_path, standin_with, spread, delay_ms
):
    """The total is the rate times the time within one message per user, also when no reply has come yet."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", delay_ms)
    users, rate_per_s = 5, 97
    bound = ["--threshold", "append_latency_ms: p(95)<500"] if delay_ms else []
    finished = throughput(tmp_path, standin, "-u", users, "--arrival-rate", rate_per_s, *bound, *spread)
    truth = check_accounting(finished, standin)
    assert abs(truth["sends_received"] - rate_per_s * RUNTIME_S) <= users, finished.output
    assert finished.count("messages_not_sent") == 0
    latency = finished.summary["metrics"]["append_latency_ms"]["main"]["all"]
    assert latency["min"] >= delay_ms
    assert finished.code == (3 if delay_ms else 0), finished.output


@SPREADS
def test_a_closed_loop_keeps_no_more_than_its_depth_in_flight(tmp_path, standin_with, spread):
    """Each slot is taken for as long as its message's broadcast is on its way, at least 100 ms here."""
    delay_s, users, depth = 0.1, 2, 4
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", 1000 * delay_s)
    finished = throughput(tmp_path, standin, "-u", users, "--pipeline-depth", depth, *spread)
    truth = check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    most = users * depth * (RUNTIME_S / delay_s + 1)
    assert users * depth < truth["sends_received"] <= most


def test_a_closed_loop_goes_on_when_messages_are_lost(tmp_path, standin_with):
    """A slot whose message never comes back is free after the reply timeout; every loss is counted."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", 20, "--lose-every", 25)
    finished = throughput(tmp_path, standin, "-u", 2, "--pipeline-depth", 2, "--reply-timeout", "500ms")
    accounting = finished.accounting()
    assert finished.code in (0, 3), finished.output
    assert accounting["sent"] == accounting["appended"] + accounting["lost"]
    assert accounting["lost"] >= 4  # more than slots: each was used again
    assert accounting["sent"] == standin.counters()["sends_received"]


def test_the_end_of_the_run_leaves_no_message_unsent(tmp_path, standin):
    """What is due after it is not missing."""
    flags = ["-u", 4, "--arrival-rate", 200, "-t", "4s", "--runtime-ms", 0]
    finished = throughput(tmp_path, standin, *flags)
    check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert finished.count("messages_not_sent") == 0


def test_arrivals_go_on_while_a_broken_session_is_replaced(tmp_path, standin_with):
    """What is due meanwhile is counted as not sent: sent and not sent together are the rate."""
    standin = standin_with("--builtin-agent", "--disconnect-every", 60)
    users, rate_per_s = 4, 40
    finished = throughput(tmp_path, standin, "-u", users, "--arrival-rate", rate_per_s)
    sent, not_sent = finished.accounting()["sent"], finished.count("messages_not_sent")
    assert abs(sent + not_sent - rate_per_s * RUNTIME_S) <= users, finished.output
    assert not_sent > 0
    assert finished.count("disconnects") >= 1
    assert finished.count("sessions_started") > users
