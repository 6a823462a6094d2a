"""The limit of open files is checked before a run: raised if possible, reported if not."""

import pytest

from tests.e2e.harness import Locust, eventually, free_port, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "500ms", "-t", "4s"]
HELD = ["--long-lived-vus", "60", "--burst-vus", "0", "--churn-vus", "0", "--ramp-up", "500ms"]
TOO_FEW = (300, 300)


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_limit_that_is_too_low_is_reported_before_any_user_starts(tmp_path, standin, processes):
    """Exit code 2, with the number to set, also when workers would inherit it."""
    with Locust(tmp_path, *targets(standin), *FAST, "-u", "400", *processes, open_files=TOO_FEW) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    for said in ("the limit is 300", "ulimit -n", "LimitNOFILE", "nofile"):
        assert said in finished.output
    assert standin.counters()["sessions_created"] == 0
    assert "Traceback" not in finished.output


def test_a_soft_limit_is_raised(tmp_path, standin):
    """The same load runs when the hard limit allows it."""
    with Locust(tmp_path, *targets(standin), *FAST, *HELD, "-t", "60s", open_files=(64, 900)) as locust:
        eventually(lambda: standin.counters()["joins_ok"] == 60, "all have joined")
        locust.interrupt()
        finished = locust.finish()
    assert finished.summary["metrics"]["active_connections"]["peak"] == 60, finished.output
    assert finished.summary["host"]["open_files_soft"] >= 260


def test_a_worker_on_a_machine_that_cannot_ends_the_run_and_says_why(tmp_path, standin):
    """The master hears it from the worker: exit code 2, the worker named, nothing of the run judged."""
    port = free_port()
    common = [*targets(standin), *FAST, "-u", "400"]
    with (
        Locust(tmp_path, *common, "--master", "--expect-workers", "2", "--master-bind-port", port) as master,
        Locust(tmp_path, "--worker", "--master-port", port, headless=False),
        Locust(tmp_path, "--worker", "--master-port", port, headless=False, open_files=TOO_FEW),
    ):
        finished = master.finish()
    assert finished.code == 2, finished.output
    assert "cannot take part. Open files" in finished.output
    assert "ulimit -n" in finished.output
    assert "Traceback" not in finished.output
    assert finished.summary == {}
