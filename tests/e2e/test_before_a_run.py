"""Before any load: targets are checked, mistakes are explained with an example, and nothing is left behind."""

import os
import re

import psutil
import pytest
import requests

from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

NOBODY = ["--api-url", "http://127.0.0.1:9/api", "--ws-url", "ws://127.0.0.1:9/socket/websocket"]


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_when_nothing_answers_it_stops_at_once_and_says_what_to_do(tmp_path, processes):
    """Exit code 1 before any user starts, no process left, no traceback."""
    with Locust(tmp_path, *NOBODY, *processes, forked=False) as locust:
        finished = locust.finish()
        # the last of them may have closed its output and not be gone yet, or be dead and not be buried
        eventually(lambda: not left_of(locust), "nothing is left")
    assert finished.code == 1
    assert "http://127.0.0.1:9/api" in finished.output
    assert "--standin" in finished.output
    assert "python echo_agent.py" in finished.said
    assert "Traceback" not in finished.output
    assert "spawned" not in finished.output


def left_of(locust):
    """The processes of its group, itself apart."""
    return [child for child in psutil.process_iter() if child.pid != locust.process.pid and in_group(child, locust)]


def in_group(process, locust):
    try:
        return os.getpgid(process.pid) == locust.process.pid
    except ProcessLookupError:
        return False


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (["--api-url", "nonsense"], {}, "http://localhost:4000/api"),
        ([], {"AGENT_URL": "ftp://x"}, "http://localhost:4001"),
        (["--preset", "nope"], {}, "light, standard, stress, soak"),
        (["-u", "0"], {}, "1 or more"),
        ([], {"DURATION": "abc"}, "90s"),
        (["--warm-up", "5m"], {}, "--warm-up 0"),
        (["--threshold", "append_latncy: p(95)<1"], {}, "append_latency_ms"),
        (["--threshold", "append_latency_ms: p(95)<"], {}, "append_latency_ms"),
        (["--threshold", "append_latency_ms{scenario:bursty}: p(95)<1"], {}, "burst"),
        (["-u", "20", "--long-lived-vus", "1", "--burst-vus", "1", "--churn-vus", "1"], {}, "20"),
        (["--run-id", "a b"], {}, "letters"),
        (["--standin", "--standin-options", "--flush-ms soon"], {}, "--webhook-order node --webhook-service-ms 2.5"),
        ([], {"STANDIN_LIKE": "early"}, "together with --standin"),
        (["--presets-file", "/nonexistent/presets.yaml"], {}, "/nonexistent/presets.yaml"),
    ],
)
def test_a_mistake_is_reported_with_the_value_and_an_example(tmp_path, arguments, env, said):
    """Exit code 2 as Locust has it for usage errors."""
    with Locust(tmp_path, *arguments, env=env) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert said in finished.said
    assert "Traceback" not in finished.output


def test_flag_beats_environment_beats_preset(tmp_path, standin):
    """Counts and URLs by environment, one overridden by its flag; each count exact."""
    env = {
        "API_URL": standin.api_url,
        "WS_URL": standin.ws_url,
        "LONG_LIVED_VUS": "2",
        "BURST_VUS": "2",
        "CHURN_VUS": "1",
    }
    env |= {"DURATION": "3s", "RUN_ID": "from-env", "THRESHOLD": "append_latency_ms: p(95)<900"}
    with Locust(tmp_path, "--burst-vus", "3", "--time-scale", "0.2", "--warm-up", "500ms", env=env) as locust:
        finished = locust.finish()
    plan, options = finished.summary["plan"], finished.summary["options"]
    assert plan["users"] == {"long_lived": 2, "burst": 3, "churn": 1, "inbox_watcher": 0}
    assert plan["duration_s"] == 3
    assert options["run_id"] == "from-env"
    assert any("p(95)<900" in threshold["expression"] for threshold in finished.summary["thresholds"])
    assert finished.summary["metrics"]["active_connections"]["peak"] == 6


def test_host_sets_both_urls_and_u_scales_the_preset(tmp_path, standin):
    """-H alone points REST and WebSocket to the server; -u 9 halves the light preset."""
    with Locust(tmp_path, "-H", standin.url, "-u", "9", "-t", "3s", "--time-scale", "0.2") as locust:
        finished = locust.finish()
    assert finished.summary["plan"]["users"] == {"long_lived": 5, "burst": 3, "churn": 1, "inbox_watcher": 0}
    assert finished.accounting()["sent"] > 0


def test_runs_side_by_side_keep_their_sessions_apart(tmp_path, standin):
    """Two runs with ids of their own on one server at once: each one has its own accounting."""
    common = [*targets(standin), "--time-scale", "0.2", "-t", "3s"]
    with (
        Locust(tmp_path / "a", *common, "--run-id", "run-a") as one,
        Locust(tmp_path / "b", *common, "--run-id", "run-b") as two,
    ):
        for locust, run_id in ((one, "run-a"), (two, "run-b")):
            finished = locust.finish()
            assert finished.accounting()["sent"] == standin.counters(run_id)["sends_received"] > 0


def test_the_agent_is_created_once_and_sessions_are_marked(tmp_path, standin):
    """Idempotent look-up; metadata and participants as documented."""
    for _ in range(2):
        with Locust(tmp_path, *targets(standin), "-t", "2s", "--time-scale", "0.2", "--run-id", "marked") as locust:
            locust.finish()
    agents = requests.get(f"{standin.api_url}/agents", timeout=60).json()["agents"]
    assert [agent["id"] for agent in agents] == ["bench-echo-agent"]
    session = requests.get(f"{standin.api_url}/sessions", timeout=60).json()["sessions"][0]
    assert session["metadata"]["bench"] is True
    assert session["metadata"]["run_id"] == "marked"
    assert session["metadata"]["scenario"] in ("long_lived", "burst", "churn")
    assert session["user_id"] == f"bench-marked-{session['metadata']['vu']}"


def test_debug_writes_frames_to_the_log(tmp_path, standin):
    """DEBUG=1 shows what goes over the wire."""
    with Locust(tmp_path, *targets(standin), "-t", "2s", "--time-scale", "0.2", env={"DEBUG": "1"}) as locust:
        finished = locust.finish()
    assert '"phx_join"' in finished.output
    assert '"phx_reply"' in finished.output


def test_standin_starts_and_leaves_nothing_behind(tmp_path):
    """--standin runs the whole way with a real echo agent, and its children end with it, also on Ctrl-C."""
    with Locust(tmp_path, "--standin", "-t", "60s", "--time-scale", "0.2") as locust:
        children = eventually_children(locust)
        locust.interrupt(group=True)
        finished = locust.finish()
    assert finished.code == 4, finished.output
    assert finished.count("agent_replies") > 0
    assert not any(psutil.pid_exists(child.pid) for child in children)
    assert "Traceback" not in finished.output


def eventually_children(locust):
    """The two servers, once messages have been answered."""
    eventually(lambda: "users spawned" in locust.output.lower(), "users run")
    children = psutil.Process(locust.process.pid).children(recursive=True)
    assert len(children) == 2
    url = re.search(r"FleetLM  (\S+)/api ", locust.output)[1]
    counters = f"{url}/standin/counters"
    eventually(lambda: requests.get(counters, timeout=60).json()["messages_appended_agent"] > 10, "answers come")
    return children
