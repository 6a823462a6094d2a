"""Whole lives of sessions, a fixed number per user; the run ends by itself when all are over."""

import signal

import pytest
import requests

from tests.e2e.benchmarks import RUN_ID, SHORT_RAMP, SPREADS, check_accounting, run, samples
from tests.e2e.harness import Locust, eventually, free_port, newest_summary, targets

pytestmark = pytest.mark.e2e

USERS, ITERATIONS, MESSAGES = 6, 7, 3
LIVES = USERS * ITERATIONS
SMALL = ["-u", USERS, "--iterations", ITERATIONS]


def check_lives(finished, standin):
    """Exactly that many lives, each created, joined, answered three times, left and deleted."""
    truth = check_accounting(finished, standin)
    assert truth["sessions_created"] == truth["sessions_deleted"] == LIVES, finished.output
    assert truth["sends_received"] == truth["messages_appended_agent"] == LIVES * MESSAGES
    assert finished.count("sessions_completed") == samples(finished, "lifecycle_total_ms") == LIVES
    assert samples(finished, "message_roundtrip_ms") == LIVES * MESSAGES
    assert finished.code == 0, finished.output
    assert finished.summary["verdict"]["kind"] == "pass"


@SPREADS
def test_the_run_ends_by_itself_after_exactly_all_lives(tmp_path, standin, spread):
    """Users times iterations, over all workers; neither interrupted nor endless."""
    finished = run(tmp_path, "session_lifecycle", standin, *SMALL, *spread)
    check_lives(finished, standin)


def test_it_ends_over_a_master_and_two_workers_though_some_finish_while_others_are_spawned(tmp_path, standin):
    """A slow ramp-up: the first users are done before the last ones begin, and must not be begun again."""
    port, file = free_port(), "locustfiles/session_lifecycle.py"
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, *SMALL, "--ramp-up", "4s"]
    master = ["--master", "--expect-workers", "2", "--master-bind-port", port]
    worker = ["--worker", "--master-port", port]
    with (
        Locust(tmp_path, *flags, *master, locustfile=file) as head,
        Locust(tmp_path, *worker, locustfile=file, headless=False) as one,
        Locust(tmp_path, *worker, locustfile=file, headless=False) as two,
    ):
        finished = head.finish()
        assert [one.finish().code, two.finish().code] == [0, 0]
    check_lives(finished, standin)
    assert len(finished.summary["workers"]) == 2
    assert finished.summary["run"]["elapsed_s"] > 3


def test_a_worker_that_is_lost_is_not_waited_for(tmp_path, standin):
    """The run ends when the other's users are done, and is inconclusive."""
    port, file = free_port(), "locustfiles/session_lifecycle.py"
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, "-u", USERS, "--iterations", "300"]
    master = ["--master", "--expect-workers", "2", "--master-bind-port", port]
    worker = ["--worker", "--master-port", port]
    with (
        Locust(tmp_path, *flags, *master, locustfile=file) as head,
        Locust(tmp_path, *worker, locustfile=file, headless=False),
        Locust(tmp_path, *worker, locustfile=file, headless=False) as two,
    ):
        eventually(lambda: standin.counters()["sessions_deleted"] > 2 * USERS, "lives are lived")
        two.interrupt(signal.SIGKILL)
        finished = head.finish()
    assert finished.code == 4, finished.output
    assert "lost" in str(finished.summary["verdict"]["doubts"])


@SPREADS
def test_an_agent_that_does_not_answer_breaks_every_life(tmp_path, standin_with, spread):
    """Each question is awaited until its time is up; the rate is 0, and the run still ends by itself."""
    standin = standin_with("--no-agent")
    flags = ["-u", "2", "--iterations", "2", "--reply-timeout", "3s"]
    finished = run(tmp_path, "session_lifecycle", standin, *flags, *spread)
    truth = check_accounting(finished, standin)
    assert finished.code == 3, finished.output
    assert finished.count("session_failures") == truth["sessions_deleted"] == 4
    assert finished.count("messages_unanswered") == truth["sends_received"] == 4
    assert "reply_timeout" in finished.output


def test_an_end_before_all_lives_are_lived_is_an_interruption(tmp_path, standin):
    """Ctrl-C: a life that was cut short is neither whole nor broken, and all is left cleanly."""
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, "-u", USERS, "--iterations", "100000"]
    with Locust(tmp_path, *flags, locustfile="locustfiles/session_lifecycle.py") as locust:
        eventually(lambda: standin.counters()["sessions_deleted"] > USERS, "lives are lived")
        locust.interrupt(group=True)
        finished = locust.finish()
    truth = check_accounting(finished, standin)
    assert finished.code == 4, finished.output
    assert "interrupted" in str(finished.summary["verdict"]["doubts"])
    assert finished.count("session_failures") == 0
    whole, cut = finished.count("sessions_completed"), finished.count("sessions_cut_short")
    assert whole + cut == truth["sessions_created"] == truth["sessions_deleted"]


def test_run_time_ends_it_without_an_interruption(tmp_path, standin_with):
    """-t is a wish: what is done by then is judged."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", "100")  # or the loop would take all the CPU
    finished = run(tmp_path, "session_lifecycle", standin, "-u", USERS, "--iterations", "100000", "-t", "6s")
    check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert finished.count("session_failures") == 0


def test_the_web_ui_stops_the_test_when_all_are_done(tmp_path, standin):
    """Started by the form; the page says stopped, the report is written, and it can be started again."""
    port = free_port()
    flags = [*targets(standin), *SHORT_RAMP, *SMALL, "--web-port", port]
    with Locust(tmp_path, *flags, locustfile="locustfiles/session_lifecycle.py", headless=False) as locust:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), "the page is up")
        for runs in (1, 2):
            started = requests.post(f"{url}/swarm", data={"iterations": ITERATIONS, "run_id": ""}, timeout=60).json()
            assert started["success"], started
            eventually(lambda: stopped(url), "the test stops by itself")
            done = eventually(lambda n=runs: len(summaries(locust)) == n and newest_summary(locust.results), "a report")
            assert done["metrics"]["sessions_completed"]["main"]["all"]["count"] == LIVES
            assert done["verdict"]["kind"] == "pass", locust.output


def answers(url):
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


def stopped(url):
    return requests.get(f"{url}/stats/requests", timeout=60).json()["state"] == "stopped"


def summaries(locust):
    return list(locust.results.glob("*/summary.json"))
