"""`fleetlm-bench` as a person runs it: a process of its own, against the stand-in, the echo agent and real runs."""

import re
import signal
import subprocess
import sys
import tempfile

import pytest
import requests

from tests.e2e.calm import calm
from tests.e2e.harness import END_S, READY, ROOT, Locust, clean_env, eventually, in_one_line, targets
from tests.fork_server.client import python

pytestmark = pytest.mark.e2e

MODULE = ["-m", "fleetlm_users.cli"]
BENCH = [sys.executable, *MODULE]
PATIENT = "10s"  # for what a busy machine takes long to answer; what never comes is waited for once
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
FAST = ["--time-scale", "0.2", "--seed", "7", "--warm-up", "1s", "--ramp-up", "1s", "-t", "4s", "-u", "8"]


def bench(*arguments, answer=""):
    """The command's exit code and everything it printed; never a traceback."""
    env = clean_env(COLUMNS="80", **calm("mixed"))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = python(
            "bench", [*MODULE, *map(str, arguments)], cwd=ROOT, env=env, stdin=subprocess.PIPE, stderr=errors.fileno()
        )
        with process.stdout:
            with process.stdin:
                process.stdin.write(answer)
            told = process.stdout.read()
        code = process.wait(END_S)
        errors.seek(0)
        output = told + errors.read()
    assert "Traceback" not in output, output
    assert "\x1b" not in output
    is_narrow = all(len(line) <= 80 or line.startswith("     /") for line in told.splitlines())
    assert is_narrow or "--markdown" in arguments, output  # paths apart
    return code, output


def lines_of(output):
    """Return the doctor's signs by check."""
    return {line[4:23].strip(): line[2] for line in output.splitlines() if line[2:3] in ("✓", "✗", "!", "–")}


def open_sessions(standin, run_id=None):
    """Return how many sessions are not deleted, by the stand-in's own count."""
    counted = standin.counters(run_id)
    return counted["sessions_created"] - counted["sessions_deleted"]


def run(tmp_path, *arguments):
    """A finished run and its result folder."""
    with Locust(tmp_path, *FAST, *arguments) as locust:
        finished = locust.finish()
    assert finished.summary, finished.output
    return finished, next(finished.results.iterdir())


def sound_run(tmp_path, *arguments):
    """The result folder of a run that passes."""
    finished, folder = run(tmp_path, *arguments)
    assert finished.code == 0, finished.output
    return folder


def test_doctor_is_green_on_a_working_server(standin_with, agent_with):
    """Every check ✓, through a real webhook; nothing is left behind."""
    standin, agent = standin_with(), agent_with()
    code, output = bench("doctor", *targets(standin, agent))
    assert code == 0, output
    assert set(lines_of(output).values()) == {"✓"}
    assert len(lines_of(output)) == 11
    assert "A run can begin" in in_one_line(output)
    standin.await_leaving()
    counted = standin.counters()
    assert (counted["sends_received"], counted["webhooks_called"], open_sessions(standin)) == (1, 1, 0)


def test_doctor_takes_the_host_and_the_environments_variables(standin_with, agent_with):
    """-H sets both URLs; variables are those of a benchmark."""
    standin, agent = standin_with(), agent_with()
    assert bench("doctor", "-H", standin.url, "--agent-url", agent.url)[0] == 0
    environment = clean_env(API_URL=standin.api_url, WS_URL=standin.ws_url, AGENT_URL=agent.url, AGENT_ID="mine")
    done = subprocess.run(
        [*BENCH, "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=END_S, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "mine (created just now)" in done.stdout


@pytest.mark.parametrize(
    ("flags", "failing", "words"),
    [
        (("--refuse-joins",), "join", "refused"),
        (("--no-broadcast",), "own message back", "overloaded"),
        (("--no-agent",), "agent's reply", "/webhook"),
        (("--reject-every", "1"), "own message back", "refused it"),
        (("--disconnect-every", "1"), "own message back", "1011"),
        (("--unavailable",), "REST API", "503"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_doctor_names_what_is_wrong(standin_with, agent_with, flags, failing, words):
    """The failing check is ✗ with words to go on, what depends on it is not tried, and no session stays open."""
    standin, agent = standin_with(*flags), agent_with()
    code, output = bench("doctor", *targets(standin, agent), "--timeout", PATIENT)
    assert code == 1, output
    assert lines_of(output)[failing] == "✗", output
    assert words in in_one_line(output)
    assert "a run would not work" in in_one_line(output)
    assert open_sessions(standin) == 0


def test_doctor_with_a_full_server(standin_with, agent_with):
    """A session that cannot be created: the rest is not tried."""
    standin, agent = standin_with("--session-limit", "1"), agent_with()
    taken = {"sender_id": "somebody", "recipient_id": "bench-echo-agent"}
    assert requests.post(f"{standin.api_url}/sessions", json=taken, timeout=60).status_code == 201
    code, output = bench("doctor", *targets(standin, agent))
    assert code == 1
    found = lines_of(output)
    assert (found["session"], found["join"], found["leave and delete"]) == ("✗", "–", "–"), output


def test_doctor_with_a_dead_agent(standin_with):
    """Its health is doubtful, since FleetLM might still reach it; the missing reply decides."""
    standin = standin_with()
    code, output = bench("doctor", *targets(standin), "--agent-url", NOBODY, "--timeout", PATIENT)
    assert code == 1
    found = lines_of(output)
    assert (found["agent health"], found["own message back"], found["agent's reply"]) == ("!", "✓", "✗"), output
    assert found["leave and delete"] == "✓"


def test_doctor_with_an_agent_that_only_fleetlm_reaches(standin_with):
    """The built-in agent answers though nobody answers at the agent's URL: to be looked at, and no failure."""
    code, output = bench("doctor", *targets(standin_with("--builtin-agent")), "--agent-url", NOBODY)
    assert code == 0, output
    assert lines_of(output)["agent health"] == "!"
    assert "1 to look at" in in_one_line(output)


def test_doctor_with_a_dead_api():
    """Nothing answers: what to start is said, and the rest is not tried."""
    code, output = bench("doctor", "-H", NOBODY, "--agent-url", NOBODY, "--timeout", "1s")
    assert code == 1
    found = lines_of(output)
    assert (found["REST API"], found["WebSocket upgrade"], found["session"]) == ("✗", "✗", "–")
    assert "mix phx.server" in in_one_line(output)


def test_cleanup_finds_all_of_a_run_and_deletes_only_what_was_named(tmp_path, standin):
    """Dry run, a no, the end of input, a yes, and again: checked against the stand-in's own count."""
    run(tmp_path / "one", *targets(standin), "--run-id", "one", "--processes", "2")
    finished, folder = run(tmp_path / "two", *targets(standin), "--run-id", "two")
    assert finished.count("sessions_started") == standin.counters("two")["sessions_created"]
    left = open_sessions(standin, "one")
    assert left > 0
    api = ["--api-url", standin.api_url]

    code, output = bench("cleanup", *api, "--run-id", "one", "--dry-run")
    assert code == 0
    assert f"{left} sessions to delete" in in_one_line(output), output
    for answer in ("n\n", ""):
        code, output = bench("cleanup", *api, "--run-id", "one", answer=answer)
        assert code == 1
        assert "Nothing was deleted" in in_one_line(output)
    assert open_sessions(standin, "one") == left

    code, output = bench("cleanup", *api, "--run-id", "one", answer="y\n")
    assert code == 0
    assert f"{left} sessions deleted" in in_one_line(output), output
    assert open_sessions(standin, "one") == 0
    assert open_sessions(standin, "two") > 0

    code, output = bench("cleanup", *api, "--results", folder, "--yes")
    assert code == 0, output
    assert "began" not in output  # the folder knows how many sessions there were, and all were found
    assert open_sessions(standin) == 0
    code, output = bench("cleanup", *api, "--yes")
    assert code == 0
    assert "0 sessions to delete" in in_one_line(output)


def test_cleanup_counts_what_fails(standin):
    """FleetLM away before, and away in the midst of it."""
    code, output = bench("cleanup", "--api-url", f"{NOBODY}/api", "--run-id", "one", "--yes")
    assert code == 1
    assert "FleetLM cannot be reached" in in_one_line(output)
    assert "refused" in output
    standin.faults(unavailable=True)
    code, output = bench("cleanup", "--api-url", standin.api_url, "--yes")
    assert code == 1
    assert "503" in output


def test_compare_of_real_runs(tmp_path, standin_with):
    """A server that answers 300 ms later is a regression; the same run again is none when anything is tolerated.

    The median decides: other tests' processes starting beside a run can raise its p(95) to hundreds of milliseconds.
    """
    standin = standin_with("--builtin-agent")
    enough = [*targets(standin), "-u", "24", "--threshold", "append_latency_ms: med<60s"]
    before = sound_run(tmp_path / "a", *enough)
    again = sound_run(tmp_path / "b", *enough)
    standin.faults(broadcast_delay_ms=300)
    slow = sound_run(tmp_path / "c", *enough)

    code, output = bench("compare", before, again, "--tolerance", "1000000", "--rate-tolerance", "100")
    assert code == 0, output
    assert "NO REGRESSION SHOWN" in in_one_line(output)
    code, output = bench("compare", before, slow)
    assert code == 3, output
    assert "append_latency_ms med is worse" in in_one_line(output)
    code, output = bench("compare", before / "summary.json", slow, "--markdown")
    assert code == 3
    assert output.startswith("### ✗ mixed: regression")
    code, output = bench("compare", before, slow, "--noise", slow)
    assert code == 0, output
    code, output = bench("compare", slow, before)
    assert code == 0, output
    assert re.search(r"med \*.*better", output)


def test_compare_of_runs_that_do_not_compare(tmp_path, standin):
    """Another number of users, and an interrupted run."""
    before = sound_run(tmp_path / "a", *targets(standin))
    more = sound_run(tmp_path / "b", *targets(standin), "-u", "12")
    code, output = bench("compare", before, more)
    assert code == 4, output
    assert "the load differs" in in_one_line(output)
    code, output = bench("compare", before, more, "--any-load", "--tolerance", "1000000", "--rate-tolerance", "100")
    assert code == 0, output
    with Locust(tmp_path / "c", *FAST, *targets(standin), "-t", "60s", "--run-id", "cut") as locust:
        eventually(lambda: "cut" in standin.counters()["runs"], "the run has sessions")
        locust.interrupt(signal.SIGINT)
        finished = locust.finish()
    code, output = bench("compare", before, next(finished.results.iterdir()))
    assert code == 4, output
    assert "inconclusive" in output


@pytest.mark.parametrize("name", ["standin", "echo-agent"])
def test_the_servers_run_under_the_commands_name(name):
    """All flags are theirs, and so are signals and exit code."""
    server = subprocess.Popen(
        [*BENCH, name, "--port", "0", "--exit-with-parent"], cwd=ROOT, env=clean_env(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert READY.search(server.stdout.readline())
    finally:
        server.terminate()
        code = server.wait(END_S)
        server.stdin.close()
        server.stdout.close()
    assert code == 0


def test_list_and_version_need_no_server():
    """They do not start a Locust process either."""
    assert bench("--version")[0] == 0
    code, output = bench("list")
    assert code == 0
    assert "mixed" in output


def test_a_real_run_is_reported_again_and_is_the_beginning_of_a_trend(tmp_path, standin):
    """The page to the letter, with its charts over time; a single run shows no change."""
    _, folder = run(tmp_path, *targets(standin), "--run-id", "first")
    assert bench("report", folder, "--html", tmp_path / "again.html")[0] == 0
    assert (tmp_path / "again.html").read_text() == (folder / "report.html").read_text()
    code, output = bench("trend", folder.parent, "--html", tmp_path / "trend.html")
    assert code == 4, output
    assert "1 run of this set-up" in in_one_line(output)


def test_smoke_runs_a_benchmark_for_a_moment():
    """One line, and no results left behind."""
    code, output = bench("smoke", "--only", "mixed", "--seconds", "3", "--standin")
    assert code == 0, output
    assert "mixed: " in in_one_line(output)
