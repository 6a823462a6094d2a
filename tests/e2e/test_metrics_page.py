"""Prometheus scrapes the report's numbers: in the web UI, and headless on a port of its own."""

import pytest
import requests

from tests.e2e.harness import Locust, eventually, free_port, newest_summary, targets
from tests.e2e.scraping import scrape

pytestmark = pytest.mark.e2e

SHORT = ["--time-scale", "0.2", "--warm-up", "1s"]


def sending(url):
    """What is scraped once some message was sent, else nothing."""
    found = scrape(url)
    return found if found.get("fleetlm_messages_sent_total") else {}


def test_after_a_run_the_page_holds_the_numbers_of_its_report(tmp_path, standin):
    """On a master with two workers, below a base path: sent, appended and answered as the server counted them."""
    port = free_port()
    arguments = ["--web-port", port, "--web-base-path", "/load", "--processes", 2, "--run-id", "scraped"]
    with Locust(tmp_path, *targets(standin), *SHORT, *arguments, headless=False) as locust:
        base = f"http://127.0.0.1:{port}/load"
        eventually(lambda: scrape(f"{base}/fleetlm/metrics").get("fleetlm_run_active") == 0, "the page answers")
        eventually(lambda: requests.get(f"{base}/worker-count", timeout=60).json()["worker_count"] == 2, "two workers")
        form = {"user_count": "9", "spawn_rate": "9", "run_time": "4s", "preset": "light"}
        assert requests.post(f"{base}/swarm", data=form, timeout=60).json()["success"]
        summary = eventually(lambda: newest_summary(locust.results), "the run is judged")
        found = scrape(f"{base}/fleetlm/metrics")
        server = standin.counters("scraped")
        accounting = summary["accounting"]["all"]["all"]
        assert found["fleetlm_messages_sent_total"] == accounting["sent"] == server["sends_received"] > 0
        assert found["fleetlm_messages_appended_total"] == accounting["appended"]
        assert found["fleetlm_append_latency_seconds_count"] == accounting["appended"]
        assert found["fleetlm_append_latency_seconds_bucket", "+Inf"] == accounting["appended"]
        assert found["fleetlm_run_workers"] == 2
        judged = [entry for entry in summary["thresholds"] if entry["measured"] is not None]
        assert found["fleetlm_threshold_ok"] == len(judged) > 3
        assert found["fleetlm_run_verdict"] == 1
        assert found["fleetlm_run_active"] == found["fleetlm_active_connections"] == 0


def test_a_headless_run_is_scraped_on_a_port_of_its_own(tmp_path, standin):
    """Counters and histograms never fall while workers report; the port is bound to loopback alone."""
    port = free_port()
    with Locust(tmp_path, *targets(standin), *SHORT, "-t", "1h", "--processes", 2, "--metrics-port", port) as locust:
        url = f"http://127.0.0.1:{port}/metrics"
        first = eventually(lambda: sending(url), "sends are told")
        assert first["fleetlm_run_active"] == 1
        growing = [key for key in first if "_total" in key or isinstance(key, tuple)]

        def has_grown():
            found = scrape(url)
            assert all(found[key] >= first[key] for key in growing)
            return found["fleetlm_messages_sent_total"] > first["fleetlm_messages_sent_total"]

        eventually(has_grown, "more sends are told")
        locust.interrupt()
        assert locust.finish().code == 4


def test_a_port_that_is_taken_is_reported_before_any_load(tmp_path, standin):
    """Exit code 2 and the flag's name, not a traceback."""
    port = standin.url.rsplit(":", 1)[1]
    with Locust(tmp_path, *targets(standin), "--metrics-port", port) as locust:
        done = locust.finish()
    assert done.code == 2
    assert f"invalid value {port} for --metrics-port (METRICS_PORT): expected a free port of 127.0.0.1" in done.output
    assert "Traceback" not in done.output
