"""The summary's counts are the stand-in's, message for message, in every layout and however the run ends."""

import signal

import pytest

from tests.e2e.harness import Locust, eventually, free_port, targets

pytestmark = pytest.mark.e2e

RUN_ID = "counts"
FAST = ["--time-scale", "0.2", "--seed", "7", "--run-id", RUN_ID, "--warm-up", "1s", "--ramp-up", "1s"]
ENOUGH_SENDS = 60


def check_counts(finished, standin):
    """Every message of the run, on both sides, by fate."""
    standin.await_leaving()
    truth = standin.counters(RUN_ID)
    accounting = finished.accounting()
    assert accounting["sent"] == truth["sends_received"], finished.output
    assert accounting["appended"] == truth["messages_appended_user"]
    assert (
        accounting["sent"]
        == accounting["appended"] + accounting["rejected"] + accounting["lost"] + accounting["in_flight"]
    )
    assert accounting["unknown"] == 0
    assert accounting["sent"] > 0
    assert finished.count("agent_replies") == truth["messages_appended_agent"]
    assert finished.count("sessions_started") == truth["sessions_created"]
    assert finished.count("cleanup_succeeded") == truth["sessions_deleted"]


def by_phase_and_scenario(finished):
    """The parts of the accounting must sum to the whole."""
    for key in ("sent", "appended"):
        phases = [finished.accounting(phase)[key] for phase in ("main", "warm_up")]
        assert sum(phases) == finished.accounting()[key]
        scenarios = finished.summary["accounting"]["all"]["scenarios"]
        assert {"burst", "churn"} <= scenarios.keys() <= {"long_lived", "burst", "churn"}
        assert sum(scenario[key] for scenario in scenarios.values()) == finished.accounting()[key]


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_counts_agree_when_the_time_is_up(tmp_path, standin, processes):
    """-t ends the run: verdict pass, nothing in flight, every count equal."""
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s", *processes) as locust:
        finished = locust.finish()
    check_counts(finished, standin)
    by_phase_and_scenario(finished)
    assert finished.code == 0, finished.output
    assert finished.summary["verdict"]["kind"] == "pass"
    assert finished.accounting()["in_flight"] == 0


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_counts_agree_when_the_run_is_interrupted(tmp_path, standin, processes, end):
    """Ctrl-C (to the whole group, as a terminal sends it) and SIGTERM lose no sample; the verdict is inconclusive."""
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "60s", *processes) as locust:
        eventually(lambda: standin.counters()["sends_received"] > ENOUGH_SENDS, "messages flow")
        locust.interrupt(end, group=end == signal.SIGINT)
        finished = locust.finish()
    check_counts(finished, standin)
    assert finished.code == 4, finished.output
    assert "interrupted" in str(finished.summary["verdict"])
    assert "Traceback" not in finished.output


def test_counts_agree_over_a_master_and_two_workers(tmp_path, standin):
    """The same on processes that were started apart."""
    port = free_port()
    common = [*targets(standin), *FAST]
    with (
        Locust(
            tmp_path, *common, "-t", "4s", "--master", "--expect-workers", "2", "--master-bind-port", port
        ) as master,
        Locust(tmp_path, "--worker", "--master-port", port, headless=False) as one,
        Locust(tmp_path, "--worker", "--master-port", port, headless=False) as two,
    ):
        finished = master.finish()
        assert [one.finish().code, two.finish().code] == [0, 0]
    check_counts(finished, standin)
    assert finished.code == 0, finished.output
    assert len(finished.summary["workers"]) == 2
