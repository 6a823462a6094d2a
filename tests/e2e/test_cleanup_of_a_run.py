"""`--cleanup`: a run deletes its own sessions, on every process, and reports any it could not delete."""

import pytest

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "500ms", "--run-id", "swept", "--cleanup"]


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_no_session_of_the_run_is_left(tmp_path, standin, processes):
    """Created = deleted, those of the churn users counted once; the rate says so."""
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "4s", *processes) as locust:
        finished = locust.finish()
    truth = standin.counters("swept")
    assert truth["sessions_created"] == truth["sessions_deleted"] == finished.count("cleanup_succeeded") > 10
    assert finished.summary["metrics"]["cleanup_success_rate"]["main"]["all"]["rate"] == 1
    assert finished.code == 0, finished.output


def test_another_runs_sessions_stay(tmp_path, standin):
    """It only deletes its own."""
    common = [*targets(standin), "--time-scale", "0.2", "-t", "2s"]
    with Locust(tmp_path / "a", *common, "--run-id", "kept") as locust:
        locust.finish()
    with Locust(tmp_path / "b", *common, "--run-id", "swept", "--cleanup") as locust:
        locust.finish()
    assert standin.counters("swept")["sessions_deleted"] == standin.counters("swept")["sessions_created"] > 0
    assert standin.counters("kept")["sessions_deleted"] < standin.counters("kept")["sessions_created"]


def test_a_server_that_is_gone_by_then_is_reported_and_ends_nothing_badly(tmp_path, standin_with):
    """The run is judged and reported as usual; remaining sessions are counted and named."""
    standin = standin_with("--builtin-agent")
    with Locust(tmp_path, *targets(standin), *FAST, "-t", "60s", "--drain-timeout", "1s") as locust:
        eventually(lambda: standin.counters()["sends_received"] > 50, "messages flow")
        standin.stop()
        locust.interrupt()
        finished = locust.finish()
    assert finished.code in (3, 4), finished.output
    assert finished.count("cleanup_failed") > 0
    assert "sessions of this run are left on the server; `fleetlm-bench cleanup --run-id swept`" in finished.said
    assert "Traceback" not in finished.output
