"""An open inbox shows each message within its batch, or the message is counted as missed."""

import pytest

from tests.e2e.benchmarks import SPREADS, check_accounting, run

pytestmark = pytest.mark.e2e

ONLY = ["--long-lived-vus", "0", "--burst-vus", "0", "--churn-vus", "0", "--inbox-watcher-vus", "3", "--warm-up", "0"]


@SPREADS
@pytest.mark.parametrize("sessions", [1, 3])
def test_a_healthy_inbox_shows_every_message(tmp_path, standin, spread, sessions):
    """Once, in whichever session: as many latencies as messages, none missed."""
    flags = [*ONLY, "--time-scale", "0.1", "-t", "4s", "--inbox-sessions", sessions]
    finished = run(tmp_path, "mixed", standin, *flags, *spread)
    check_accounting(finished, standin)
    appended = finished.accounting()["appended"]
    assert appended > 3
    assert finished.count("inbox_watched") == finished.count("inbox_shown") == appended, finished.output
    assert finished.count("inbox_missed") == 0
    latency, service = (
        finished.summary["metrics"][f"inbox_{kind}_ms"]["main"]["all"] for kind in ("latency", "service")
    )
    assert latency["count"] == service["count"] == appended
    assert service["avg"] <= latency["avg"]
    assert finished.count("inbox_deltas") > 0
    judged = {entry["expression"]: entry["ok"] for entry in finished.summary["thresholds"]}
    assert judged["inbox_shown_rate{scenario:inbox_watcher}: rate>0.9"]


def test_an_inbox_that_falls_silent_misses_messages(tmp_path, standin_with):
    """FleetLM's does so for good after its first second without a message; the threshold applies by default."""
    standin = standin_with("--builtin-agent", "--quirks")
    finished = run(tmp_path, "mixed", standin, *ONLY, "-t", "5s", "--seed", "7")
    check_accounting(finished, standin)
    shown, missed = finished.count("inbox_shown"), finished.count("inbox_missed")
    assert missed > 0, finished.output
    assert shown + missed <= finished.count("inbox_watched") == finished.accounting()["appended"]
    assert finished.code == 3
    assert "inbox_shown_rate{scenario:inbox_watcher}: rate>0.9" in str(finished.summary["verdict"]["failures"])
