"""The chat room of docs/phoenix.md runs against a small Phoenix application, alone and on workers."""

import pytest
import requests

from fleetlm_users.measure.timeline.rows import from_csv
from tests.docs.pages import page
from tests.e2e.harness import Locust, Server

pytestmark = pytest.mark.e2e

SHORT = ["--warm-up", "0", "--ramp-up", "0", "--stay", "2s", "-u", "4", "-t", "5s"]
GENEROUS = ["--threshold", "push_latency_ms: max<30000; event_latency_ms: max<30000"]


@pytest.fixture
def application():
    """A small Phoenix application."""
    server = Server("-m", "tests.phoenix_server")
    yield server
    server.stop()


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["alone", "two workers"])
def test_the_pages_chat_room_counts_what_the_server_counts(processes, tmp_path, application):
    """No option of FleetLM is set; every push has its fate, every event was seen, and the run passes."""
    chat = page("docs/phoenix.md").save(tmp_path)["chat.py"]
    host = application.url.replace("http", "ws", 1)
    flags = ["-H", host, *SHORT, *GENEROUS, *processes]
    with Locust(tmp_path, *flags, locustfile=str(chat)) as locust:
        finished = locust.finish()
    counted = requests.get(f"{application.url}/counters", timeout=60).json()
    assert finished.code == 0, finished.output
    assert finished.count("pushes_sent") == counted["event new_msg"] > 0
    fates = ("replied", "refused", "timed_out", "lost", "in_flight")
    assert sum(finished.count(f"pushes_{fate}") for fate in fates) == counted["event new_msg"]
    assert finished.count("joins_attempted") == counted["joins"]
    assert finished.count("connections_attempted") == counted["connects"] - 1  # the look before the run
    assert finished.count("events_awaited") == finished.count("events_seen") + finished.count("events_open")
    assert "PUSHES: SENT = REPLIED" in finished.output
    told_in_terms_of_pushes(finished, next((tmp_path / "results").iterdir()), counted["event new_msg"])


def told_in_terms_of_pushes(finished, folder, pushes):
    """Time series, backlogs, list of the slowest: as of our own benchmarks."""
    summary = finished.summary
    assert summary["run"]["sends"] == ["pushes"]
    assert {entry["queue"] for entry in summary["backlogs"]} == {"push", "event"}
    assert {entry["metric"] for entry in summary["slowest"]} == {"push_latency_ms", "event_latency_ms"}
    assert all(entry["session_id"].startswith("room:") for entry in summary["slowest"])
    seconds = from_csv((folder / "timeseries.csv").read_text())
    assert sum(seconds.column("pushes_sent")) == pushes
    assert sum(seconds.column("push_count")) == sum(seconds.column("pushes_replied")) == pushes
    assert "Pushes and events" in (folder / "report.html").read_text()
