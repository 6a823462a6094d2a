"""`--abort-on-fail`: a hopeless run ends early, as failed, with everything recorded; any other run is left alone."""

import pytest
import requests

from tests.e2e.harness import END_S, Locust, eventually, free_port, newest_summary, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "500ms", "--run-id", "abort"]
ABORT = ["--abort-on-fail", "--abort-grace", "2s"]
LONG = ["-t", "120s"]


def check_accounting(finished, standin):
    """Everything that was sent is recorded, as in a run that came to its end."""
    standin.await_leaving()
    assert finished.accounting()["sent"] == standin.counters("abort")["sends_received"] > 0
    assert finished.accounting()["unknown"] == 0


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_percentile_missed_all_the_time_ends_the_run(tmp_path, standin_with, processes):
    """Exit code 3 long before the time is up, with the reason and the thresholds."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", "50")
    bound = ["--threshold", "append_latency_ms: p(95)<5"]
    with Locust(tmp_path, *targets(standin), *FAST, *ABORT, *LONG, *bound, *processes) as locust:
        finished = locust.finish()
    check_accounting(finished, standin)
    assert finished.code == 3, finished.output
    reason = finished.summary["verdict"]["failures"][0]
    assert reason.startswith("aborted after ")
    assert "because append_latency_ms: p(95)<5 measured" in reason
    assert finished.summary["run"]["aborted"] == reason
    assert "interrupted" not in str(finished.summary["verdict"])
    assert f"The run is {reason}" in finished.said
    assert "Traceback" not in finished.output


def test_a_count_beyond_its_bound_ends_the_run(tmp_path, standin_with):
    """No count comes down again."""
    standin = standin_with("--builtin-agent", "--backpressure-every", "10")
    with Locust(
        tmp_path, *targets(standin), *FAST, *ABORT, *LONG, "--threshold", "backpressure_events: count<1"
    ) as locust:
        finished = locust.finish()
    assert finished.code == 3, finished.output
    assert "which can no longer be made good" in finished.summary["run"]["aborted"]


def test_a_healthy_run_is_left_alone(tmp_path, standin):
    """It ends when its time is up, and passes."""
    with Locust(tmp_path, *targets(standin), *FAST, *ABORT, "-t", "5s") as locust:
        finished = locust.finish()
    assert finished.code == 0, finished.output
    assert finished.summary["run"]["aborted"] == ""


def test_the_web_ui_aborts_too_and_is_ready_for_the_next_run(tmp_path, standin_with):
    """The run is judged, the page lives on."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", "50")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Locust(tmp_path, *targets(standin), *FAST, "--web-port", port, headless=False) as locust:
        eventually(lambda: f"Starting web interface at {url}" in locust.output, "the page is served")
        form = {"user_count": "18", "spawn_rate": "36", "run_time": "120", "preset": "light", "host": ""}
        form |= {"abort_on_fail": "on", "abort_grace": "2s", "threshold": "append_latency_ms: p(95)<5"}
        answer = eventually(lambda: posted(f"{url}/swarm", form), "the form is taken")
        assert answer["success"], answer
        summary = eventually(lambda: newest_summary(locust.results), "the run is judged", END_S)
        state = f"{url}/stats/requests"
        eventually(lambda: requests.get(state, timeout=60).json()["state"] in ("stopped", "ready"), "it is ready")
    assert summary["run"]["aborted"].startswith("aborted after ")
    assert summary["verdict"]["kind"] == "fail"


def posted(url, form):
    try:
        return requests.post(url, data=form, timeout=60).json()
    except requests.ConnectionError:
        return None
