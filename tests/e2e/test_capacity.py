"""The capacity search finds a stand-in's configured limit however it is run, and never claims what it has not seen."""

import pytest
import requests

from tests.e2e.harness import Locust, eventually, free_port, newest_summary, targets

pytestmark = pytest.mark.e2e

LIMIT = 60
WITHIN = 0.1
QUICK = ["--hold", "1s", "--settle", "300ms", "--message-interval", "500ms", "--precision", "8", "-u", "20"]
CALM = ["--lateness-limit", "5s", "--drain-timeout", "3s", "--threshold", "append_latency_ms: p(95)<20000"]
DEADLINE_S = 110


def capacity(tmp_path, standin, *arguments, **kwargs):
    given = [*targets(standin), *QUICK, *CALM, *arguments]
    return Locust(tmp_path, *given, locustfile="locustfiles/capacity.py", **kwargs)


def check_found(found):
    assert LIMIT * (1 - WITHIN) <= found["kept"] <= LIMIT < found["missed"] <= LIMIT * (1 + WITHIN)
    assert found["finished"]
    assert not found["at_least"]
    outcomes = [step["outcome"] for step in found["steps"]]
    assert outcomes[:2] == ["kept", "kept"]
    first_miss = outcomes.index("missed")
    assert found["steps"][first_miss + 1]["repeat"]
    assert found["steps"][first_miss]["joined"] <= LIMIT


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_it_finds_the_configured_limit(tmp_path, standin_with, processes):
    """Within ten percent; the table and the knee on console, in summary.json and on the page."""
    standin = standin_with("--builtin-agent", "--session-limit", str(LIMIT))
    with capacity(tmp_path, standin, *processes) as locust:
        finished = locust.finish(DEADLINE_S)
    found = finished.summary["capacity"]
    check_found(found)
    assert finished.code == 0, finished.output
    assert "step 1" in finished.output
    assert found["words"] in finished.output
    assert "sessions were joined" in found["words"]
    assert found["words"] in next(finished.results.glob("*/report.html")).read_text()
    assert finished.accounting()["unknown"] == 0
    assert standin.counters()["connections_now"] == 0
    truth = standin.counters()
    assert truth["sessions_deleted"] == truth["sessions_created"]
    assert "Traceback" not in finished.output


def test_starting_it_in_the_web_ui_starts_the_search(tmp_path, standin_with):
    """The run ends by itself, and the page is ready for the next."""
    standin = standin_with("--builtin-agent", "--session-limit", str(LIMIT))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    form = {"user_count": "20", "spawn_rate": "20", "host": "", "preset": "default", "run_id": "web"}
    with capacity(tmp_path, standin, "--web-port", port, headless=False) as locust:
        eventually(lambda: f"Starting web interface at {url}" in locust.output, "the page is served")
        answer = eventually(lambda: posted(f"{url}/swarm", form), "the form is taken")
        assert answer["success"], answer
        summary = eventually(lambda: newest_summary(locust.results), "the run is judged", DEADLINE_S)
        state = f"{url}/stats/requests"
        eventually(lambda: requests.get(state, timeout=5).json()["state"] in ("stopped", "ready"), "it is ready")
    check_found(summary["capacity"])
    assert summary["verdict"]["kind"] == "pass"


def posted(url, form):
    try:
        return requests.post(url, data=form, timeout=20).json()
    except requests.ConnectionError:
        return None


def test_messages_per_second_are_searched_for_too(tmp_path, standin):
    """Up to what was asked for, told in messages."""
    flags = ["--search", "messages", "-u", "2", "--most", "4", "--message-interval", "100ms", "--hold", "2s"]
    with capacity(tmp_path, standin, *flags) as locust:
        finished = locust.finish(DEADLINE_S)
    found = finished.summary["capacity"]
    assert (found["unit"], found["result"], found["at_least"]) == ("messages/s", 40, True)
    assert found["steps"][-1]["messages_per_s"] == pytest.approx(40, rel=0.2)
    assert finished.code == 0, finished.output


def test_a_server_that_takes_nobody_fails(tmp_path, standin_with):
    """Not even one session: exit code 3."""
    standin = standin_with("--builtin-agent", "--refuse-joins")
    with capacity(tmp_path, standin, "-u", "2") as locust:
        finished = locust.finish(DEADLINE_S)
    assert finished.code == 3, finished.output
    assert "not even 1 sessions kept the thresholds" in finished.output


def test_a_search_that_is_interrupted_says_how_far_it_came(tmp_path, standin):
    """At least so many; inconclusive."""
    with capacity(tmp_path, standin, "--most", "2000") as locust:
        eventually(lambda: "step 2  " in locust.output, "two steps are done")
        locust.interrupt()
        finished = locust.finish(DEADLINE_S)
    found = finished.summary["capacity"]
    assert finished.code == 4, finished.output
    assert found["kept"] >= 20
    assert found["at_least"]
    assert "the search was not finished" in finished.output
    assert "Traceback" not in finished.output


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--most", "5"], "--most 200"),
        (["--step-factor", "1"], "above 1"),
        (["--search", "users"], "sessions"),
        (["--abort-on-fail"], "looks for the load that fails"),
    ],
)
def test_a_search_that_leads_nowhere_is_refused(tmp_path, standin, flags, said):
    """Exit code 2, with what would be right."""
    with capacity(tmp_path, standin, *flags) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert said in finished.output
    assert "Traceback" not in finished.output
