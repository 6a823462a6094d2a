"""The server's own figures in a run's report: memory and connections, and a clear statement if they are unavailable."""

import pytest

from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

FAST = ["--time-scale", "0.2", "--warm-up", "500ms", "--ramp-up", "2s"]
HELD = ["--long-lived-vus", "60", "--burst-vus", "0", "--churn-vus", "0"]


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_endpoint_and_process_are_watched_during_the_run(tmp_path, standin, processes):
    """Both sources: first, last and peak, and memory per session or the reason why not."""
    sources = ["--server-metrics", f"{standin.url}/metrics", "--server-pid", standin.process.pid]
    with Locust(tmp_path, *targets(standin), *FAST, *HELD, *sources, "-t", "14s", *processes) as locust:
        finished = locust.finish()
    endpoint, process = finished.summary["server"]
    assert endpoint["failed"] == process["failed"] == 0
    assert endpoint["readings"] >= 2
    assert endpoint["figures"]["connections"] | {"last": 0} == {
        "name": "fleetlm_websocket_connections",
        "first": 0,
        "last": 0,
        "peak": 60,
    }
    assert max(sessions for _, sessions, _ in endpoint["samples"]) == 60
    assert endpoint["figures"]["memory_bytes"]["first"] == pytest.approx(
        process["figures"]["memory_bytes"]["first"], rel=0.05
    )
    found = endpoint["memory_per_session"]
    assert found["sessions"] >= 50 or found["problem"]
    assert "memory per joined session" in finished.output
    page = next(finished.results.glob("*/report.html")).read_text()
    assert "Memory of the server" in page


def test_sources_that_cannot_be_read_are_reported_and_end_nothing(tmp_path, standin):
    """A warning before the run, a count after it; the verdict is not touched."""
    sources = ["--server-metrics", "http://127.0.0.1:9/metrics", "--server-pid", 2**22]
    with Locust(tmp_path, *targets(standin), *FAST, *sources, "-t", "5s") as locust:
        finished = locust.finish()
    assert finished.code == 0, finished.output
    assert "warning: the server's figures (http://127.0.0.1:9/metrics)" in finished.output
    assert all(source["failed"] >= 2 and source["readings"] == 0 for source in finished.summary["server"])
    assert "readings failed" in finished.output
    assert "Traceback" not in finished.output


def test_figures_of_several_sources_are_bounded_each_by_itself(tmp_path, standin):
    """Two processes and an endpoint; one is missed by name, a growth is too short to tell and no pass."""
    watched = ["--server-metrics", f"api={standin.url}/metrics", "--server-pid", f"db={standin.process.pid}"]
    more = ["--server-pid", f"agent={standin.process.pid}"]
    bounds = (
        "server.memory_bytes: max<8GiB; server.db.memory_bytes: max<1KiB; server.agent.memory_bytes: growth<1TiB/h;"
        "server.api.fleetlm_websocket_connections: max<1000"
    )
    with Locust(tmp_path, *targets(standin), *FAST, *watched, *more, "--threshold", bounds, "-t", "5s") as locust:
        finished = locust.finish()
    assert finished.code == 3, finished.output
    judged = {entry["expression"]: entry for entry in finished.summary["thresholds"]}
    assert all(judged[f"server.{name}.memory_bytes: max<8GiB"]["ok"] for name in ("api", "agent", "db"))
    assert not judged["server.db.memory_bytes: max<1KiB"]["ok"]
    assert judged["server.api.fleetlm_websocket_connections: max<1000"]["ok"]
    growth = judged["server.agent.memory_bytes: growth<1TiB/h"]
    assert growth["undecided"]
    assert "too short to tell" in growth["problem"]
    assert "server.db.memory_bytes: max<1KiB: measured" in finished.output


def test_a_bound_on_what_no_source_has_is_refused_before_the_load(tmp_path, standin):
    """It does not become a threshold without readings after the whole run."""
    bound = ["--server-pid", standin.process.pid, "--threshold", "server.memory_bites: max<8"]
    with Locust(tmp_path, *targets(standin), *FAST, *bound, "-t", "60s") as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert "a figure that a source of this run reports" in finished.output
    assert "Traceback" not in finished.output
