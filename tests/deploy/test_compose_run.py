"""The commands of docker-compose.yml, run as processes on the stand-in: the counts add up."""

import re
import signal

import pytest
import requests

from tests.deploy.compose import Compose
from tests.deploy.containers import WAIT_S, Containers
from tests.e2e.calm import calm
from tests.e2e.harness import newest_summary

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RUN_ID = "compose"
SETTINGS = {"DURATION": "4s", "RAMP_UP": "1s", "WARM_UP": "1s", "RUN_ID": RUN_ID, "SEED": "7", "CLEANUP": "1"}
SETTINGS["THRESHOLD"] = calm("mixed")["THRESHOLD"]


def test_a_headless_run_and_then_the_web_ui(tmp_path):
    """Stand-in and agent become healthy; two workers and the master run; the master with the web UI ends cleanly."""
    compose = Compose(SETTINGS, ("standin", "fleetlm", "headless"))
    with Containers(compose, tmp_path) as containers:
        for name in ("standin", "echo-agent"):
            containers.start(name, tmp_path / f"{name}.log")
            containers.await_health(name)
        containers.await_health("fleetlm")  # its check asks the same port, where the stand-in answers
        workers = [containers.start("worker", tmp_path / f"worker-{n}.log") for n in (1, 2)]
        headless = containers.start("headless", tmp_path / "headless.log")
        code = headless.wait(WAIT_S)
        output = (tmp_path / "headless.log").read_text()
        assert "created agent bench-echo-agent with webhook" in output, output
        assert [worker.wait(WAIT_S) for worker in workers] == [0, 0]
        check_counts(containers, output)
        assert code in (0, 4), output  # 4 where this machine is too busy for latencies to be believed

        master = containers.start("master", tmp_path / "master.log")
        containers.await_health("master")
        page = requests.get(f"http://127.0.0.1:{containers.ports['8089']}/", timeout=60)
        assert "Locust" in page.text
        master.send_signal(signal.SIGTERM)
        assert master.wait(WAIT_S) == 0, (tmp_path / "master.log").read_text()


def check_counts(containers, output):
    """Check that the summary has the stand-in's counts, and that the agent's webhook answered every message."""
    found = requests.get(f"http://127.0.0.1:{containers.ports['4000']}/standin/counters", timeout=60).json()
    truth, summary = found["runs"][RUN_ID], newest_summary(containers.results)
    accounting = summary["accounting"]["all"]["all"]
    assert accounting["sent"] == truth["sends_received"] > 0, output
    assert (
        accounting["sent"]
        == accounting["appended"] + accounting["rejected"] + accounting["lost"] + accounting["in_flight"]
    )
    assert truth["messages_appended_agent"] == accounting["appended"]
    assert len(summary["workers"]) == 2
    assert re.search(r"report +\S+", output)
