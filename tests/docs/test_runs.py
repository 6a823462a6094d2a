"""The main commands of the pages run: short, on the stand-in, with the flags that the pages give."""

import re

import pytest
import requests
from locust.argument_parser import get_parser

import echo_agent
from fleetlm_users.standin.options import parse as parse_standin
from fleetlm_users.swarm.options.parser import LOOPBACK, register
from tests.docs.commands import benchmark_of, in_blocks, locustfile_of
from tests.docs.pages import page
from tests.e2e.harness import Locust, eventually, free_port, targets

pytestmark = pytest.mark.e2e

SHOWN = [page(f"docs/{name}.md") for name in ("benchmarks", "presets-and-thresholds", "results")]
SHORT = ["--warm-up", "0", "--ramp-up", "0", "--reply-timeout", "3s", "--drain-timeout", "2s"]
ELSEWHERE = ("-H", "--master", "--worker", "--run-id", "--host", "--baseline")
"""Flags of commands that need what a test has not: another machine, or an earlier run."""


ONLY_LATE = ("hot_path_throughput", "rest_read_write_mix", "cold_start_replay")
"""Benchmarks of what the early protocol does not have."""


def main_commands():
    """Headless runs on this machine, in blocks of their own, one for each set of flags and file."""
    chosen = {}
    for command in (command for shown in (page("README.md"), *SHOWN) for command in in_blocks(shown)):
        words = command.arguments
        is_run = command.program == "locust" and "--headless" in words and not command.env.keys() - {"THRESHOLD"}
        if is_run and not set(words) & set(ELSEWHERE):
            chosen.setdefault((locustfile_of(words), *(word for word in words if word.startswith("--"))), command)
    return list(chosen.values())


def shortened(command, tmp_path):
    """The command's own flags, then those that make it short: the last one counts."""
    words = [word for word in command.arguments if word not in ("--headless", "--standin")]
    at = words.index("-f")
    del words[at : at + 2]
    words = [str(tmp_path / word) if word.endswith((".yaml", ".xml", ".md")) else word for word in words]
    words += [*SHORT, "-t", "3s"]
    if "durability" in locustfile_of(command.arguments):
        words += ["--crash", "none"]  # the stand-in is the test's own
    small = ("-vus", "--processes")
    words = ["2" if before.endswith(small) else word for before, word in zip(["", *words], words, strict=False)]
    if not any(word.endswith("-vus") for word in words):
        words += ["-u", "4"]
    if not {"--arrival-rate", "--pipeline-depth"} & set(words):
        words += ["--time-scale", "0.1"]
    return words


@pytest.mark.parametrize("command", main_commands(), ids=lambda command: command.text)
def test_a_command_of_the_pages_runs(command, tmp_path, standin_with):
    """It begins, sends or joins, judges what its thresholds say, and leaves its report."""
    for shown in SHOWN:
        shown.save(tmp_path)
    protocol = "late" if any(name in locustfile_of(command.arguments) for name in ONLY_LATE) else "early"
    standin = standin_with("--builtin-agent", "--protocol", protocol)
    words = [*targets(standin), *shortened(command, tmp_path)]
    with Locust(tmp_path, *words, locustfile=locustfile_of(command.arguments), env=command.env) as locust:
        finished = locust.finish()
    assert finished.code in (0, 3, 4), finished.output  # which of them is the machine's affair: nothing is timed here
    assert "Traceback" not in finished.output
    assert finished.count("sessions_started") > 0
    folder = next(finished.results.iterdir())
    assert {path.name for path in folder.iterdir()} == files_of_a_run()
    for flag in ("--junit", "--markdown"):
        assert flag not in words or (tmp_path / words[words.index(flag) + 1]).stat().st_size


def files_of_a_run():
    """The result files that the page lists."""
    table = next(table for table in page("docs/results.md").tables() if "file" in table[0])
    return {row["file"].strip("`") for row in table}


def test_main_commands_were_found():
    """Each benchmark has at least one."""
    assert {re.sub(r".*/|\.py", "", locustfile_of(command.arguments)) for command in main_commands()} >= {
        "mixed",
        "concurrent_sessions",
        "message_throughput",
        "session_lifecycle",
        "message_correctness",
        "ws_hot_path",
    }


def test_everything_binds_to_loopback():
    """docs/security.md says so of web UI, master, stand-in and echo agent."""
    parser = get_parser(default_config_files=[])
    register(parser, benchmark_of("locustfiles/mixed.py"))
    parsed = parser.parse_args([])
    bound = {parsed.web_host, parsed.master_bind_host, parse_standin([]).host, echo_agent.parse_options([], {}).host}
    assert bound == {LOOPBACK}


@pytest.fixture
def guarded(tmp_path, standin):
    """A web UI with the login of docs/security.md: its URL, and the stand-in."""
    login = page("docs/security.md").save(tmp_path)["web_login.py"]
    port = free_port()
    arguments = [*targets(standin), "--web-login", "--web-port", port]
    files = f"locustfiles/mixed.py,{login}"
    with Locust(tmp_path, *arguments, locustfile=files, headless=False, env={"WEB_PASSWORD": "right"}) as locust:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), f"the page answers: {locust.output}")
        yield url, standin


def answers(url):
    try:
        return requests.get(f"{url}/login", timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


def test_the_login_of_the_security_page_guards_the_web_ui(guarded):
    """Without the password no page, no start, and nobody is asked on a stranger's behalf; with it, all of it."""
    url, standin = guarded
    form = {"user_count": "1", "spawn_rate": "1", "run_time": "3s", "warm_up": "0", "api_url": standin.api_url}
    stranger = requests.Session()
    assert stranger.get(url, timeout=60).url.startswith(f"{url}/login")
    assert stranger.post(f"{url}/swarm", data=form, timeout=60).url.startswith(f"{url}/login")
    assert stranger.get(f"{url}/fleetlm/metrics", timeout=60).url.startswith(f"{url}/login")
    stranger.post(f"{url}/login_submit", data={"username": "x", "password": "wrong"}, timeout=60)
    assert stranger.get(url, timeout=60).url.startswith(f"{url}/login")
    assert requests.get(f"{standin.api_url}/agents", timeout=60).json() == {"agents": []}  # a preflight would make one
    friend = requests.Session()
    assert friend.post(f"{url}/login_submit", data={"password": "right"}, timeout=60).url.rstrip("/") == url
    assert "fleetlm_run_active 0.0" in friend.get(f"{url}/fleetlm/metrics", timeout=60).text
    assert friend.post(f"{url}/swarm", data=form, timeout=60).json()["success"]
    eventually(lambda: standin.counters()["sessions_created"] > 0, "the run begins")
    assert friend.get(f"{url}/stop", timeout=60).status_code in (200, 405)


def test_the_web_ui_stays_shut_when_nobody_says_who_may_log_in(tmp_path, standin):
    """--web-login alone locks everybody out, a start included."""
    port = free_port()
    with Locust(tmp_path, *targets(standin), "--web-login", "--web-port", port, headless=False) as locust:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), f"the page answers: {locust.output}")
        answer = requests.post(f"{url}/swarm", data={"user_count": "1", "spawn_rate": "1"}, timeout=60)
        assert "Locust auth exception" in answer.text or answer.url.startswith(f"{url}/login")
    assert standin.counters()["sessions_created"] == 0
