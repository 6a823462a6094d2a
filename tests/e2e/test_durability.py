"""The durability benchmark: the losses it finds after a crash are those in the stand-in's own record."""

import re
import shlex
import sys

import psutil
import pytest
import requests

from tests.e2e.benchmarks import RUN_ID, SHORT_RAMP, SPREADS, run
from tests.e2e.harness import END_S, Locust, eventually, targets

pytestmark = pytest.mark.e2e

NEVER_MS = "3600000"
"""The stand-in flushes nothing by itself, so a crash loses all: no timing decides what is lost."""

LOAD = ["-u", "2", "--send-interval", "200", "--warm-up", "0s", "--crash-at", "3s", "--audit-after", "0s"]
LONG = ["-t", "120s"]
"""Until a test ends the run, which is when the server is back, however long that takes."""

GONE = [f"{what}_{fate}" for what in ("messages", "answers") for fate in ("unstored", "stored_changed")]


class OnFile:
    """A stand-in that is killed and started again by a run, with what it needs to know what that lost."""

    def __init__(self, folder, standin_with, *flags):
        self._pid_file = folder / "pid"
        storage = ["--storage-file", folder / "storage", "--journal", folder / "journal", "--builtin-agent", *flags]
        self.api_url = self.ws_url = ""
        first = standin_with(*storage)
        self.url, self.api_url, self.ws_url, self.pid = first.url, first.api_url, first.ws_url, first.process.pid
        words = [
            sys.executable,
            "-m",
            "fleetlm_users.standin",
            *map(str, storage),
            "--port",
            first.url.rpartition(":")[2],
        ]
        script = f"echo $$ > {shlex.quote(str(self._pid_file))}; exec {shlex.join(words)}"
        self.start_command = shlex.join(["sh", "-c", script])

    def books(self):
        """What it says it has lost."""
        return requests.get(f"{self.url}/standin/storage", timeout=60).json()

    def stop(self):
        """End the one that the run started."""
        if self._pid_file.exists():
            process = psutil.Process(int(self._pid_file.read_text()))
            process.terminate()
            process.wait(60)


@pytest.fixture
def server(tmp_path, standin_with):
    made = OnFile(tmp_path, standin_with, "--flush-ms", NEVER_MS)
    yield made
    made.stop()


def run_until(tmp_path, is_done, *arguments):
    """A run of the benchmark that is interrupted as soon as `is_done(its output)`."""
    with Locust(
        tmp_path, *SHORT_RAMP, "--run-id", RUN_ID, *LOAD, *LONG, *arguments, locustfile="locustfiles/durability.py"
    ) as locust:
        eventually(lambda: is_done(locust.output), "the run has come to its point", END_S)
        locust.interrupt()
        return locust.finish()


def goes_on(output):
    """Whether the server is back, and both users with it, and each has sent more than it lost before its return."""
    if "The server answers again" not in output:
        return False
    url = re.search(r"FleetLM  (\S+)/api ", output)[1]
    of_run = requests.get(f"{url}/standin/counters", timeout=60).json()["runs"].get(RUN_ID, {"joins_ok": 0})
    return of_run["joins_ok"] == 2 and of_run["messages_appended_user"] > 10


def check_that_nothing_else_is_doubtful(finished):
    (doubt,) = finished.summary["verdict"]["doubts"]
    assert "interrupted" in doubt


def check_against_books(finished, server):
    """What the client misses is in the books; what else is there was open, or an answer that no client saw."""
    books = server.books()
    crashed = {(entry["session_id"], entry["seq"]) for entry in books["lost"]}
    shown = finished.summary["findings"]["shown"]
    assert {(finding["session_id"], finding["seq"]) for finding in shown} <= crashed, finished.output
    gone = sum(map(finished.count, GONE))
    unseen = sum(map(finished.count, ("open_messages_unstored", "messages_unanswered")))
    assert 0 < gone <= len(crashed) <= gone + unseen, finished.output


@SPREADS
@pytest.mark.parametrize("crash", ["kill", "term"])
def test_it_finds_what_the_stand_in_says_it_lost(tmp_path, server, crash, spread):
    """Everything since the last flush, whichever signal; then seqs are given out again, and users go on."""
    flags = ["--server-pid", server.pid, "--crash", crash, "--restart-command", server.start_command, *spread]
    finished = run_until(tmp_path, goes_on, *targets(server), *flags)
    assert finished.code == 3, finished.output
    check_against_books(finished, server)
    assert finished.count("disconnects") == finished.count("sessions_resumed") == 2
    assert finished.count("sessions_not_resumed") == finished.count("session_failures") == 0
    assert finished.count("seqs_given_twice") == finished.count("messages_below_resume") > 0
    assert finished.count("resumes_failed") > 0
    told = finished.summary["crash"]
    assert told["how"] == f"by SIG{crash.upper()} to process {server.pid}"
    assert 3 <= told["stopped_s"] < told["back_s"]
    check_that_nothing_else_is_doubtful(finished)
    assert finished.accounting()["unknown"] == 0


def test_a_server_that_nobody_starts_again_is_told(tmp_path, server):
    """A line asks for it; no session comes back, which fails the run."""
    flags = ["--server-pid", server.pid, "--restart-timeout", "1s"]
    gone = "the server did not answer again within 1 s"
    finished = run_until(tmp_path, lambda output: gone in output, *targets(server), *flags, "--audit", "off")
    assert finished.code == 3, finished.output
    assert "Start the server again now: the run waits 1 s for it at most" in finished.said
    assert finished.count("sessions_not_resumed") == 2
    assert finished.count("resumes_failed") > 0


@pytest.mark.parametrize("protocol", ["early", "late"])
def test_the_stand_in_needs_nothing_but_its_flag(tmp_path, protocol):
    """It is killed and started again, stores behind by the protocol's period, and loses what it had not stored."""
    options = f"--protocol {protocol} --flush-ms {NEVER_MS}"
    finished = run_until(tmp_path, goes_on, "--standin", "--standin-options", options)
    assert finished.code == 3, finished.output
    assert finished.count("sessions_resumed") == 2
    assert sum(map(finished.count, GONE)) > 0
    check_that_nothing_else_is_doubtful(finished)
    assert finished.summary["metrics"]["lost_ack_age_ms"]["main"]["all"]["count"] > 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "expected the one process to stop"),
        (["--stop-command", "no-such-program-here"], "a program that is there and can be run"),
        (["--stop-command", "true", "--restart-command", "no-such-program-here"], "a program that is there"),
        (["--crash-at", "1h"], "less than the run's 8s"),
    ],
)
def test_what_cannot_stop_the_server_is_refused_before_any_load(tmp_path, standin, flags, words):
    """Exit code 2."""
    finished = run(tmp_path, "durability", standin, *LOAD[:4], "-t", "8s", *flags)
    assert finished.code == 2, finished.output
    assert words in finished.said
    assert standin.counters()["sessions_created"] == 0
