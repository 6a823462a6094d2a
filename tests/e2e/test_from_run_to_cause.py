"""The way from a run to its causes: baseline, traces, annotations."""

import re

import pytest
import requests

from tests.e2e.grafana import Grafana
from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

TOKEN = "glsa_s3cret"
RUN = ["--run-id", "traced", "--seed", "7", "--time-scale", "0.2", "--warm-up", "1s"]
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]")


def contexts(standin, session_id):
    """The trace contexts that the server keeps with a session's messages, by client_ref."""
    found = requests.get(f"{standin.api_url}/sessions/{session_id}/messages?limit=1000", timeout=60).json()["messages"]
    own = [each for each in found if each["sender_id"] != "bench-echo-agent"]
    return {each["content"]["client_ref"]: TRACEPARENT.fullmatch(each["metadata"]["traceparent"])[1] for each in own}


@pytest.mark.parametrize("spread", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_run_leads_to_traces_annotations_and_what_came_before(tmp_path, standin_with, spread):
    """The server has the traces that the report names; Grafana start and verdict; the token is nowhere else."""
    standin = standin_with("--protocol", "late", "--builtin-agent", "--flush-ms", "200")
    arguments = [*targets(standin), *RUN, "--traceparent", "-u", "6", "-t", "3s", *spread]
    with Locust(tmp_path, *arguments) as locust:
        first = locust.finish()
    with Grafana() as grafana:
        annotate = ["--annotate", f"{grafana.url}/?dashboardUID=load", "--baseline", tmp_path / "results"]
        with Locust(tmp_path, *arguments, *annotate, env={"GRAFANA_TOKEN": TOKEN}) as locust:
            finished = locust.finish()
    assert finished.code == first.code == 0, finished.output
    slowest = finished.summary["slowest"]
    stored = {}
    for session_id in {entry["session_id"] for entry in slowest}:
        stored |= contexts(standin, session_id)
    assert {entry["client_ref"]: entry["trace_id"] for entry in slowest}.items() <= stored.items()
    assert len(set(stored.values())) == len(stored) > 0
    paths, told = {path for path, _ in grafana.posted}, [annotation for _, annotation in grafana.posted]
    assert (paths, set(grafana.tokens)) == ({"/api/annotations"}, {f"Bearer {TOKEN}"})
    assert [annotation["tags"][1] for annotation in told] == ["start", "stage", "verdict"]
    assert {annotation["dashboardUID"] for annotation in told} == {"load"}
    assert told[0]["time"] == told[2]["time"] < told[2]["timeEnd"]
    assert finished.summary["annotations"] == {
        "url": f"{grafana.url}/api/annotations?dashboardUID=load", "posted": 3, "failed": 0, "problem": "",
    }  # fmt: skip
    assert TOKEN not in finished.output
    written = [path.read_text() for path in finished.results.rglob("*") if path.is_file()]
    assert not any(TOKEN in text for text in written)
    assert finished.summary["baseline"]["run_id"] == "traced"
    assert finished.summary["baseline"]["sentences"][0]["text"].split(":")[0] in finished.said


def test_a_grafana_that_refuses_costs_the_run_nothing(tmp_path, standin):
    """It is said once, recorded, and the verdict stays."""
    with (
        Grafana(status=401) as grafana,
        Locust(tmp_path, *targets(standin), *RUN, "-t", "2s", "--annotate", grafana.url) as locust,
    ):
        finished = locust.finish()
    assert finished.code == 0, finished.output
    assert finished.output.count("the run is not annotated in Grafana") == 1
    assert finished.summary["annotations"]["failed"] == 3
    assert "GRAFANA_TOKEN is not set" in finished.summary["annotations"]["problem"]
    assert "3 of 3 annotations not posted" in finished.said
